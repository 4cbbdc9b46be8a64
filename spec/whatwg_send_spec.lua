-- What websocket.whatwg's WebSocket sends, and the types of the messages that arrive.
local client = require "client"
local page = require "whatwg_client"
local servers = require "servers"
local steps = require "steps"
local whatwg = require "websocket.whatwg"

local Blob, ArrayBuffer = whatwg.Blob, whatwg.ArrayBuffer

describe("send", function()
   after_each(page.finish)

   -- Sends, and returns the opcode and the payload that the server got.
   local function on_the_wire(data)
      local token = servers.token()
      local recorder = page.open(servers.url("/count-messages", { token = token }))
      recorder.ws:send(data)
      local frame = client.report(token, "frame.1")["frame.1"]
      local payload = (frame:match("data=(%x*)") or ""):gsub("%x%x", function(digits)
         return string.char(tonumber(digits, 16))
      end)
      return tonumber(frame:match("opcode=(%d+)")), payload
   end

   local every_byte = {}
   for byte = 0, 255 do
      every_byte[byte + 1] = string.char(byte)
   end
   every_byte = table.concat(every_byte)

   for what, case in pairs({
      ["a string as text"] = { "Grüße", 1 },
      ["an empty string as text"] = { "", 1 },
      ["a number as tostring gives it"] = { 12, 1, "12" },
      ["a fraction as tostring gives it"] = { 1.5, 1, "1.5" },
      ["ill-formed UTF-8 with U+FFFD in its place"] = { "a\255b\192\128\237\160\128", 1,
         "a\239\191\189b\239\191\189\239\191\189\239\191\189\239\191\189\239\191\189" },
      ["an ArrayBuffer as binary"] = { ArrayBuffer("\0\255"), 2, "\0\255" },
      ["a Blob as binary"] = { Blob({ "\0", "\255" }), 2, "\0\255" },
      ["an empty ArrayBuffer as binary"] = { ArrayBuffer(""), 2, "" },
      ["a view as the bytes it shows"] = {
         { buffer = ArrayBuffer("012345"), byteOffset = 2, byteLength = 3 }, 2, "234",
      },
      ["a view without bounds as the whole"] = { { buffer = ArrayBuffer("012345") }, 2, "012345" },
      ["a view to the end"] = { { buffer = ArrayBuffer("012345"), byteOffset = 4.0 }, 2, "45" },
      ["an empty view"] = { { buffer = ArrayBuffer("012345"), byteOffset = 6, byteLength = 0 }, 2, "" },
   }) do
      it("sends " .. what, function()
         local opcode, payload = on_the_wire(case[1])
         assert.equal(case[2], opcode)
         assert.equal(case[3] or case[1], payload)
      end)
   end

   it("counts the bytes of U+FFFD, not those that it replaces", function()
      local ws = page.open(servers.url("/stall"), nil, { close_timeout = 0.1 }).ws
      ws:send("\255")
      assert.equal(3, ws.bufferedAmount)
   end)

   it("raises TypeError for what cannot be sent, in every state", function()
      local recorder = page.connect(servers.url("/echo"))
      local ws = recorder.ws
      local function refuses()
         assert.equal("TypeError", page.raised(ws.send, ws).name)
         assert.equal("TypeError", page.raised(ws.send, ws, nil).name)
         for _, data in ipairs({ true, false, {}, { 1, 2 }, print, { buffer = "x" }, { buffer = Blob() },
            whatwg.Event("x"), ws }) do
            assert.equal("TypeError", page.raised(ws.send, ws, data).name)
         end
         assert.equal(0, ws.bufferedAmount)
      end
      refuses()
      page.wait(recorder, function() return ws.readyState == 1 end)
      refuses()
      ws:close()
      refuses()
      page.drain(recorder)
      refuses()
   end)

   it("raises RangeError for a view beyond its buffer", function()
      local ws = page.open(servers.url("/echo")).ws
      local four = ArrayBuffer("1234")
      for _, view in ipairs({
         { buffer = four, byteOffset = 5 }, { buffer = four, byteLength = 5 }, { buffer = four, byteOffset = -1 },
         { buffer = four, byteOffset = 2, byteLength = 3 }, { buffer = four, byteLength = 1.5 },
         { buffer = four, byteOffset = "0" },
      }) do
         assert.equal("RangeError", page.raised(ws.send, ws, view).name)
      end
   end)

   it("raises InvalidStateError while connecting", function()
      local token = servers.token()
      local recorder = page.connect(servers.url("/count-messages", { token = token }))
      assert.equal("InvalidStateError", page.raised(recorder.ws.send, recorder.ws, "early").name)
      assert.equal(0, recorder.ws.bufferedAmount)
      page.wait(recorder, function() return recorder.ws.readyState == 1 end)
      recorder.ws:send("first")
      assert.equal("first", client.report(token, "messages:1").last)
   end)

   it("sends nothing after close, and raises nothing", function()
      local token = servers.token()
      local recorder = page.open(servers.url("/count-messages", { token = token }))
      recorder.ws:send("last")
      recorder.ws:close()
      recorder.ws:send("late")
      page.drain(recorder)
      recorder.ws:send("later")
      local record = client.report(token, "close")
      assert.equal(1, record.messages)
      assert.equal("last", record.last)
      assert.equal(9, recorder.ws.bufferedAmount)
   end)

   it("only counts once the server's Close has arrived, even before it is dispatched", function()
      local token = servers.token()
      local recorder = page.open(servers.script({ "status101", "await:messages:1", steps.close(1000), "await-close" },
         token))
      recorder.ws:send("go")
      servers.await(token, "close")
      local before = recorder.ws.bufferedAmount
      recorder.ws:send("late")
      assert.equal(1, recorder.ws.readyState)
      assert.equal(before + 4, recorder.ws.bufferedAmount)
      page.drain(recorder)
      assert.equal(4, recorder.ws.bufferedAmount)
      assert.equal(1, client.report(token).messages)
   end)

   it("exchanges texts and bytes of every boundary size", function()
      local recorder = page.open(servers.url("/echo"))
      recorder.ws.binaryType = "arraybuffer"
      local sizes = { 0, 1, 125, 126, 65535, 65536, 65537 }
      for _, size in ipairs(sizes) do
         recorder.ws:send(("x"):rep(size))
         recorder.ws:send(ArrayBuffer(every_byte:rep(math.ceil(size / 256)):sub(1, size)))
      end
      local list = page.await_messages(recorder, 2 * #sizes)
      for index, size in ipairs(sizes) do
         assert.equal(("x"):rep(size), list[2 * index - 1])
         assert.is_true(ArrayBuffer.is(list[2 * index]))
         assert.is_true(every_byte:rep(math.ceil(size / 256)):sub(1, size) == list[2 * index]:text(), size)
      end
   end)
end)

describe("a message", function()
   after_each(page.finish)

   it("of text is a string", function()
      local recorder = page.open(servers.url("/echo"))
      recorder.ws:send("Grüße")
      assert.same({ "Grüße" }, page.await_messages(recorder, 1))
   end)

   it("of bytes is a Blob of no type, or an ArrayBuffer where binaryType says so", function()
      local recorder = page.open(servers.url("/echo"))
      recorder.ws:send(ArrayBuffer({ 0, 1, 255 }))
      local blob = page.await_messages(recorder, 1)[1]
      assert.is_true(Blob.is(blob))
      assert.same({ 3, "", "\0\1\255" }, { blob.size, blob.type, blob:text() })
      recorder.ws.binaryType = "arraybuffer"
      recorder.ws:send(Blob({ "\0\1\255" }))
      local buffer = page.await_messages(recorder, 2)[2]
      assert.is_true(ArrayBuffer.is(buffer))
      assert.same({ 3, { 0, 1, 255 } }, { buffer.byteLength, buffer:bytes() })
   end)

   it("follows the binaryType that is set when it is dispatched", function()
      local token = servers.token()
      local recorder = page.connect(servers.script({ "status101", steps.binary("1"), steps.binary("2"), "log:sent",
         "await-close" }, token))
      servers.await(token, "log.1")
      recorder.ws.binaryType = "arraybuffer"
      recorder.ws.onmessage = function() recorder.ws.binaryType = "blob" end
      local list = page.await_messages(recorder, 2)
      assert.is_true(ArrayBuffer.is(list[1]))
      assert.is_true(Blob.is(list[2]))
   end)

   it("has the URL's origin and no lastEventId", function()
      local recorder = page.open((servers.url("/echo"):gsub("^ws", "http")))
      recorder.ws:send("x")
      page.await_messages(recorder, 1)
      local event = recorder.events[2]
      assert.equal(("ws://127.0.0.1:%d"):format(servers.ports().ws), event.origin)
      assert.equal("", event.lastEventId)
      assert.is_true(whatwg.MessageEvent.is(event))
   end)

   it("is dropped after close", function()
      local token = servers.token()
      local recorder = page.open(servers.script({ "status101", steps.text("one"), "await-close", steps.text("two"),
         steps.close(1000) }, token))
      page.await_messages(recorder, 1)
      recorder.ws:close()
      page.drain(recorder)
      assert.same({ "one" }, page.messages(recorder))
   end)

   it("is dropped after close in a listener, even where it has arrived already", function()
      local recorder = page.connect(servers.url("/push", { count = 5, size = 10 }))
      recorder.ws.onmessage = function() recorder.ws:close() end
      page.drain(recorder)
      assert.equal(1, #page.messages(recorder))
   end)

   it("is the only thing that is reported: pings and pongs are not", function()
      local token = servers.token()
      local recorder = page.open(servers.script({ "status101", steps.frame(0x89, "ping"), steps.frame(0x8a, "pong"),
         steps.text("text"), "await:pongs", "await-close", steps.close(1000) }, token))
      page.await_messages(recorder, 1)
      recorder.ws:close()
      page.drain(recorder)
      assert.equal("open message close", page.names(recorder))
      assert.equal("ping", client.report(token, "last_pong").last_pong)
   end)
end)
