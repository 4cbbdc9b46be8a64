-- What becomes of the shapes' objects where a lost connection is opened again.
local all_shapes = require "all_shapes"
local engine = require "engine"
local servers = require "servers"

describe("every shape with the option reconnect", function()
   before_each(engine.watch)
   after_each(engine.finish)

   for _, shape in ipairs(all_shapes) do
      it("is told of each opening and gets messages of each connection, in " .. shape.name, function()
         local opened, messages, ended = 0, {}, nil
         local connection
         connection = shape.start(servers.url("/reset", { after = 2 }), function(kind, value)
            if kind == "open" then
               opened = opened + 1
            elseif kind == "message" then
               messages[#messages + 1] = value
            elseif kind == "closed" or kind == "error" then
               ended = kind
            end
         end, { reconnect = { min_delay = 0.01, max_delay = 0.01 } })
         for round = 1, 3 do
            engine.wait(function() return opened == round end)
            connection.send("lose it")
            connection.send("lose it")
         end
         engine.wait(function() return opened == 4 end)
         assert.is_nil(ended)
         connection.close()
         engine.wait(function() return ended end)
         assert.equal("closed", ended)
      end)
   end
end)

describe("WHATWG's close with the option reconnect", function()
   before_each(engine.watch)
   after_each(engine.finish)

   it("ends a connection that the server has closed already", function()
      local WebSocket = require("websocket.whatwg").WebSocket
      local names = {}
      local ws = WebSocket(servers.url("/linger", { code = 1012 }), nil, { reconnect = { min_delay = 0.01 } })
      for _, name in ipairs({ "open", "error", "close" }) do
         ws["on" .. name] = function() names[#names + 1] = name end
      end
      engine.wait(function() return ws.readyState == WebSocket.CLOSING end)
      ws:close()
      engine.wait(function() return ws.readyState == WebSocket.CLOSED end)
      assert.equal("open close", table.concat(names, " "))
   end)
end)
