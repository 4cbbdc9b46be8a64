--- Ctrl-C arrives as an error at any instruction. Wherever it arrives, no event is lost, and the text is that of Lua.

local client = require "client"
local servers = require "servers"
local websocket = require "websocket"

-- Runs `fn` and raises in its nth call of any function. Returns the function that was called, or nil if there were not
-- so many calls, and what pcall returns.
local function interrupted_at(number, fn)
   local left, struck = number, nil
   local function hook()
      left = left - 1
      if left == 0 then
         debug.sethook()
         struck = debug.getinfo(2, "f").func
         error("interrupted!", 0)
      end
   end
   local ok, problem = pcall(function()
      debug.sethook(hook, "c")
      fn()
      debug.sethook()
   end)
   debug.sethook()
   return struck, ok, problem
end

local jit = rawget(_G, "jit")

describe("An interrupt in the middle of receive", function()
   after_each(client.finish)

   it("loses no message, and leaves receive with the text of Lua", function()
      local points = 0
      for number = 1, 80 do
         local ws = assert(websocket.connect(servers.url("/push", { count = 3, size = 10, ["then"] = "close" })))
         local got = {}
         local function receive_all()
            while true do
               local message = ws:receive(10)
               if not message then
                  return
               end
               got[#got + 1] = message:match("^%d")
            end
         end
         if jit then
            jit.off(receive_all)
         end
         local _, ok, problem = interrupted_at(number, receive_all)
         if not ok then
            points = points + 1
            assert(problem:find("interrupted!$"), problem)
         end
         receive_all()
         local all = table.concat(got)
         -- An interrupt at the script's own call of a function comes after it has the message.
         assert(all == "123" or not ok and #all == 2, all .. " at " .. number)
      end
      assert(points > 20, points .. " points")
   end)
end)

describe("An interrupt in the middle of poll", function()
   after_each(client.finish)

   -- What LuaJIT has compiled calls no hooks, but most of this is interpreted.
   it("loses no event and leaves poll with the text of Lua", function()
      local points, within = 0, 0
      for number = 1, 80 do
         local seen = {}
         local function callback(event)
            seen[#seen + 1] = event
         end
         if jit then
            jit.off(callback)
         end
         local ws = websocket.new(servers.url("/push", { count = 3, size = 10, ["then"] = "close" }), callback)
         local deadline = client.now() + 30
         local struck, ok, problem = interrupted_at(number, function()
            repeat
               websocket.poll(0.2)
            until ws:status() == "closed" or client.now() > deadline
         end)
         if struck and not ok then
            points = points + 1
            assert.equal("string", type(problem))
            assert(problem:find("interrupted!$"), problem)
         end
         while websocket.connections() > 0 and client.now() < deadline do
            websocket.poll(0.05)
         end
         -- An interrupt at the first instruction of the callback prevents the effect of that one event.
         local lost = struck == callback and 1 or 0
         within = within + lost
         assert.equal(5 - lost, #seen, ("interrupted at call %d: %s"):format(number, table.concat(seen, " ")))
         if lost == 0 then
            assert.same({ "open", "received", "received", "received", "closed" }, seen)
         end
         assert.equal("closed", ws:status())
         assert.equal(0, websocket.connections())
      end
      assert(points > 10, points)
      assert(within > 0, "no interrupt came at the beginning of the callback")
   end)

   it("keeps its text through a wait inside a call of the engine", function()
      local recorder = client.open(servers.url("/stall"))
      recorder.ws:send(("x"):rep(9000000))
      local points = 0
      for number = 1, 12 do
         local struck, ok, problem = interrupted_at(number, function()
            recorder.ws:flush(0.02)
         end)
         if struck then
            points = points + 1
            assert.is_false(ok)
            assert(tostring(problem):find("interrupted!$"), tostring(problem))
         end
      end
      assert(points > 0, "no interrupt came during flush")
      recorder.ws:terminate()
      client.drain(recorder)
   end)
end)
