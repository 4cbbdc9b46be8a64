--- The frames that a server may send, and the close code for those that it must not send.

local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"

-- Lua 5.1 has only the first; later versions have only the second.
local unpack = unpack or table.unpack

-- Connects to a server that sends a message and then the steps, and reads what we answer.
local function after(list, options)
   local token = servers.token()
   local recorder = client.connect(servers.script({ "status101", steps.text("before"), unpack(list) }, token), options)
   return recorder, token
end

local function violates(code, list, pieces)
   local recorder, token = after(list)
   local info = expect.violation(recorder, token, code, pieces)
   assert.equal("open received closed", client.names(recorder))
   assert.equal("before", client.messages(recorder)[1])
   return info
end

describe("a violation of framing closes with 1002:", function()
   after_each(client.finish)

   local cases = {
      { "a masked frame", { steps.bytes("\129\133abcd\0\0\0\0\0") }, "masked" },
      { "the first reserved bit", { steps.frame(0xc1, "x") }, "reserved" },
      { "the second reserved bit", { steps.frame(0xa1, "x") }, "reserved" },
      { "the third reserved bit", { steps.frame(0x92, "x") }, "reserved" },
      { "a reserved bit on a control frame", { steps.frame(0xc9, "x") }, "reserved" },
      { "a reserved opcode of data", { steps.frame(0x83, "x") }, "opcode" },
      { "a reserved opcode of control", { steps.frame(0x8b, "x") }, "opcode" },
      { "a ping of 126 bytes", { steps.frame(0x89, ("p"):rep(126)) }, "limit 125" },
      { "a Close of 126 bytes", { steps.frame(0x88, "\3\232" .. ("r"):rep(124)) }, "limit 125" },
      { "a fragmented ping", { steps.frame(0x09, "x"), steps.frame(0x80, "y") }, "fragment" },
      { "a continuation without a start", { steps.frame(0x80, "x") }, "continuation" },
      { "a continuation after a whole message", { steps.text("whole"), steps.frame(0x00, "x") }, "continuation",
         "open received received closed" },
      { "new data inside a message", { steps.frame(0x01, "x"), steps.text("y") }, "message" },
      { "a declared length of 2^63", { steps.bytes("\130\127\128\0\0\0\0\0\0\0") }, "length" },
      { "a length not in its shortest form", { steps.bytes("\129\126\0\1a") }, "shortest" },
      { "a Close of one byte", { steps.frame(0x88, "\3") }, "close" },
   }
   for _, case in ipairs(cases) do
      it(case[1], function()
         local recorder, token = after(case[2])
         expect.violation(recorder, token, 1002, { case[3] })
         assert.equal(case[4] or "open received closed", client.names(recorder))
         assert.equal("before", client.messages(recorder)[1])
      end)
   end

   for _, code in ipairs({ 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535 }) do
      it("the close code " .. code, function()
         local info = violates(1002, { steps.close(code, "why") }, { tostring(code) })
         assert.is_nil(info.received_code)
      end)
   end
end)

describe("text that is not UTF-8 closes with 1007:", function()
   after_each(client.finish)

   local cases = {
      { "a byte that never stands in UTF-8", { steps.text("ab\255cd") }, "at byte 3" },
      { "a surrogate", { steps.text("\237\160\128") } },
      { "an overlong slash", { steps.text("\192\175") } },
      { "a character over U+10FFFF", { steps.text("\244\144\128\128") } },
      { "a lone continuation byte", { steps.text("a\128") } },
      { "a character cut by the end", { steps.text("a\226\130") } },
      { "a surrogate split over fragments", { steps.frame(0x01, "ab\237"), steps.frame(0x80, "\160\128") } },
      { "a bad byte in a fragment, before the message ends", { steps.frame(0x01, "\192") } },
   }
   for _, case in ipairs(cases) do
      it(case[1], function()
         violates(1007, case[2], { "text is not valid UTF-8", case[3] })
      end)
   end

   it("a reason", function()
      violates(1007, { steps.close(1000, "bad \255") }, { "reason", "not valid UTF-8" })
   end)
end)

describe("what a server may send", function()
   after_each(client.finish)

   it("is a message in fragments with a character split between them", function()
      local recorder = after({ steps.frame(0x01, "a\226"), steps.frame(0x00, "\130"), steps.frame(0x80, "\172z"),
         steps.close(1000) })
      expect.closed(recorder, 1000)
      assert.same({ "before", "a\226\130\172z" }, client.messages(recorder))
   end)

   it("is a ping between fragments, answered before the message is whole", function()
      local recorder, token = after({ steps.frame(0x02, "one "), steps.frame(0x89, "between"), "await:pongs:1",
         steps.frame(0x80, "two"), steps.close(1000) }, { report_pings = true })
      expect.closed(recorder, 1000)
      assert.equal("open received ping received closed", client.names(recorder))
      assert.same({ "received", "one two", "binary" }, recorder.events[4])
      local record = client.report(token, "close")
      assert.same({ 1, "between" }, { record.pongs, record.last_pong })
      assert.is_nil(record.missed)
   end)

   it("is an empty message, whole and in fragments", function()
      local recorder = after({ steps.text(""), steps.binary(""), steps.frame(0x01), steps.frame(0x00),
         steps.frame(0x80), steps.close(1000) })
      expect.closed(recorder, 1000)
      assert.same({ "before", "", "", "" }, client.messages(recorder))
      assert.equal("binary", recorder.events[4][3])
   end)

   it("is an unsolicited pong, which is delivered as an event", function()
      local recorder = after({ steps.frame(0x8a, "alone"), steps.frame(0x8a), steps.text("and on"), steps.close(1000) })
      expect.closed(recorder, 1000)
      assert.equal("open received pong pong received closed", client.names(recorder))
      assert.equal("alone", recorder.events[3][2])
      assert.equal("", recorder.events[4][2])
   end)

   it("may come byte by byte", function()
      local recorder = after({ "drip:1", steps.text("slowly"), steps.frame(0x01, "\226"), steps.frame(0x80, "\130\172"),
         steps.close(4000, "done") })
      expect.closed(recorder, 4000, "done")
      assert.same({ "before", "slowly", "\226\130\172" }, client.messages(recorder))
   end)
end)

describe("the peer's Close", function()
   after_each(client.finish)

   for _, code in ipairs({ 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000,
      4999 }) do
      it("with code " .. code .. " is reported and answered with the same", function()
         local recorder, token = after({ steps.close(code, "said"), "await-close" })
         local info = expect.closed(recorder, code, "said")
         assert.same({ true, false, "peer", code, code },
            { info.clean, info.violation, info.by, info.received_code, info.sent_code })
         assert.equal(code, client.report(token, "close").close)
      end)
   end

   it("without a body is reported as 1005 and answered without one", function()
      local recorder, token = after({ steps.close(), "await-close" })
      local info = expect.closed(recorder, 1005)
      assert.same({ true, 1005, 1005 }, { info.clean, info.received_code, info.sent_code })
      assert.equal(1005, client.report(token, "close").close)
   end)

   it("may have a reason of 123 bytes", function()
      local reason = ("\195\169"):rep(61) .. "!"
      expect.closed(after({ steps.close(1000, reason), "await-close" }), 1000, reason)
   end)

   it("ends the stream of events, whatever follows it", function()
      local recorder, token = after({ steps.close(4000, "first"), steps.text("late"), steps.frame(0x89, "late"),
         steps.frame(0x83, "late"), steps.close(4001, "second"), steps.bytes("\255\255\255") })
      local info = expect.closed(recorder, 4000, "first")
      assert.is_false(info.violation)
      assert.equal("open received closed", client.names(recorder))
      local record = client.report(token, "close")
      assert.same({ 4000, 1 }, { record.close, record.closes })
      assert.is_nil(record.pongs)
   end)

   it("inside a fragmented message ends it", function()
      local recorder = after({ steps.frame(0x01, "half"), steps.close(1001, "going") })
      expect.closed(recorder, 1001, "going")
      assert.equal("open received closed", client.names(recorder))
   end)
end)
