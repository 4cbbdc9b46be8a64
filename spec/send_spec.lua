--- `ws:send`: what it accepts, when it is sent, and what is refused.

local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"

local MIB = 1024 * 1024

describe("A message", function()
   after_each(client.finish)

   it("sent before open waits, and is sent in order right after the handshake", function()
      local token = servers.token()
      local recorder = client.connect(servers.url("/count-messages", { token = token }), nil, function(recorder, event)
         if event == "open" then
            recorder.ws:send("fourth")
         end
      end)
      local ws = recorder.ws
      assert.equal(ws, ws:send("first"))
      assert.equal(ws, ws:send("second", true))
      assert.equal(ws, ws:ping("third"))
      assert.equal("connecting", ws:status())
      local record = client.report(token, "frames:4")
      for number, expected in ipairs({ { 1, "first" }, { 2, "second" }, { 9, "third" }, { 1, "fourth" } }) do
         local opcode, data = record["frame." .. number]:match("opcode=(%d+) .*data=(%x*)$")
         assert.equal(expected[1], tonumber(opcode))
         assert.equal(expected[2], (data:gsub("%x%x", function(digits)
            return string.char(tonumber(digits, 16))
         end)))
      end
   end)

   it("is sent without the script polling", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/count-messages", { token = token }))
      recorder.ws:send("now")
      assert.equal("now", servers.await(token, "messages").last)
      recorder = client.connect(servers.url("/count-messages", { token = token }))
      recorder.ws:send("before open")
      assert.equal("before open", servers.await(token, "messages:2").last)
      assert.equal("connecting", recorder.ws:status())
   end)

   it("is text, or binary if is_binary is true", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/count-messages", { token = token }))
      for _, is_binary in ipairs({ false, true }) do
         recorder.ws:send("same", is_binary)
      end
      recorder.ws:send("same", nil)
      local record = client.report(token, "messages:3")
      assert.same({ 2, 1 }, { record.texts, record.binaries })
      assert.matches("opcode=1 ", record["frame.1"])
      assert.matches("opcode=2 ", record["frame.2"])
      assert.matches("opcode=1 ", record["frame.3"])
   end)

   it("comes back unchanged, with any length and content", function()
      local recorder = client.open(servers.url("/echo"))
      local all = {}
      for byte = 0, 255 do
         all[#all + 1] = string.char(byte)
      end
      local cases = { { "" }, { "", true }, { "\0" }, { table.concat(all), true }, { "\240\159\152\128 \239\191\191" } }
      for _, length in ipairs({ 1, 125, 126, 127, 65535, 65536, MIB }) do
         cases[#cases + 1] = { ("t"):rep(length) }
         cases[#cases + 1] = { ("\254"):rep(length), true }
      end
      for _, case in ipairs(cases) do
         recorder.ws:send(case[1], case[2])
      end
      for _, case in ipairs(cases) do
         local event = client.wait(recorder, "received")
         assert(event[2] == case[1], #event[2] .. " bytes came, " .. #case[1] .. " were sent")
         assert.equal(case[2] and "binary" or "text", event[3])
      end
   end)

   it("is masked by a fresh key in one final frame", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/count-messages", { token = token }))
      for _ = 1, 50 do
         recorder.ws:send("the same")
      end
      local record = client.report(token, "messages:50")
      local keys, different = {}, 0
      for number = 1, 50 do
         local frame = record["frame." .. number]
         assert.matches("^opcode=1 fin=1 rsv=0 masked=1 length=8 ", frame)
         local key = frame:match("key=(%x+)")
         different = different + (keys[key] and 0 or 1)
         keys[key] = true
      end
      -- Two of 50 random keys are the same once in three million runs.
      assert(different >= 49, different .. " different keys")
   end)

   it("can be sent in the callback of another", function()
      local recorder = client.open(servers.url("/echo"), nil, function(recorder, event, message)
         if event == "received" and #message < 5 then
            assert(recorder.ws:send(message .. "x"))
         end
      end)
      recorder.ws:send("x")
      client.wait(recorder, function() return #client.messages(recorder) == 5 end)
      assert.same({ "x", "xx", "xxx", "xxxx", "xxxxx" }, client.messages(recorder))
   end)
end)

describe("send raises", function()
   after_each(client.finish)

   it("for text that is not UTF-8, and says how to send binary", function()
      local recorder = client.open(servers.url("/echo"))
      for name, text in pairs({
         ["a byte that never occurs"] = "fine \255",
         ["a continuation without a start"] = "\128",
         ["an overlong form"] = "\192\128",
         ["a surrogate"] = "\237\160\128",
         ["beyond U+10FFFF"] = "\244\144\128\128",
         ["a character cut off"] = "caf\195",
      }) do
         assert.matches("UTF%-8.*binary.*true", expect.raised(recorder.ws.send, recorder.ws, text), nil, name)
         assert.matches("UTF%-8", expect.raised(recorder.ws.send, recorder.ws, text, false), nil, name)
      end
      assert.equal(0, recorder.ws:buffered_amount())
      -- None of them was sent, and the connection still works.
      recorder.ws:send("\255", true)
      assert.same({ "received", "\255", "binary" }, client.wait(recorder, "received"))
   end)

   it("for anything but a string", function()
      local ws = client.open(servers.url("/echo")).ws
      for _, value in ipairs({ 42, true, {}, print, ws }) do
         assert.matches("message", expect.raised(ws.send, ws, value))
      end
      assert.matches("message", expect.raised(ws.send, ws))
      assert.matches("message", expect.raised(ws.send, ws, nil, true))
   end)

   it("for an is_binary that is not a boolean", function()
      local ws = client.open(servers.url("/echo")).ws
      for _, value in ipairs({ "binary", 1, 0, {} }) do
         assert.matches("is_binary", expect.raised(ws.send, ws, "message", value))
      end
   end)

   it("if it is not called on a websocket", function()
      local ws = client.open(servers.url("/echo")).ws
      for _, value in ipairs({ "message", 42, {}, io.stdout }) do
         expect.raised(ws.send, value, "message")
      end
      expect.raised(ws.send)
   end)

   it("for a bad argument also if the connection is closed", function()
      local recorder = client.open(servers.url("/echo"))
      recorder.ws:close()
      expect.raised(recorder.ws.send, recorder.ws, 42)
      expect.raised(recorder.ws.send, recorder.ws, "\255")
   end)
end)

describe("send refuses with closed", function()
   after_each(client.finish)

   it("after close, open or not", function()
      local recorder = client.open(servers.url("/echo"))
      recorder.ws:close()
      expect.refused("closed", recorder.ws:send("late"))
      client.drain(recorder)
      expect.refused("closed", recorder.ws:send("later"))
      recorder = client.connect(servers.url("/echo"))
      recorder.ws:close()
      expect.refused("closed", recorder.ws:send("late"))
      assert.equal(0, #client.messages(recorder))
   end)

   it("after terminate", function()
      local recorder = client.open(servers.url("/echo"))
      recorder.ws:terminate()
      expect.refused("closed", recorder.ws:send("late"))
   end)

   it("after the peer's Close, as soon as the engine knows", function()
      local token = servers.token()
      local recorder = client.open(servers.script({
         "status101", "await:messages", steps.close(4000), "await-close", "sleep:300",
      }, token))
      recorder.ws:send("go")
      -- Our answer is there, and the script has not polled.
      servers.await(token, "close")
      assert.equal("open", recorder.ws:status())
      expect.refused("closed", recorder.ws:send("late"))
      expect.refused("closed", recorder.ws:ping())
      assert.equal(4000, client.drain(recorder)[3])
   end)

   it("after the end, whatever it was", function()
      for _, url in ipairs({ servers.url("/drop", { after = 0 }), servers.url("/", nil, "refused"),
         servers.url("/reset", { after = 0 }), servers.url("/close", { code = 1000 }) }) do
         local recorder = client.connect(url)
         client.drain(recorder)
         expect.refused("closed", recorder.ws:send("late"))
      end
   end)

   it("inside the callback of the end", function()
      local results
      local recorder = client.connect(servers.url("/close"), nil, function(recorder, event)
         if event == "closed" then
            results = { recorder.ws:send("late") }
         end
      end)
      client.drain(recorder)
      expect.refused("closed", results[1], results[2], results[3])
   end)
end)
