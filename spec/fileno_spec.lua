--- `fileno` and `next_timeout`: how a host's own loop knows that events wait, and for how long nothing will.

local child = require "child"
local client = require "client"
local descriptor = require "descriptor"
local servers = require "servers"
local websocket = require "websocket"

local function is_readable()
   return descriptor.is_readable(websocket.fileno())
end

describe("fileno", function()
   after_each(client.finish)

   it("returns one descriptor, again and again", function()
      local number = websocket.fileno()
      assert.is_true(number > 2)
      assert.equal(number, websocket.fileno())
   end)

   it("is readable from the arrival of something until it is dispatched", function()
      assert.is_false(is_readable())
      websocket.defer(function() end)
      assert.is_true(is_readable())
      websocket.poll()
      assert.is_false(is_readable())
      local recorder = client.connect(servers.url("/echo"))
      client.await_queued()
      assert.is_true(is_readable())
      client.wait(recorder, "open")
      recorder.ws:send("x")
      client.await_queued()
      assert.is_true(is_readable())
      client.wait(recorder, "received")
      assert.is_false(is_readable())
   end)

   it("becomes readable by a timer, without a poll", function()
      websocket.after(0.02, function() end)
      assert.is_false(is_readable())
      client.await_queued()
      assert.is_true(is_readable())
      websocket.poll()
      assert.is_false(is_readable())
   end)

   it("stays readable while a bound of poll leaves events", function()
      for _ = 1, 3 do
         websocket.defer(function() end)
      end
      websocket.poll(0, 2)
      assert.is_true(is_readable())
      websocket.poll(0, 2)
      assert.is_false(is_readable())
   end)

   it("stays readable where an error leaves poll before all was dispatched", function()
      websocket.set_abort_test(function(problem) return problem == "abort" end)
      websocket.defer(function() error("abort", 0) end)
      local ran = false
      websocket.defer(function() ran = true end)
      assert.same({ false, "abort" }, { pcall(websocket.poll) })
      websocket.set_abort_test(nil)
      assert.is_true(is_readable())
      websocket.poll()
      assert.is_true(ran)
      assert.is_false(is_readable())
   end)

   it("is not readable inside a callback, whatever arrives, and is after it", function()
      local inside
      websocket.defer(function()
         websocket.defer(function() end)
         inside = is_readable()
      end)
      websocket.poll()
      assert.is_false(inside)
      assert.is_true(is_readable())
      websocket.poll()
      assert.is_false(is_readable())
   end)

   it("does no harm where a host closes it", function()
      local result = child.run([[
         local websocket = require "websocket"
         require("descriptor").close(websocket.fileno())
         websocket.defer(function() print("deferred") end)
         websocket.poll()
         websocket.after(0.01, function() print("timer") end)
         websocket.run()
      ]])
      assert.equal("deferred\ntimer\n", result.output)
      assert.equal(0, result.status)
   end)

   it("works where it is first asked for in a callback, or while something waits", function()
      local result = child.run([[
         local websocket = require "websocket"
         local is_readable = require("descriptor").is_readable
         websocket.defer(function() websocket.defer(function() end) print(is_readable(websocket.fileno())) end)
         websocket.poll()
         print(is_readable(websocket.fileno()))
         websocket.poll()
         print(is_readable(websocket.fileno()))
      ]])
      assert.equal("false\ntrue\nfalse\n", result.output)
      result = child.run([[
         local websocket = require "websocket"
         websocket.defer(function() end)
         print(require("descriptor").is_readable(websocket.fileno()))
      ]])
      assert.equal("true\n", result.output)
   end)
end)

describe("next_timeout", function()
   after_each(client.finish)

   it("is nil without timers, and otherwise the time until the first one", function()
      assert.is_nil(websocket.next_timeout())
      local late = websocket.after(500, function() end)
      local first = websocket.next_timeout()
      assert.is_true(first > 400 and first <= 500)
      local early = websocket.every(100, function() end)
      first = websocket.next_timeout()
      assert.is_true(first > 50 and first <= 100)
      early:cancel()
      assert.is_true(websocket.next_timeout() > 400)
      late:cancel()
      assert.is_nil(websocket.next_timeout())
   end)

   it("is 0 while something waits", function()
      websocket.defer(function() end)
      assert.equal(0, websocket.next_timeout())
      websocket.poll()
      websocket.after(0, function() end)
      assert.equal(0, websocket.next_timeout())
      websocket.poll()
      assert.is_nil(websocket.next_timeout())
   end)
end)
