--- `websocket.after`, `every` and `now`: when timers fire, in which order, and how long `run` and `poll` wait for them.

local client = require "client"
local garbage = require "garbage"
local servers = require "servers"
local websocket = require "websocket"

-- A list, and a function that makes a callback which appends a value to it.
local function order()
   local list = {}
   return list, function(value)
      return function() list[#list + 1] = value end
   end
end

-- Keeps this thread busy, without a call of the module that drives the engine.
local function work(seconds)
   local deadline = websocket.now() + seconds
   while websocket.now() < deadline do end
end

-- Nothing may be left of the timers of a test.
local function check_nothing_is_set()
   assert.equal(0, websocket._host.expected())
end

describe("after", function()
   after_each(client.finish)
   after_each(check_nothing_is_set)

   it("fires once, not before its time, and calls without arguments", function()
      for _, seconds in ipairs({ 0, 0.0004, 0.001, 0.005, 0.0123, 0.05 }) do
         local fired, arguments
         local due = websocket.now() + seconds
         websocket.after(seconds, function(...)
            assert(not fired)
            fired, arguments = websocket.now(), select("#", ...)
         end)
         assert.is_nil(fired)
         assert.equal(1, websocket.poll(math.huge))
         assert(fired >= due, ("fired %g s early"):format(due - fired))
         assert.equal(0, arguments)
         assert.equal(0, websocket.poll(0.003))
      end
   end)

   it("with 0 fires in the next poll, in order with deferred functions", function()
      local list, append = order()
      websocket.defer(append(1))
      websocket.after(0, append(2))
      websocket.defer(append(3))
      websocket.after(0, append(4))
      assert.equal(4, websocket.poll())
      assert.same({ 1, 2, 3, 4 }, list)
   end)

   it("fires in the order of the times, and with equal times in the order of the calls", function()
      local fired = {}
      for number = 1, 50 do
         local timer = { number = number, seconds = 0.02 - number % 5 * 0.004 }
         timer.earliest = websocket.now() + timer.seconds
         websocket.after(timer.seconds, function() fired[#fired + 1] = timer end)
         timer.latest = websocket.now() + timer.seconds
      end
      work(0.1) -- so that most of them are due at the same time, for whoever looks
      websocket.run()
      assert.equal(50, #fired)
      for index, timer in ipairs(fired) do
         for later = index + 1, #fired do
            local other = fired[later]
            assert(timer.earliest <= other.latest, ("%d before %d"):format(timer.number, other.number))
            assert(timer.seconds ~= other.seconds or timer.number < other.number)
         end
      end
   end)

   it("has its place among the events", function()
      local list, append = order()
      local recorder = client.open(servers.url("/echo"), nil, function(_, event, message)
         if event == "received" then
            append(message)()
         end
      end)
      recorder.ws:send("a")
      client.await_queued()
      websocket.after(0, append("timer"))
      recorder.ws:send("b")
      client.wait(recorder, function() return #list == 3 end)
      assert.same({ "a", "timer", "b" }, list)
   end)

   it("has its place among the events when it is due while the script does not poll", function()
      local list, append = order()
      local recorder = client.open(servers.url("/echo"), nil, function(_, event, message)
         if event == "received" then
            append(message)()
         end
      end)
      websocket.after(0.001, append("timer"))
      client.await_queued()
      recorder.ws:send("a")
      client.wait(recorder, function() return #list == 2 end)
      assert.same({ "timer", "a" }, list)
   end)

   it("fires once after the script was away for long", function()
      local list, append = order()
      websocket.after(0.001, append(1))
      work(0.05)
      websocket.run()
      assert.same({ 1 }, list)
   end)

   it("takes the longest time, and keeps its function without a reference to the timer", function()
      local list, append = order()
      local longest = websocket.after(1e9, append("never"))
      websocket.after(0.002, append("fired"))
      garbage.collect()
      assert.equal(1, websocket.poll(math.huge))
      assert.same({ "fired" }, list)
      assert.is_true(longest:cancel())
   end)

   it("accepts anything that can be called", function()
      local called
      websocket.after(0, setmetatable({}, { __call = function(...) called = select("#", ...) end }))
      assert.equal(1, websocket.poll())
      assert.equal(1, called)
   end)
end)

describe("every", function()
   after_each(client.finish)
   after_each(check_nothing_is_set)

   it("fires again and again, on the grid of its period and never before it", function()
      local period, count, timer = 0.005, 0, nil
      local start = websocket.now()
      timer = websocket.every(period, function()
         count = count + 1
         local now = websocket.now()
         -- Turns are missed when the machine is busy, so this one is at least the one that it is.
         assert(now >= start + count * period, ("turn %d came %g s early"):format(count, start + count * period - now))
         if count == 20 then
            timer:cancel()
         end
      end)
      websocket.set_error_handler("raise")
      finally(function() websocket.set_error_handler() end)
      websocket.run()
      assert.equal(20, count)
   end)

   it("skips the turns that were missed, and goes on", function()
      local count = 0
      local timer = websocket.every(0.002, function() count = count + 1 end)
      for round = 1, 5 do
         client.await_queued()
         work(0.03)
         assert.equal(1, websocket.poll())
         assert.equal(round, count)
      end
      timer:cancel()
      assert.equal(0, websocket.poll())
   end)

   it("has one turn in a poll, however long its callback takes", function()
      local count = 0
      local timer = websocket.every(0.001, function()
         count = count + 1
         work(0.01)
      end)
      assert.equal(1, websocket.poll(math.huge))
      assert.equal(1, count)
      assert.equal(1, websocket.poll(math.huge))
      timer:cancel()
      assert.equal(0, websocket.poll())
      assert.equal(2, count)
   end)
end)

describe("cancel", function()
   after_each(client.finish)
   after_each(check_nothing_is_set)

   it("tells whether the timer would still have fired", function()
      local once, again = websocket.after(60, print), websocket.every(60, print)
      assert.is_true(once:cancel())
      assert.is_true(again:cancel())
      for _ = 1, 2 do
         assert.is_false(once:cancel())
         assert.is_false(again:cancel())
      end
      local fired = websocket.after(0, function() end)
      websocket.poll()
      assert.is_false(fired:cancel())
      assert.equal(0, websocket.poll(math.huge))
   end)

   it("stops a timer that is due and waits for the poll, which counts no callback", function()
      local list, append = order()
      local timers = { websocket.after(0, append(1)), websocket.after(0, append(2)), websocket.after(0, append(3)) }
      assert.is_true(timers[2]:cancel())
      assert.equal(2, websocket.poll())
      assert.same({ 1, 3 }, list)
      local only = websocket.after(0, append(4))
      only:cancel()
      websocket.run()
      assert.equal(0, websocket.poll(math.huge))
      assert.same({ 1, 3 }, list)
   end)

   it("stops a timer of the same turn", function()
      local list, append = order()
      local later
      websocket.after(0, function()
         append("first")()
         assert.is_true(later:cancel())
      end)
      later = websocket.every(0.001, append("never"))
      client.await_queued()
      work(0.01)
      assert.equal(1, websocket.poll())
      assert.equal(0, websocket.poll(0.005))
      assert.same({ "first" }, list)
   end)

   it("works in the timer's own callback", function()
      local answers = {}
      local once, again
      once = websocket.after(0, function() answers.once = once:cancel() end)
      again = websocket.every(0.001, function() answers[#answers + 1] = again:cancel() end)
      websocket.run()
      assert.same({ true, once = false }, answers)
   end)

   it("does not count against the bound of a poll", function()
      local list, append = order()
      for number = 1, 10 do
         local timer = websocket.after(0, append(number))
         if number % 2 == 1 then
            timer:cancel()
         end
      end
      assert.equal(3, websocket.poll(0, 3))
      assert.same({ 2, 4, 6 }, list)
      assert.equal(2, websocket.poll(0, 3))
      assert.same({ 2, 4, 6, 8, 10 }, list)
   end)

   it("releases the function", function()
      local weak = setmetatable({}, { __mode = "k" })
      local function set()
         local fn = function() end
         weak[fn] = true
         return websocket.every(60, fn)
      end
      local timer = set()
      garbage.collect()
      assert(next(weak))
      timer:cancel()
      garbage.collect_until(function() return not next(weak) end)
   end)
end)

describe("A timer", function()
   after_each(client.finish)
   after_each(check_nothing_is_set)

   it("shows when it fires, and when it is over", function()
      local once, again = websocket.after(1.5, print), websocket.every(20, print)
      assert.equal("websocket timer (after 1.5 s)", tostring(once))
      assert.equal("websocket timer (every 20 s)", tostring(again))
      once:cancel()
      again:cancel()
      assert.equal("websocket timer (after 1.5 s, over)", tostring(once))
      assert.equal("websocket timer (every 20 s, over)", tostring(again))
   end)

   it("keeps run and an endless poll waiting, but is no connection", function()
      local list, append = order()
      websocket.after(0.003, append("timer"))
      assert.equal(0, websocket.connections())
      assert.same({}, websocket.connections("list"))
      assert.equal(1, websocket.poll(math.huge))
      websocket.after(0.003, function()
         append("outer")()
         websocket.after(0.003, append("inner"))
      end)
      websocket.run()
      assert.same({ "timer", "outer", "inner" }, list)
      websocket.run() -- nothing is set
   end)

   it("may defer and set timers, whose turn comes in another poll", function()
      local turns = {}
      websocket.after(0, function()
         turns[1] = websocket.turn()
         websocket.defer(function() turns[2] = websocket.turn() end)
         websocket.after(0, function() turns[3] = websocket.turn() end)
      end)
      websocket.run()
      assert.same({ turns[1], turns[1] + 1, turns[1] + 1 }, turns)
   end)

   it("may stop run, which goes on later", function()
      local list, append = order()
      local timer = websocket.every(0.001, function()
         append("turn")()
         websocket.stop()
      end)
      websocket.run()
      websocket.run()
      timer:cancel()
      assert.same({ "turn", "turn" }, list)
   end)

   it("closes a connection that does not answer in time", function()
      local recorder = client.open(servers.url("/silent"))
      websocket.after(0.01, function() recorder.ws:terminate() end)
      assert.equal("closed", client.wait(recorder, "closed")[1])
   end)

   it("sends heartbeats while messages arrive", function()
      local beats = 0
      local recorder = client.open(servers.url("/echo"))
      local timer = websocket.every(0.002, function()
         beats = beats + 1
         recorder.ws:send("beat " .. beats)
      end)
      client.wait(recorder, function() return #recorder.events > 10 end)
      timer:cancel()
      for index = 2, 10 do
         assert.same({ "received", "beat " .. index - 1, "text" }, recorder.events[index])
      end
      assert.equal(1, websocket.connections())
   end)
end)

describe("now", function()
   it("never goes back, and runs on while the script waits", function()
      local before = websocket.now()
      for _ = 1, 1000 do
         local now = websocket.now()
         assert(now >= before)
         before = now
      end
      websocket.poll(0.01)
      assert(websocket.now() >= before + 0.01)
   end)
end)
