--- `ws:close` and the peer's Close: what is sent, what is reported, and how long it may take.

local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"

-- Returns the Close frame in the record of the server.
local function frame_of(record)
   for number = 1, record.frames do
      if record["frame." .. number]:find("^opcode=8 ") then
         return record["frame." .. number]
      end
   end
end

-- Closes an open connection; returns the server's record and the recorder at its end.
local function closed(...)
   local token = servers.token()
   local recorder = client.open(servers.url("/count-messages", { token = token }))
   assert.equal(recorder.ws, recorder.ws:close(...))
   client.drain(recorder)
   return client.report(token, "close"), recorder
end

describe("close", function()
   after_each(client.finish)

   for _, code in ipairs({ 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000,
      4999 }) do
      it("sends the code " .. code, function()
         local record, recorder = closed(code)
         assert.equal(code, record.close)
         assert.matches(" length=2 ", frame_of(record))
         assert.same({ "closed", "", code }, recorder.ended)
      end)
   end

   it("sends 1000 if no code is given", function()
      assert.equal(1000, closed().close)
      assert.equal(1000, closed(nil).close)
   end)

   it("sends a Close frame without a body for 1005", function()
      local record, recorder = closed(1005)
      assert.matches("^opcode=8 fin=1 rsv=0 masked=1 length=0 ", frame_of(record))
      assert.same({ "closed", "", 1005 }, recorder.ended)
   end)

   it("accepts a code that is a float with an integral value", function()
      assert.equal(4000, closed(4e3).close)
      assert.equal(1000, closed(2000 / 2).close)
   end)

   it("sends a reason of up to 123 bytes", function()
      assert.equal("b\195\164h", closed(4000, "b\195\164h").reason)
      assert.matches(" length=125 ", frame_of(closed(4000, ("r"):rep(123))))
      assert.matches(" length=124 ", frame_of(closed(4000, ("\195\164"):rep(61))))
      assert.matches(" length=2 ", frame_of(closed(4000, "")))
   end)

   it("raises for codes that must never be sent, and the connection stays open", function()
      local recorder = client.open(servers.url("/echo"))
      for _, code in ipairs({ -1, 0, 1, 999, 1004, 1006, 1015, 1016, 1999, 2000, 2999, 5000, 65535, 65536, 66536, 1e10,
         -1000 }) do
         assert.matches("close code", expect.raised(recorder.ws.close, recorder.ws, code))
      end
      for _, code in ipairs({ 1000.5, 0 / 0, math.huge, -math.huge, "1000", true, {}, print }) do
         expect.raised(recorder.ws.close, recorder.ws, code)
      end
      assert.equal("open", recorder.ws:status())
      recorder.ws:send("still here")
      assert.equal("still here", client.wait(recorder, "received")[2])
   end)

   it("raises for reasons that must never be sent, and the connection stays open", function()
      local recorder = client.open(servers.url("/echo"))
      local ws = recorder.ws
      assert.matches("124 bytes, limit 123", expect.raised(ws.close, ws, 1000, ("r"):rep(124)))
      expect.raised(ws.close, ws, 1000, ("\195\164"):rep(62))
      assert.matches("UTF%-8", expect.raised(ws.close, ws, 1000, "\255"))
      assert.matches("1005", expect.raised(ws.close, ws, 1005, "x"))
      for _, reason in ipairs({ 42, true, {} }) do
         assert.matches("reason", expect.raised(ws.close, ws, 1000, reason))
      end
      assert.equal("open", ws:status())
      ws:send("still here")
      assert.equal("still here", client.wait(recorder, "received")[2])
   end)

   it("raises if it is not called on a websocket", function()
      local ws = client.open(servers.url("/echo")).ws
      expect.raised(ws.close)
      expect.raised(ws.close, 1000)
      expect.raised(ws.terminate)
      expect.raised(ws.terminate, {})
   end)

   it("has no effect a second time, or after the end", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/count-messages", { token = token }))
      local ws = recorder.ws
      ws:close(4001, "first")
      assert.equal(ws, ws:close(4002, "second"))
      assert.equal(ws, ws:close())
      client.drain(recorder)
      assert.equal(ws, ws:close(4003))
      assert.equal("closed", ws:status())
      local record = client.report(token, "eof")
      assert.same({ 4001, "first", 1 }, { record.close, record.reason, record.closes })
      assert.same({ "open", "closed" }, { recorder.events[1][1], recorder.events[2][1] })
      assert.equal(2, #recorder.events)
      -- A bad argument still raises.
      expect.raised(ws.close, ws, 999)
   end)

   it("is sent after all messages that were sent before", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/count-messages", { token = token }))
      for number = 1, 500 do
         recorder.ws:send("message " .. number)
      end
      recorder.ws:send(("x"):rep(3000000), true)
      recorder.ws:close(4000)
      assert.same({ "closed", "", 4000 }, client.drain(recorder))
      local record = client.report(token, "close")
      assert.same({ 501, 4000 }, { record.messages, record.close })
   end)

   it("is sent while the script does not poll", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/count-messages", { token = token }))
      recorder.ws:close(4000)
      assert.equal(4000, servers.await(token, "close").close)
      assert.equal("closing", recorder.ws:status())
   end)

   it("can be called in any callback", function()
      for _, name in ipairs({ "open", "received", "closed" }) do
         local token = servers.token()
         local url = servers.url("/push", { token = token, count = 1 })
         local recorder = client.connect(url, nil, function(recorder, event)
            if event == name then
               recorder.ws:close(4000)
            elseif event == "received" and name == "closed" then
               recorder.ws:close(4001)
            end
         end)
         client.drain(recorder)
         assert.equal(name == "closed" and 4001 or 4000, client.report(token, "close").close)
      end
   end)

   it("reports the code and reason of the peer, not ours", function()
      local recorder = client.open(servers.script({
         "status101", "await-close", steps.close(4009, "mine"),
      }))
      recorder.ws:close(4000, "ours")
      assert.same({ "closed", "mine", 4009 }, client.drain(recorder))
   end)
end)

describe("close before open", function()
   after_each(client.finish)

   it("ends with closed 1006 and no open, whatever the server does", function()
      for _, url in ipairs({ servers.url("/echo"), servers.url("/", nil, "silent"), servers.url("/", nil, "nowhere"),
         servers.url("/echo", nil, "wss"), servers.url("/", nil, "slow") }) do
         -- Far longer than the test waits, so that no time-out can make the end.
         local recorder = client.connect(url, { open_timeout = 300, close_timeout = 300 })
         assert.equal(recorder.ws, recorder.ws:close(4000, "never mind"))
         assert.equal("closing", recorder.ws:status())
         assert.same({ "closed", "", 1006 }, client.drain(recorder))
         assert.equal("closed", client.names(recorder))
      end
   end)

   it("also ends a connection that is open but whose event open was not delivered", function()
      local token = servers.token()
      local recorder = client.connect(servers.url("/push", { count = 1, token = token }),
         { report_closing = true, close_timeout = 300 })
      recorder.ws:send("open by now")
      servers.await(token, "messages")
      assert.equal("connecting", recorder.ws:status())
      recorder.ws:close(4000, "never mind")
      assert.equal("closing", recorder.ws:status())
      recorder.ws:terminate()
      assert.same({ "closed", "", 1006 }, client.drain(recorder))
      assert.equal("closed", client.names(recorder))
      assert.is_nil(servers.recorded(token).close)
      local info = recorder.ws:end_info()
      assert.same({ "us", false, false }, { info.by, info.clean, info.failed })
   end)

   it("sends neither the waiting messages nor a Close frame", function()
      local token = servers.token()
      -- The server answers only when it has seen our end.
      local recorder = client.connect(servers.script({ "await-eof", "status101" }, token))
      recorder.ws:send("dropped")
      servers.await(token, "request")
      recorder.ws:close()
      assert.same({ "closed", "", 1006 }, client.drain(recorder))
      assert.is_nil(client.report(token, "script_done").frames)
   end)
end)

describe("close_timeout", function()
   after_each(client.finish)

   it("ends with closed 1006 if the peer ignores our Close", function()
      local recorders = {}
      for index, path in ipairs({ "/silent", "/stall" }) do
         recorders[index] = client.open(servers.url(path), { close_timeout = 0.4 })
      end
      local begun = client.now()
      for _, recorder in ipairs(recorders) do
         recorder.ws:close(4000)
      end
      for _, recorder in ipairs(recorders) do
         assert.same({ "closed", "", 1006 }, client.drain(recorder))
         local passed = client.now() - begun
         assert(passed > 0.35 and passed < 8, passed .. " s")
         local info = recorder.ws:end_info()
         assert.same({ false, "timeout", 4000 }, { info.clean, info.by, info.sent_code })
      end
   end)

   it("starts when our Close is written, and starts again with every byte before that", function()
      local step = 2 * 1024 * 1024
      local list = { "status101" }
      -- The server needs 4 s to read everything, but it never pauses for as long as the time-out.
      for number = 1, 20 do
         list[#list + 1] = "sleep:200"
         list[#list + 1] = "await:received:" .. number * step
      end
      list[#list + 1] = "await-close"
      list[#list + 1] = steps.close(1000)
      local recorder = client.open(servers.script(list), { close_timeout = 3, max_buffered = 2 ^ 30 })
      for _ = 1, 20 * 16 do
         recorder.ws:send(("x"):rep(step / 16), true)
      end
      recorder.ws:close()
      assert.same({ "closed", "", 1000 }, client.drain(recorder, 30))
   end)

   it("does not end a connection whose peer answers late", function()
      local recorder = client.open(servers.script({
         "status101", "await-close", "sleep:300", steps.close(4000),
      }), { close_timeout = 5 })
      recorder.ws:close()
      assert.same({ "closed", "", 4000 }, client.drain(recorder))
   end)
end)

describe("The peer's Close", function()
   after_each(client.finish)

   it("is answered with its code, without the script polling", function()
      for _, code in ipairs({ 1000, 1001, 1011, 4999 }) do
         local token = servers.token()
         local recorder = client.connect(servers.url("/close", { code = code, reason = "bye", token = token }))
         assert.equal(code, servers.await(token, "close").close)
         assert.same({ "closed", "bye", code }, client.drain(recorder))
      end
   end)

   it("without a code is answered without one", function()
      local token = servers.token()
      local recorder = client.connect(servers.url("/close", { token = token }))
      assert.equal(1005, client.report(token, "close").close)
      assert.same({ "closed", "", 1005 }, client.drain(recorder))
   end)

   it("ends the connection soon if the peer keeps TCP open, whoever closed first", function()
      local token, other_token = servers.token(), servers.token()
      local options = { close_timeout = 60, ping_interval = false }
      local patient = servers.script({ "status101", "reply-close", "await-eof:60000" }, other_token)
      local recorder = client.open(patient, options)
      recorder.ws:close(4002)
      local other = client.connect(servers.url("/linger", { code = 4001, reason = "stay", token = token }), options)
      assert.same({ "closed", "", 4002 }, client.drain(recorder))
      assert.same({ "closed", "stay", 4001 }, client.drain(other))
      client.report(token, "eof")
      client.report(other_token, "eof")
   end)

   it("that crosses ours decides the code and reason", function()
      local recorder = client.open(servers.script({
         "status101", "await:messages", steps.close(4001, "theirs"), "await-close",
      }))
      recorder.ws:send("go")
      recorder.ws:close(4002, "ours")
      assert.same({ "closed", "theirs", 4001 }, client.drain(recorder))
   end)

   it("decides the result however the transport ends", function()
      for _, last in ipairs({ "fin", "rst" }) do
         local recorder = client.connect(servers.script({ "status101", steps.close(4001, "bye"), "await-close", last }))
         assert.same({ "closed", "bye", 4001 }, client.drain(recorder))
      end
      -- Without waiting for our answer: it may meet a stream that is reset already.
      local recorder = client.connect(servers.script({ "status101", steps.bytes("\136\5\15\161bye"), "rst" }))
      local last = client.drain(recorder)
      -- A reset discards what the system has received but not delivered yet.
      assert(last[3] == 4001 or last[3] == "reset", client.describe(recorder))
   end)
end)
