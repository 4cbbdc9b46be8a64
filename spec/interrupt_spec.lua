--- Ctrl-C arrives as an error at any instruction. Wherever it arrives, no event is lost, and the text is that of Lua.

local client = require "client"
local servers = require "servers"
local websocket = require "websocket"

-- Runs `fn` and raises in its nth call of any function; returns whether it came to that, and what pcall returns.
local function interrupted_at(number, fn)
   local left, fired = number, false
   local function hook()
      left = left - 1
      if left == 0 then
         debug.sethook()
         fired = true
         error("interrupted!", 0)
      end
   end
   local ok, problem = pcall(function()
      debug.sethook(hook, "c")
      fn()
      debug.sethook()
   end)
   debug.sethook()
   return fired, ok, problem
end

describe("An interrupt in the middle of poll", function()
   after_each(client.finish)

   -- A compiled loop of LuaJIT calls no hooks, but what is called before is interpreted.
   it("loses no event and leaves poll with the text of Lua", function()
      local points = 0
      for number = 1, 80 do
         local seen = {}
         local ws = websocket.new(servers.url("/push", { count = 3, size = 10, ["then"] = "close" }), function(event)
            seen[#seen + 1] = event
         end)
         local deadline = client.now() + 10
         repeat
            os.execute("sleep 0.005")
         until not ws:send("") or client.now() > deadline
         os.execute("sleep 0.005")
         local fired, ok, problem = interrupted_at(number, function()
            websocket.poll(0.2)
         end)
         if fired and not ok then
            points = points + 1
            assert.equal("string", type(problem))
            assert(problem:find("interrupted!$"), problem)
         end
         while websocket.connections() > 0 and client.now() < deadline do
            websocket.poll(0.05)
         end
         -- An interrupt inside the callback itself may prevent the effect of that one event.
         local names = table.concat(seen, " ")
         if names ~= "open received received received closed" then
            assert(fired and not ok, names)
            assert(#seen >= 4, ("interrupted at call %d: %s"):format(number, names))
         end
         assert.equal("closed", ws:status())
         assert.equal(0, websocket.connections())
      end
      assert(points > 10, points)
   end)

   it("keeps its text through a wait inside a call of the engine", function()
      local recorder = client.open(servers.url("/stall"), nil, nil)
      recorder.ws:send(("x"):rep(9000000))
      for number = 1, 12 do
         local fired, ok, problem = interrupted_at(number, function()
            recorder.ws:flush(0.02)
         end)
         if fired and not ok then
            assert(tostring(problem):find("interrupted!$"), tostring(problem))
         end
      end
      recorder.ws:terminate()
      client.drain(recorder)
   end)
end)
