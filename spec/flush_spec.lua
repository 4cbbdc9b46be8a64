--- `ws:flush`: waits until the transport has taken everything that was sent.

local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

local MIB = 1024 * 1024

-- Calls flush; returns the seconds it took, and its results.
local function timed_flush(ws, ...)
   local begun = client.now()
   local first, text, code = ws:flush(...)
   return client.now() - begun, first, text, code
end

describe("flush", function()
   after_each(client.finish)

   it("returns ws at once if nothing waits", function()
      local recorder = client.open(servers.url("/echo"))
      local passed, result = timed_flush(recorder.ws, 60)
      assert.equal(recorder.ws, result)
      assert(passed < 10)
      assert.equal(recorder.ws, recorder.ws:flush())
      assert.equal(recorder.ws, recorder.ws:flush(0))
      assert.equal(recorder.ws, recorder.ws:flush(nil))
      assert.equal(recorder.ws, recorder.ws:flush(math.huge))
   end)

   it("waits until everything is written, and runs no callback", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/count-messages", { token = token }), { max_buffered = 64 * MIB })
      local deferred = false
      websocket.defer(function() deferred = true end)
      recorder.ws:ping("its pong is an event")
      for _ = 1, 20 do
         recorder.ws:send(("x"):rep(MIB))
      end
      assert.equal(recorder.ws, recorder.ws:flush())
      assert.equal(0, recorder.ws:buffered_amount())
      assert.equal(20 * MIB, servers.await(token, "messages:20").bytes)
      assert.equal("open", client.names(recorder))
      assert.is_false(deferred)
      assert.equal("pong", client.wait(recorder, "pong")[1])
      assert.is_true(deferred)
   end)

   it("waits through connecting", function()
      local token = servers.token()
      local recorder = client.connect(servers.script({ "sleep:1000", "status101", "await:messages:2" }, token))
      recorder.ws:send("one")
      recorder.ws:send("two")
      assert.equal(recorder.ws, recorder.ws:flush(30))
      assert.equal(0, recorder.ws:buffered_amount())
      assert.equal("connecting", recorder.ws:status())
      assert.equal("two", servers.await(token, "messages:2").last)
   end)

   it("gives up at its time-out, and the messages keep waiting", function()
      local recorder = client.connect(servers.url("/", nil, "silent"))
      recorder.ws:send("waiting")
      for _, timeout in ipairs({ 0, 0.3, 0.6 }) do
         local passed, result, text, code = timed_flush(recorder.ws, timeout)
         expect.refused("timeout", result, text, code)
         assert(passed > timeout - 0.05 and passed < timeout + 8, passed .. " s")
      end
      assert.equal(7, recorder.ws:buffered_amount())
   end)

   it("waits for a server that reads late", function()
      local token = servers.token()
      local recorder = client.open(servers.script({
         "status101", "await:received", "sleep:1000", "await-close",
      }, token))
      recorder.ws:send(("x"):rep(24 * MIB), true)
      expect.refused("timeout", recorder.ws:flush(0))
      assert(recorder.ws:buffered_amount() > 0)
      assert.equal(recorder.ws, recorder.ws:flush(math.huge))
      assert.equal(0, recorder.ws:buffered_amount())
   end)

   it("returns nil, a text and closed if the connection ends first", function()
      local recorder = client.connect(servers.url("/", nil, "silent"), { open_timeout = 0.3 })
      recorder.ws:send("never")
      expect.refused("closed", recorder.ws:flush())
      -- The event was not delivered yet, and a second call returns the same.
      assert.equal("connecting", recorder.ws:status())
      expect.refused("closed", recorder.ws:flush(10))
      client.drain(recorder)
      expect.refused("closed", recorder.ws:flush(10))
   end)

   it("returns the same if an open connection breaks", function()
      local recorder = client.open(servers.script({ "status101", "await:received", "sleep:100", "rst" }))
      assert(recorder.ws:send(("x"):rep(40 * MIB), true))
      expect.refused("closed", recorder.ws:flush(10))
      client.drain(recorder)
      assert(recorder.ws:buffered_amount() > 0)
   end)

   it("waits for messages that were sent before close", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/count-messages", { token = token }), { max_buffered = 64 * MIB })
      for _ = 1, 10 do
         recorder.ws:send(("x"):rep(MIB), true)
      end
      recorder.ws:close(4000)
      assert.equal(recorder.ws, recorder.ws:flush())
      assert.equal(0, recorder.ws:buffered_amount())
      assert.equal(10, servers.await(token, "close").messages)
   end)

   it("works in a callback", function()
      local results
      local recorder = client.connect(servers.url("/count-messages"), nil, function(recorder, event)
         if event == "open" then
            recorder.ws:send("from open")
            results = { recorder.ws:flush(10), recorder.ws:buffered_amount() }
         end
      end)
      client.wait(recorder, "open")
      assert.same({ recorder.ws, 0 }, results)
   end)

   it("does not wait at a negative time-out", function()
      local recorder = client.connect(servers.url("/", nil, "silent"))
      recorder.ws:send("waiting")
      for _, timeout in ipairs({ -1, -0.001, -math.huge }) do
         assert.equal("timeout", (select(3, recorder.ws:flush(timeout))))
      end
   end)

   it("raises at a time-out that is NaN or no number", function()
      local ws = client.open(servers.url("/echo")).ws
      for _, timeout in ipairs({ 0 / 0, "1", true, {} }) do
         local ok, text = pcall(ws.flush, ws, timeout)
         assert.is_false(ok)
         assert.matches("timeout", text)
      end
   end)

   it("waits only for its own connection", function()
      local stalled = client.connect(servers.url("/", nil, "silent"))
      stalled.ws:send("waiting")
      local recorder = client.open(servers.script({
         "status101", "await:messages", steps.text("got it"), "await-close",
      }))
      recorder.ws:send("here")
      assert.equal(recorder.ws, recorder.ws:flush(10))
      assert.equal("got it", client.wait(recorder, "received")[2])
   end)
end)
