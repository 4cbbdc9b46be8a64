-- Sending and reading at the script's pace.
local client = require "client"
local expect = require "expect"
local servers = require "servers"
local websocket = require "websocket"

describe("drain", function()
   after_each(client.finish)

   it("tells that a connection which has refused a message accepts messages again", function()
      local recorder = client.open(servers.url("/echo"), { max_buffered = 1, report_drain = true })
      -- More than the system's buffers take at once.
      local message = ("x"):rep(12e6)
      local sent = 0
      for _ = 1, 3 do
         -- The server may read one as fast as it is sent.
         local ok, _, code
         repeat
            ok, _, code = recorder.ws:send(message)
            sent = ok and sent + 1 or sent
         until not ok
         assert.equal("buffer_full", code)
         client.wait(recorder, "drain")
      end
      client.wait(recorder, function() return #client.messages(recorder) == sent end)
      local _, drained = client.names(recorder):gsub("drain", "")
      assert.equal(3, drained)
   end)

   it("comes also where the connection ends in the same turn", function()
      for _ = 1, 10 do
         -- The answer and the end of the stream come together.
         local recorder = client.connect(servers.script({ "status101", "fin" }), {
            max_buffered = 1000, report_drain = true, reconnect = { min_delay = 0.01, max_delay = 0.01 },
         })
         repeat until not recorder.ws:send(("x"):rep(600))
         client.wait(recorder, "drain")
         recorder.ws:close()
         client.drain(recorder)
      end
   end)

   it("comes only where it is asked for, and only after a refusal", function()
      local recorder = client.open(servers.url("/echo"), { report_drain = true })
      recorder.ws:send("x")
      client.wait(recorder, "received")
      local silent = client.connect(servers.url("/echo"), { max_buffered = 1 })
      silent.ws:send("x") -- which waits for `open`
      expect.refused("buffer_full", silent.ws:send("y"))
      client.wait(silent, "received")
      for _, one in ipairs({ recorder, silent }) do
         assert.is_nil(client.names(one):find("drain", 1, true))
      end
   end)
end)

describe("flush", function()
   after_each(client.finish)

   it("tells that a message was lost with a connection that is opened again", function()
      -- The server waits for the first part of the message, and then until the script is surely in `flush`.
      local url = servers.script({ "status101", "await:received:2000", "sleep:2000", "rst" })
      local recorder = client.open(url, { reconnect = { min_delay = 1000, max_delay = 1000 } })
      recorder.ws:send(("x"):rep(40e6))
      expect.refused("reset", recorder.ws:flush(30))
      assert.equal(1, client.wait(recorder, "reconnecting")[3].lost_messages)
      assert.equal(0, recorder.ws:buffered_amount())
      assert.equal(recorder.ws, recorder.ws:flush(0))
      recorder.ws:close()
   end)

   it("leaves the account of what was never written where no attempt follows", function()
      local url = servers.script({ "status101", "await:received:2000", "sleep:2000", "rst" })
      local recorder = client.open(url, { reconnect = { max_retries = 0 } })
      recorder.ws:send(("x"):rep(40e6))
      expect.refused("closed", recorder.ws:flush(30))
      assert.equal("fail", client.drain(recorder)[1])
      assert.is_true(recorder.ws:buffered_amount() > 0)
   end)
end)

describe("pause and resume", function()
   after_each(client.finish)

   it("stops and goes on without loss", function()
      local recorder = client.open(servers.url("/push", { count = 1000, size = 1000, interval = 1 }))
      assert.equal(recorder.ws, recorder.ws:pause())
      websocket.poll()
      local before = #client.messages(recorder)
      assert.is_nil(client.poll_until(function() return #client.messages(recorder) > before + 200 end, 0.5))
      assert.equal(recorder.ws, recorder.ws:resume())
      client.wait(recorder, function() return #client.messages(recorder) == 1000 end)
      for number, message in ipairs(client.messages(recorder)) do
         assert.equal(1000, #message)
         assert.truthy(message:find(tostring(number) .. ":", 1, true) == 1)
      end
   end)

   it("ends with close, which the peer then answers", function()
      local recorder = client.open(servers.url("/echo"))
      recorder.ws:pause():close(1000)
      local last = client.drain(recorder)
      assert.equal(1000, last[3])
      assert.is_true(recorder.ws:end_info().clean)
      recorder.ws:pause():resume()
   end)

   it("may be called before open, and hold back the first message", function()
      local recorder = client.connect(servers.url("/push", { count = 1 }))
      recorder.ws:pause()
      client.wait(recorder, "open")
      assert.is_nil(client.poll_until(function() return #client.messages(recorder) > 0 end, 0.2))
      recorder.ws:resume()
      client.wait(recorder, "received")
   end)
end)
