--- Whatever cuts a poll off before a callback has begun, the event is delivered by the next poll, once and in order.

local child = require "child"
local client = require "client"
local servers = require "servers"
local websocket = require "websocket"

local dispatch = websocket._host.dispatch

-- The calls that poll makes before that of the first callback: `dispatch`, and two in it.
local PLACES = 3

-- Polls with a hook that raises `problem` at the entry of one of these functions.
local function poll_struck(place, problem)
   local calls, struck = 0, false
   debug.sethook(function()
      if struck then
         return
      elseif calls > 0 or debug.getinfo(2, "f").func == dispatch then
         calls = calls + 1
      end
      if calls == place then
         struck = true
         error(problem, 0)
      end
   end, "c")
   local ok, raised = pcall(websocket.poll, 0)
   debug.sethook()
   return struck, ok, raised
end

describe("A hook that raises before a callback", function()
   after_each(client.finish)

   for place = 1, PLACES do
      it("loses no event, and no end, at place " .. place, function()
         local pushed = { count = 5, size = 10, ["then"] = "close", code = 4000 }
         local recorder = client.connect(servers.url("/push", pushed))
         local strikes = 0
         local deadline = client.now() + 30
         while not recorder.ended and client.now() < deadline do
            local struck, ok, raised = poll_struck(place, "the host stops the script")
            if struck then
               strikes = strikes + 1
               assert.is_false(ok)
               assert.equal("the host stops the script", raised)
            end
            websocket.poll(0, 1)
         end
         assert.equal("open received received received received received closed", client.names(recorder))
         assert.equal(4000, recorder.ended[3])
         assert(strikes >= 1, "the hook never struck")
      end)

      it("loses no event where it strikes before each of them, several times, at place " .. place, function()
         local recorder = client.open(servers.url("/echo"))
         local strikes = 0
         for round = 1, 10 do
            recorder.ws:send("message " .. round)
            local deadline = client.now() + 30
            repeat
               local struck = poll_struck(place, "interrupted!")
               strikes = strikes + (struck and 1 or 0)
            until struck or client.now() > deadline
            for _ = 1, 3 do
               local struck, ok = poll_struck(place, "interrupted!")
               assert.is_true(struck)
               assert.is_false(ok)
            end
            assert.equal(1, websocket.poll())
            assert.equal(0, websocket.poll())
         end
         assert.equal(10, strikes)
         local messages = client.messages(recorder)
         assert.equal(10, #messages)
         for round = 1, 10 do
            assert.equal("message " .. round, messages[round])
         end
      end)

      it("leaves poll with its error as it is, at place " .. place, function()
         local ran = 0
         websocket.defer(function() ran = ran + 1 end)
         for _, problem in ipairs({ "a text", { code = 42 }, 42, false, print }) do
            local struck, ok, raised = poll_struck(place, problem)
            assert.same({ true, false }, { struck, ok })
            assert(rawequal(problem, raised), tostring(raised))
         end
         assert.same({ 0, 1, 1 }, { ran, websocket.poll(), ran })
      end)
   end

   it("makes no deferred call twice after one that was cut off in its callback", function()
      local ran = {}
      websocket.defer(function()
         ran[#ran + 1] = "first"
         error("interrupted!", 0)
      end)
      websocket.defer(function() ran[#ran + 1] = "second" end)
      assert.is_false(pcall(websocket.poll))
      assert.is_true((poll_struck(1, "interrupted!")))
      assert.equal(1, websocket.poll())
      assert.equal(0, websocket.poll())
      assert.same({ "first", "second" }, ran)
   end)
end)

describe("A poll under many nested calls of C functions", function()
   after_each(client.finish)

   -- Calls `fn` under so many calls of a C function that Lua and LuaJIT count.
   local function nested(depth, fn)
      if depth == 0 then
         return fn()
      end
      local problem
      local _, raised = pcall(string.gsub, "x", "x", function()
         problem = select(2, pcall(nested, depth - 1, fn))
      end)
      return problem or raised
   end

   -- Each level of `nested` uses two C calls.
   it("delivers the end then or in the next poll, and once", function()
      local cut_off = 0
      for depth = 40, 100 do
         local recorder = client.ended_undelivered()
         local before = #recorder.events
         local ok
         nested(depth, function()
            ok = pcall(websocket.poll, 0)
         end)
         cut_off = cut_off + (ok == false and 1 or 0)
         client.drain(recorder)
         websocket.poll()
         assert.equal(1, #recorder.events - before, "at a depth of " .. depth)
         assert.equal("fail", recorder.ended[1])
      end
      if not rawget(_G, "jit") then
         assert(cut_off > 0, "no poll was cut off")
      end
   end)

   it("makes a deferred call then or in the next poll, and once", function()
      for depth = 40, 100 do
         local ran = 0
         websocket.defer(function() ran = ran + 1 end)
         nested(depth, function() pcall(websocket.poll, 0) end)
         websocket.poll()
         websocket.poll()
         assert.equal(1, ran, "at a depth of " .. depth)
      end
   end)
end)

describe("Ctrl-C while large messages arrive", function()
   -- lua.c handles only the first Ctrl-C, so each try needs its own process.
   it("loses none whose callback had not begun", function()
      local url = servers.url("/push", { count = 8, size = 4 * 1048576, ["then"] = "close" })
      for try = 1, 9 do
         -- The callback of event number `try` sends the signal, which arrives some time later.
         local result = child.run(([[
            -- The module asks this about the error at the place where it strikes.
            local find, getinfo = string.find, debug.getinfo
            local callback, within
            function string.find(text, pattern, ...)
               if pattern == "interrupted!$" then
                  for level = 2, 9 do
                     local info = getinfo(level, "f")
                     within = within or info ~= nil and info.func == callback
                  end
               end
               return find(text, pattern, ...)
            end
            local websocket = require "websocket"
            local pid = io.popen("echo $PPID"):read("*l")
            local seen, kill = {}, nil
            function callback(event, message)
               seen[#seen + 1] = event == "received" and tonumber(message:match("^%%d+")) or event
               if #seen == %d then
                  kill = io.popen("kill -INT " .. pid)
               end
            end
            websocket.new(%q, callback)
            local deadline = os.time() + 50
            local ok, problem = pcall(function()
               while os.time() < deadline do
                  websocket.poll(0.1)
               end
            end)
            assert(not ok, "no signal came")
            assert(tostring(problem):find("interrupted!$"), tostring(problem))
            -- The interrupt can only prevent the effect of a callback that had begun.
            local lost = within and 1 or 0
            websocket.run()
            local last = 0
            for _, name in ipairs(seen) do
               if type(name) == "number" then
                  assert(name > last, "delivered twice or out of order")
                  last = name
               end
            end
            assert(#seen == 10 or #seen == 10 - lost, #seen .. " events of 10")
            print("done")
         ]]):format(try, url))
         assert.same({ 0, "done\n" }, { result.status, result.output })
      end
   end)
end)
