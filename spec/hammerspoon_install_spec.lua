-- Scripts that load `hs.websocket` by its name, as CommandPost and Hammerspoon's own test do: the steps of that test.
local engine = require "engine"
local servers = require "servers"

local hammerspoon = require "websocket.hammerspoon"

describe("hs.websocket, loaded by its name", function()
   local websocket, events

   before_each(function()
      engine.watch()
      hammerspoon.install()
      websocket = require "hs.websocket"
      events = {}
   end)

   after_each(function()
      package.preload["hs.websocket"], package.loaded["hs.websocket"] = nil, nil
      engine.finish()
   end)

   local function new(url)
      return websocket.new(url, function(event, message)
         events[#events + 1] = { event, message }
      end)
   end

   it("makes userdata with a name, which can be closed at once", function()
      local ws = new(servers.url "/")
      assert.equal("userdata", type(ws))
      assert.equal("hs.websocket", getmetatable(ws).__type)
      assert.is_true(#tostring(ws) > 0)
      ws:close()
      assert.equal("closing", ws:status())
   end)

   for _, is_data in ipairs { true, false } do
      it("delivers the echo of a message that was sent just before close, isData " .. tostring(is_data), function()
         local ws = new(servers.url "/")
         engine.wait(function() return ws:status() == "open" end)
         ws:send("ABC123", is_data)
         ws:close()
         engine.wait(function() return ws:status() == "closed" end)
         assert.same({ { "open" }, { "received", "ABC123" }, { "closed" } }, events)
      end)
   end

   it("is closed where the server cannot be found", function()
      local ws = new "wss://nosuch.invalid/"
      assert.equal("connecting", ws:status())
      engine.wait(function() return ws:status() == "closed" end)
      assert.equal("fail", events[1][1])
   end)
end)
