--- `websocket.userdata`: an object that is a userdata on every Lua, with the metatable of the script.

local expect = require "expect"
local garbage = require "garbage"
local websocket = require "websocket"

describe("userdata", function()
   it("makes a userdata that has the given metatable", function()
      local metatable = {
         __index = { answer = function(self) return type(self) end },
         __tostring = function() return "mine" end,
         __call = function(_, value) return value end,
      }
      local object = websocket.userdata(metatable)
      assert.equal("userdata", type(object))
      assert.equal(metatable, debug.getmetatable(object))
      assert.equal("userdata", object:answer())
      assert.equal("mine", tostring(object))
      assert.equal(42, object(42))
      assert.is_false(rawequal(object, websocket.userdata(metatable)))
   end)

   it("runs the finaliser once, when the object is collected", function()
      local finalised = {}
      local metatable = { __gc = function(object) finalised[#finalised + 1] = type(object) end }
      local kept = websocket.userdata(metatable)
      local function drop_three()
         for _ = 1, 3 do
            websocket.userdata(metatable)
         end
      end
      drop_three()
      garbage.collect_until(function() return #finalised >= 3 end)
      garbage.collect()
      assert.same({ "userdata", "userdata", "userdata" }, finalised)
      assert.equal("userdata", type(kept))
   end)

   it("raises where the metatable is no table", function()
      for _, value in ipairs({ "text", 42, true, print }) do
         assert.matches("userdata_spec.*metatable must be a table, got " .. type(value),
            expect.raised(function() websocket.userdata(value) end))
      end
      assert.matches("got nil", expect.raised(websocket.userdata))
   end)

   it("makes an object that no method of a connection takes for one", function()
      local object = websocket.userdata({ __index = function(_, name) return name end })
      local ws = websocket.new("ws://127.0.0.1:1/", function() end)
      assert.matches("must be called on a websocket", expect.raised(ws.send, object, "text"))
      ws:terminate()
      websocket.run()
   end)

   it("is no connection with the metatable of one either", function()
      local ws = websocket.new("ws://127.0.0.1:1/", function() end)
      local function pretend()
         local object = websocket.userdata({})
         debug.setmetatable(object, debug.getmetatable(ws))
         for _, name in ipairs({ "send", "status" }) do
            assert.matches("must be called on a websocket", expect.raised(ws[name], object, "text"))
         end
      end
      pretend()
      garbage.collect()
      ws:terminate()
      websocket.run()
   end)

   it("raises for a metatable that C code knows its own userdata by", function()
      assert.matches("userdata_spec.*metatable must be one of the script's own",
         expect.raised(function() websocket.userdata(debug.getmetatable(io.stdout)) end))
   end)
end)
