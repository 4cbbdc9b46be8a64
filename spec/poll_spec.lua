--- `websocket.poll`, `run` and `stop`: when callbacks run, and how many.

local child = require "child"
local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

local HUGE = math.huge
local NAN = 0 / 0

-- Calls a function; returns the seconds it took, and its first result.
local function timed(fn, ...)
   local begun = client.now()
   local result = fn(...)
   return client.now() - begun, result
end

local function is_integer(number)
   return not tostring(number):find(".", 1, true)
end

-- A list, and a function that defers a call which appends a value to it.
local function order()
   local list = {}
   return list, function(value)
      websocket.defer(function()
         list[#list + 1] = value
      end)
   end
end

describe("poll", function()
   after_each(client.finish)

   it("returns how many callbacks it ran", function()
      assert.equal(0, websocket.poll())
      for count = 1, 5 do
         for _ = 1, count do
            websocket.defer(function() end)
         end
         assert.equal(count, websocket.poll())
         assert.equal(0, websocket.poll())
      end
      assert(is_integer(websocket.poll()))
   end)

   it("sums up to the number of events", function()
      local recorder = client.connect(servers.url("/push", { count = 100, ["then"] = "close", code = 1000 }))
      local sum = 0
      local deadline = client.now() + 30
      while not recorder.ended and client.now() < deadline do
         local before = #recorder.events
         local count = websocket.poll(1)
         assert.equal(#recorder.events - before, count)
         sum = sum + count
      end
      assert.equal(102, sum)
   end)

   it("does not count events that have no callback", function()
      -- The peer's Close arrives and is not reported.
      local recorder = client.open(servers.script({
         "status101", "await:messages", steps.close(4000), "await-close", "sleep:300",
      }))
      recorder.ws:send("go")
      local count
      repeat
         count = websocket.poll(5)
         assert.equal(count > 0, recorder.ended ~= nil)
      until recorder.ended
      assert.equal(1, count)
   end)

   it("waits for the first event, up to its time-out", function()
      client.open(servers.url("/echo"))
      local passed, count = timed(websocket.poll, 0.3)
      assert.equal(0, count)
      assert(passed > 0.25 and passed < 8, passed .. " s")
      -- Also longer than one slice of the wait.
      passed, count = timed(websocket.poll, 0.7)
      assert.equal(0, count)
      assert(passed > 0.65 and passed < 8, passed .. " s")
   end)

   it("waits also if no connection is alive", function()
      local passed = timed(websocket.poll, 0.3)
      assert(passed > 0.25, passed .. " s")
   end)

   it("returns at the first event", function()
      local recorder = client.open(servers.script({
         "status101", "await:messages", "sleep:300", steps.text("hello"), "await-eof",
      }))
      recorder.ws:send("go")
      local passed, count = timed(websocket.poll, 60)
      assert.equal(1, count)
      assert(passed < 10, passed .. " s")
      assert.same({ "hello" }, client.messages(recorder))
   end)

   it("does not wait without a time-out, or at 0", function()
      client.open(servers.url("/echo"))
      for _, timeout in ipairs({ 0, -0, 0.0 }) do
         expect.within(0.1, function() websocket.poll(timeout) end)
      end
      expect.within(0.1, function() websocket.poll() end)
      expect.within(0.1, function() websocket.poll(nil) end)
   end)

   it("does not wait if something is already queued", function()
      for _, timeout in ipairs({ 30, 1e300, HUGE }) do
         websocket.defer(function() end)
         local passed, count = timed(websocket.poll, timeout)
         assert.equal(1, count)
         assert(passed < 10)
      end
   end)

   it("waits without a limit at math.huge while a connection is alive", function()
      local recorder = client.open(servers.url("/close", { code = 4000, delay = 700 }))
      assert.equal(1, websocket.poll(HUGE))
      assert.equal("closed", recorder.ended[1])
   end)

   it("returns 0 at once at math.huge if no connection is alive", function()
      local passed, count = timed(websocket.poll, HUGE)
      assert.equal(0, count)
      assert(passed < 10)
   end)

   it("does not wait at a negative time-out", function()
      client.open(servers.url("/echo"))
      for _, timeout in ipairs({ -1, -0.001, -HUGE }) do
         expect.within(0.1, function() assert.equal(0, websocket.poll(timeout)) end)
      end
      websocket.defer(function() end)
      assert.equal(1, websocket.poll(-1))
   end)

   it("raises at a time-out that is NaN or no number", function()
      for _, timeout in ipairs({ NAN, "1", true, {}, print }) do
         assert.matches("timeout", expect.raised(websocket.poll, timeout))
      end
      for _, nan in ipairs({ NAN, -NAN }) do
         assert.matches("timeout must be a number of seconds, got nan$", expect.raised(websocket.poll, nan))
      end
      -- Nothing ran.
      local ran = false
      websocket.defer(function() ran = true end)
      expect.raised(websocket.poll, NAN)
      assert.is_false(ran)
      assert.equal(1, websocket.poll())
   end)

   it("leaves calls that are deferred meanwhile to the next poll", function()
      local list, append = order()
      websocket.defer(function()
         list[#list + 1] = "first"
         append("later")
      end)
      append("second")
      assert.equal(2, websocket.poll())
      assert.same({ "first", "second" }, list)
      assert.equal(1, websocket.poll())
      assert.same({ "first", "second", "later" }, list)
   end)

   it("leaves events that arrive meanwhile to the next poll", function()
      local recorder
      websocket.defer(function()
         recorder = client.ended_undelivered()
      end)
      assert.equal(1, websocket.poll())
      assert.equal(0, #recorder.events)
      assert.equal("connecting", recorder.ws:status())
      client.drain(recorder)
   end)

   it("runs nothing inside a callback: it raises, and says how to wait there", function()
      local list, append = order()
      local text
      websocket.defer(function()
         text = expect.raised(websocket.poll, 10)
         list[#list + 1] = "outer"
      end)
      append("other")
      assert.equal(2, websocket.poll())
      assert.matches("poll cannot be called inside a callback: return .* or defer", text)
      assert.same({ "outer", "other" }, list)
   end)

   it("can be called in a coroutine", function()
      local recorder = client.connect(servers.url("/close", { code = 1000 }))
      coroutine.wrap(function()
         client.drain(recorder)
      end)()
      assert.equal("open closed", client.names(recorder))
   end)

   it("runs a callback on the thread that called it", function()
      local thread
      local recorder = client.connect(servers.url("/echo"), nil, function()
         thread = thread or coroutine.running()
      end)
      local polling = coroutine.create(function()
         client.wait(recorder, "open")
      end)
      assert(coroutine.resume(polling))
      assert(thread ~= nil)
   end)
end)

describe("In a callback", function()
   after_each(client.finish)

   it("new, send, ping and close work", function()
      local token = servers.token()
      local second
      local recorder = client.connect(servers.url("/echo", { token = token }), nil, function(recorder, event, message)
         if event == "open" then
            second = client.connect(servers.url("/echo"))
            assert(recorder.ws:send("from open"))
            assert(recorder.ws:ping("ping from open"))
         elseif event == "received" then
            assert(message == "from open")
            recorder.ws:close(4000, "from received")
         elseif event == "closed" then
            assert(second.ws:send("from closed"))
         end
      end)
      assert.same({ "closed", "from received", 4000 }, client.drain(recorder))
      assert.equal("from closed", client.wait(second, "received")[2])
   end)

   it("run raises", function()
      local ok, text
      websocket.defer(function()
         ok, text = pcall(websocket.run)
      end)
      websocket.poll()
      assert.is_false(ok)
      assert.matches("callback", text)
   end)

   it("a garbage collection does no harm", function()
      local recorder = client.connect(servers.url("/push", { count = 50, ["then"] = "close" }), nil, function()
         collectgarbage()
      end)
      client.drain(recorder)
      assert.equal(50, #client.messages(recorder))
   end)
end)

describe("run", function()
   after_each(client.finish)

   it("returns at once if no connection is alive and nothing is queued", function()
      assert(timed(websocket.run) < 10)
   end)

   it("polls until no connection is alive", function()
      local one = client.connect(servers.url("/close", { code = 4000, delay = 100 }))
      local other = client.connect(servers.url("/close", { code = 4001, delay = 400 }))
      websocket.run()
      assert.same({ 4000, 4001 }, { one.ended[3], other.ended[3] })
      assert.equal(0, websocket.connections())
   end)

   it("goes on for a connection that the last callback opens", function()
      local second
      client.connect(servers.url("/close", { code = 4000 }), nil, function(_, event)
         if event == "closed" then
            second = client.connect(servers.url("/close", { code = 4001 }))
         end
      end)
      websocket.run()
      assert.equal(4001, second.ended[3])
   end)

   it("ends by stop in a callback, after everything that was queued for that poll", function()
      local recorder = client.open(servers.url("/echo"))
      local list, append = order()
      websocket.defer(function()
         websocket.stop()
         append("next")
      end)
      append("same")
      websocket.run()
      assert.same({ "same" }, list)
      assert.equal(1, websocket.connections())
      -- And can be called again.
      websocket.defer(function() recorder.ws:close() end)
      websocket.run()
      assert.same({ "same", "next" }, list)
      assert.equal(0, websocket.connections())
   end)

   it("ends by stop in an event of a connection", function()
      client.connect(servers.url("/push", { count = 3, interval = 50 }), nil, function(_, event)
         if event == "received" then
            websocket.stop()
         end
      end)
      websocket.run()
      assert.equal(1, websocket.connections())
   end)

   it("goes on while calls are deferred", function()
      local left = 5
      local function again()
         left = left - 1
         if left > 0 then
            websocket.defer(again)
         end
      end
      websocket.defer(again)
      websocket.run()
      assert.equal(0, left)
   end)
end)

describe("run", function()
   it("ends where a poll of a debug hook has delivered the last event", function()
      local result = child.run(([[
         local websocket = require "websocket"
         for _, count in ipairs { 1, 3, 10, 30 } do
            websocket.new(%q, function(event, _, _, ws)
               if event == "open" then
                  ws:close()
               end
            end)
            debug.sethook(function() pcall(websocket.poll) end, "", count)
            websocket.run()
            debug.sethook()
         end
         print("ended")
      ]]):format(servers.url("/echo")))
      assert.same({ 0, "ended\n" }, { result.status, result.output })
   end)
end)
