--- `ws:ping`, the engine's keepalive, and `ws:latency`.

local client = require "client"
local clock = require "clock"
local memory = require "memory"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

describe("ping", function()
   after_each(client.finish)

   it("returns ws, and its pong has its payload", function()
      local recorder = client.open(servers.url("/echo"))
      for _, payload in ipairs({ "", "x", "\0\255\128", ("p"):rep(125) }) do
         assert.equal(recorder.ws, recorder.ws:ping(payload))
         assert.same({ "pong", payload }, client.wait(recorder, "pong"))
      end
      assert.equal(recorder.ws, recorder.ws:ping())
      assert.same({ "pong", "" }, client.wait(recorder, "pong"))
      recorder.ws:ping(nil)
      assert.same({ "pong", "" }, client.wait(recorder, "pong"))
   end)

   it("is sent as one masked Ping frame", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/count-messages", { token = token }))
      recorder.ws:ping("hello")
      local record = client.report(token, "pings")
      assert.matches("^opcode=9 fin=1 rsv=0 masked=1 length=5 .*data=68656c6c6f$", record["frame.1"])
   end)

   it("raises above 125 bytes", function()
      local recorder = client.open(servers.url("/echo"))
      local ok, text = pcall(recorder.ws.ping, recorder.ws, ("p"):rep(126))
      assert.is_false(ok)
      assert.matches("126 bytes, limit 125", text)
      -- Nothing was sent.
      recorder.ws:ping("next")
      assert.same({ "pong", "next" }, client.wait(recorder, "pong"))
   end)

   it("raises for anything but a string", function()
      local ws = client.open(servers.url("/echo")).ws
      for _, value in ipairs({ 42, true, {}, print }) do
         local ok, text = pcall(ws.ping, ws, value)
         assert.is_false(ok)
         assert.matches("payload", text)
      end
      assert.is_false(pcall(ws.ping))
      assert.is_false(pcall(ws.ping, "payload"))
   end)

   it("before open waits, in order with messages", function()
      local token = servers.token()
      local recorder = client.connect(servers.url("/count-messages", { token = token }))
      recorder.ws:ping("one")
      recorder.ws:send("two")
      recorder.ws:ping("three")
      local record = client.report(token, "frames:3")
      assert.matches("^opcode=9 ", record["frame.1"])
      assert.matches("^opcode=1 ", record["frame.2"])
      assert.matches("^opcode=9 ", record["frame.3"])
      assert.equal("one", client.wait(recorder, "pong")[2])
      assert.equal("three", client.wait(recorder, "pong")[2])
   end)

   it("is refused with closed after close, terminate and the end", function()
      for _, method in ipairs({ "close", "terminate" }) do
         local recorder = client.open(servers.url("/echo"))
         recorder.ws[method](recorder.ws)
         for _ = 1, 2 do
            local result, text, code = recorder.ws:ping("late")
            assert.same({ "string", "closed" }, { type(text), code })
            assert.is_nil(result)
            client.drain(recorder)
         end
         assert.equal("open closed", client.names(recorder))
      end
   end)
end)

describe("An unsolicited pong", function()
   after_each(client.finish)

   it("is delivered", function()
      local recorder = client.open(servers.script({ "status101", steps.frame(0x8a, "hm"), "await-close" }))
      assert.same({ "pong", "hm" }, client.wait(recorder, "pong"))
   end)
end)

describe("A flood of pings", function()
   after_each(client.finish)

   it("from a peer that does not read is answered by the latest, and takes no memory", function()
      local token = servers.token()
      local recorder = client.open(servers.script({
         "status101", steps.repeated(1000000, "\137\8pingping"), steps.frame(0x89, "the last"), steps.log("sent"),
         "read:500", steps.text("over"), "await-close", "reply-close",
      }, token))
      collectgarbage()
      local before = memory.in_use()
      -- The script does not poll meanwhile.
      servers.await(token, "log.1", 30)
      -- Answering every ping would need twice as much.
      assert(memory.in_use() - before < 24 * 1048576, "memory grew by " .. memory.in_use() - before .. " bytes")
      assert.same({ "received", "over", "text" }, client.wait(recorder, "received"))
      assert.equal("open received", client.names(recorder))
      local record
      client.poll_until(function()
         record = client.report(token)
         return record.last_pong == "the last"
      end)
      assert.equal("the last", record.last_pong)
      assert(record.pongs < 1000001, "every ping was answered")
   end)

   it("is delivered within max_queue with report_pings, and none is lost", function()
      local recorder = client.open(servers.url("/ping", { count = 20000 }), { report_pings = true, max_queue = 4096 })
      client.wait(recorder, function() return #recorder.events == 20001 end, 30)
      for number = 1, 20000 do
         assert.equal(tostring(number), recorder.events[number + 1][2])
      end
   end)
end)

describe("The keepalive", function()
   after_each(client.finish)

   it("pings at ping_interval without the script polling, and its pongs are hidden", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/count-messages", { token = token }),
         { ping_interval = 0.05, ping_timeout = 5 })
      servers.await(token, "pings:5")
      recorder.ws:ping("mine")
      assert.same({ "pong", "mine" }, client.wait(recorder, "pong"))
      recorder.ws:close()
      client.drain(recorder)
      assert.equal("open pong closed", client.names(recorder))
   end)

   it("sends none before ping_interval, and none at false", function()
      for _, options in ipairs({ { ping_interval = 60 }, { ping_interval = false }, {} }) do
         local token = servers.token()
         local recorder = client.open(servers.url("/count-messages", { token = token }), options)
         websocket.poll(0.2)
         recorder.ws:send("mark")
         assert.is_nil(client.report(token, "messages").pings)
      end
   end)

   it("measures latency, which is nil before", function()
      local recorder = client.open(servers.url("/echo"), { ping_interval = 0.05 })
      local first = recorder.ws:latency()
      assert(first == nil or type(first) == "number")
      local latency = client.wait(recorder, function() return recorder.ws:latency() end)
      assert(latency >= 0 and latency < 5, latency)
      recorder = client.open(servers.url("/echo"), { ping_interval = false })
      recorder.ws:ping()
      client.wait(recorder, "pong")
      assert.is_nil(recorder.ws:latency())
   end)

   it("accepts no other pong as its answer", function()
      local recorder = client.open(servers.script({
         "status101", "await:pings", steps.frame(0x8a, "12345678"), steps.frame(0x8a), "await-close",
      }), { ping_interval = 0.05, ping_timeout = 5 })
      assert.same({ "pong", "12345678" }, client.wait(recorder, "pong"))
      assert.same({ "pong", "" }, client.wait(recorder, "pong"))
      assert.is_nil(recorder.ws:latency())
   end)

   it("fails the connection where the peer is silent", function()
      local begun = client.now()
      local recorder = client.open(servers.url("/silent"), { ping_interval = 0.2, ping_timeout = 0.3 })
      local last = client.drain(recorder)
      local passed = client.now() - begun
      assert.same({ "fail", "keepalive" }, { last[1], last[3] })
      assert(#last[2] > 0)
      assert(passed > 0.45 and passed < 8, passed .. " s")
      local info = recorder.ws:end_info()
      assert.same({ true, "timeout", "keepalive" }, { info.failed, info.by, info.error })
   end)

   it("fails the connection where the peer does not even read", function()
      local recorder = client.open(servers.url("/stall"), { ping_interval = 0.1, ping_timeout = 0.2 })
      assert.equal("keepalive", client.drain(recorder)[3])
   end)

   it("fails the connection while the script does not poll", function()
      local recorder = client.open(servers.url("/silent"), { ping_interval = 0.1, ping_timeout = 0.1 })
      local deadline, code = client.now() + 30
      repeat
         clock.sleep(0.05)
         code = select(3, recorder.ws:send("x"))
      until code or client.now() > deadline
      assert.equal("closed", code)
      assert.equal("open", recorder.ws:status())
      assert.equal("keepalive", client.drain(recorder)[3])
   end)

   it("never fails the connection with ping_timeout = false", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/silent", { token = token }),
         { ping_interval = 0.05, ping_timeout = false })
      websocket.poll(0.5)
      assert.equal("open", client.names(recorder))
      assert(client.report(token, "pings").pings >= 1)
   end)

   it("counts any received byte as a sign of life", function()
      -- The message takes three times ping_timeout to arrive, and the server sends no pong.
      local recorder = client.open(servers.script({
         "status101", "drip:100", steps.text(("x"):rep(38)), "drip:0", steps.close(1000), "await-close",
      }), { ping_interval = 0.1, ping_timeout = 1.3 })
      assert.equal(("x"):rep(38), client.wait(recorder, "received")[2])
      assert.same({ "closed", "", 1000 }, client.drain(recorder))
   end)

   it("does not time out while the engine itself has stopped reading", function()
      local token = servers.token()
      local recorder = client.open(servers.script({
         "status101", steps.text("a"), steps.text("b"), steps.text("c"), steps.log("waiting"), "sleep:2500",
         steps.text("d"), steps.close(1000), steps.log("said"), "await-close",
      }, token), { ping_interval = 0.1, ping_timeout = 1.5, max_queue = 1 })
      servers.await(token, "log.2")
      assert.same({ "closed", "", 1000 }, client.drain(recorder))
      assert.same({ "a", "b", "c", "d" }, client.messages(recorder))
   end)
end)
