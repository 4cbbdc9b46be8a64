--- `websocket.connections("list")` and `websocket.close_all`: connections that a script may have lost.

local client = require "client"
local expect = require "expect"
local servers = require "servers"
local websocket = require "websocket"

describe("connections", function()
   after_each(client.finish)

   it("lists the connections that are alive, in the order of their making", function()
      assert.same({}, websocket.connections("list"))
      local made = {}
      for index = 1, 20 do
         made[index] = client.connect(servers.url("/echo"))
      end
      local list = websocket.connections("list")
      assert.equal(20, #list)
      for index = 1, 20 do
         assert(rawequal(made[index].ws, list[index]), "number " .. index)
      end
      made[7].ws:terminate()
      client.drain(made[7])
      table.remove(made, 7)
      local later = websocket.connections("list")
      assert.equal(19, #later)
      for index, recorder in ipairs(made) do
         assert(rawequal(recorder.ws, later[index]), "number " .. index)
      end
      -- The list is new each time.
      later[1] = nil
      assert.equal(20, #list)
      assert.equal(19, #websocket.connections("list"))
      assert.equal(19, websocket.connections())
   end)

   it("raises at another argument", function()
      for _, value in ipairs({ "List", "", 1, true, {} }) do
         assert.matches('argument of connections must be "list" or nil', expect.raised(websocket.connections, value))
      end
   end)
end)

describe("close_all", function()
   after_each(client.finish)

   it("closes every connection as close does, and returns how many", function()
      local tokens, recorders = {}, {}
      for index = 1, 3 do
         tokens[index] = servers.token()
         recorders[index] = client.open(servers.url("/echo", { token = tokens[index] }))
         recorders[index].ws:send("before")
      end
      local connecting = client.connect(servers.url("/", nil, "silent"))
      assert.equal(4, websocket.close_all(4001, "reloaded"))
      for _, recorder in ipairs(recorders) do
         assert.equal("closing", recorder.ws:status())
      end
      for index, recorder in ipairs(recorders) do
         assert.same({ "closed", "reloaded", 4001 }, client.drain(recorder))
         assert.same({ "before" }, client.messages(recorder))
         assert.equal(4001, client.report(tokens[index], "close").close)
      end
      expect.closed(connecting, 1006)
      assert.equal(0, websocket.close_all())
   end)

   it("closes those that the script has lost, with 1000 where it names no code", function()
      local token = servers.token()
      do
         local opened
         websocket.new(servers.url("/echo", { token = token }), function(event) opened = opened or event end)
         assert.equal("open", client.poll_until(function() return opened end))
      end
      collectgarbage()
      assert.equal(1, websocket.close_all())
      client.poll_until(function() return websocket.connections() == 0 end)
      assert.equal(1000, client.report(token, "close").close)
   end)

   it("does not count those that are closing already", function()
      local one, other = client.open(servers.url("/silent")), client.open(servers.url("/echo"))
      one.ws:close()
      assert.equal(1, websocket.close_all())
      assert.equal(0, websocket.close_all())
      client.drain(other)
      one.ws:terminate()
      client.drain(one)
   end)

   it("checks its arguments first, and closes nothing where they are wrong", function()
      local recorder = client.open(servers.url("/echo"))
      local long = ("x"):rep(124)
      for _, arguments in ipairs({ { 999 }, { 1006 }, { "1000" }, { 1000, long }, { 1000, 42 }, { 1005, "x" } }) do
         assert.matches("close", expect.raised(websocket.close_all, arguments[1], arguments[2]))
      end
      assert.equal("open", recorder.ws:status())
   end)

   it("can be called in a callback", function()
      local closed
      local recorder
      recorder = client.connect(servers.url("/echo"), nil, function(_, event)
         if event == "open" then
            closed = websocket.close_all(4002)
         end
      end)
      assert.equal(4002, client.drain(recorder)[3])
      assert.equal(1, closed)
   end)
end)
