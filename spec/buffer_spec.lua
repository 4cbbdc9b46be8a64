-- `max_buffered` and `ws:buffered_amount`: how much may wait to be sent, and how much does.

local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

local KIB, MIB = 1024, 1024 * 1024

-- Returns the size of a masked frame with so many bytes of payload (RFC 6455 section 5.2).
local function encoded(length)
   return length + 6 + (length > 65535 and 8 or length > 125 and 2 or 0)
end

-- Makes a connection that stays in its opening handshake, so that no message is ever written.
local function unopened(max_buffered)
   local recorder = client.connect(servers.url("/", nil, "silent"), { max_buffered = max_buffered })
   return recorder.ws
end

describe("max_buffered", function()
   after_each(client.finish)

   -- Tells whether a second message is accepted after one of this length.
   local function takes_second(max_buffered, length)
      local ws = unopened(max_buffered)
      assert.equal(ws, ws:send(("x"):rep(length), true))
      local result = ws:send("", true)
      ws:terminate()
      return result ~= nil
   end

   it("counts encoded bytes and a fixed overhead for each message, and refuses exactly at the limit", function()
      -- The least limit at which a second message is accepted after an empty one.
      local low, high = 1, 4 * KIB
      assert(takes_second(high, 0))
      while low < high do
         local middle = math.floor((low + high) / 2)
         if takes_second(middle, 0) then
            high = middle
         else
            low = middle + 1
         end
      end
      local overhead = low - 1 - encoded(0)
      assert(overhead > 0, "no overhead")
      for _, length in ipairs({ 1, 125, 126, 65535, 65536 }) do
         local held = encoded(length) + overhead
         assert.is_false(takes_second(held, length), "at the bound after " .. length .. " bytes")
         assert.is_true(takes_second(held + 1, length), "below the bound after " .. length .. " bytes")
      end
      -- The sizes of several messages are added.
      local ws = unopened(10 * (encoded(100) + overhead))
      for _ = 1, 10 do
         assert.equal(ws, ws:send(("x"):rep(100)))
      end
      expect.refused("buffer_full", ws:send(""))
   end)

   it("refuses with nil, a text and buffer_full, and sends no part of the message", function()
      local ws = unopened(1)
      ws:send("held")
      local text = expect.refused("buffer_full", ws:send("refused"))
      assert.matches("^send buffer full", text)
      expect.refused("buffer_full", ws:ping())
      assert.equal(4, ws:buffered_amount())
   end)

   it("accepts one message of any size below the limit", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/count-messages", { token = token }), { max_buffered = 1 })
      local big = ("x"):rep(4 * MIB)
      for number = 1, 3 do
         assert.equal(recorder.ws, recorder.ws:send(big))
         assert(recorder.ws:flush(10))
         assert.equal(number * #big, client.report(token, "messages:" .. number).bytes)
      end
   end)

   it("is 16 MiB by default", function()
      local ws = unopened()
      ws:send(("x"):rep(16 * MIB - 4 * KIB))
      assert.equal(ws, ws:send(("x"):rep(4 * KIB)))
      expect.refused("buffer_full", ws:send(""))
   end)

   it("is reached where the server never reads, and bounds the memory", function()
      local recorder = client.open(servers.url("/stall"), { max_buffered = 256 * KIB })
      local message, accepted = ("x"):rep(1000), 0
      local function send()
         local result, text, code = recorder.ws:send(message)
         accepted = accepted + (result and 1 or 0)
         return result, text, code
      end
      -- The buffers of the operating system fill up first, so the outbox is full only when it stays full.
      assert(client.poll_until(function()
         repeat until not send()
         return not recorder.ws:flush(0.2) and not send()
      end))
      expect.refused("buffer_full", send())
      local amount = recorder.ws:buffered_amount()
      assert(amount > 128 * KIB and amount < 256 * KIB, amount .. " bytes held")
      assert(amount < accepted * #message)
      -- That does not change with further messages.
      for _ = 1, 100000 do
         recorder.ws:send(message)
      end
      assert.equal(amount, recorder.ws:buffered_amount())
      recorder.ws:terminate()
      assert.same({ "closed", "", 1006 }, client.drain(recorder))
      assert.equal(amount, recorder.ws:buffered_amount())
   end)

   it("accepts messages again once the server reads, and loses none that it has accepted", function()
      local token = servers.token()
      local recorder = client.open(servers.script({
         "status101", "sleep:400", "await-close", steps.close(1000),
      }, token), { max_buffered = 64 * KIB })
      local message, accepted, refusals = ("x"):rep(10000), 0, 0
      local deadline = client.now() + 30
      while (refusals == 0 or accepted < 1000) and client.now() < deadline do
         if recorder.ws:send(message) then
            accepted = accepted + 1
         else
            refusals = refusals + 1
            recorder.ws:flush(0.05)
         end
      end
      assert(refusals > 0, "the buffer was never full")
      assert(accepted >= 1000)
      recorder.ws:close()
      assert.equal("closed", client.drain(recorder)[1])
      local record = client.report(token, "close")
      assert.same({ accepted, accepted * #message }, { record.messages, record.bytes })
   end)
end)

describe("buffered_amount", function()
   after_each(client.finish)

   it("is the payload that was accepted and not yet written", function()
      local ws = unopened()
      assert.equal(0, ws:buffered_amount())
      local sum = 0
      for _, length in ipairs({ 0, 1, 125, 126, 65536, MIB }) do
         ws:send(("x"):rep(length))
         sum = sum + length
         assert.equal(sum, ws:buffered_amount())
      end
      ws:send("\195\164")
      assert.equal(sum + 2, ws:buffered_amount())
      assert(not tostring(ws:buffered_amount()):find(".", 1, true), "no integer")
   end)

   it("is 0 when all is written", function()
      local recorder = client.open(servers.url("/count-messages"))
      recorder.ws:send(("x"):rep(MIB))
      recorder.ws:ping("not counted")
      assert(recorder.ws:flush())
      assert.equal(0, recorder.ws:buffered_amount())
   end)

   it("keeps after the end what was never written", function()
      local recorder = client.connect(servers.url("/", nil, "silent"), { open_timeout = 0.2 })
      recorder.ws:send("never")
      client.drain(recorder)
      assert.equal(5, recorder.ws:buffered_amount())
      recorder.ws:send("not accepted")
      assert.equal(5, recorder.ws:buffered_amount())
      recorder = client.connect(servers.url("/", nil, "silent"))
      recorder.ws:send("dropped")
      recorder.ws:close()
      client.drain(recorder)
      assert.equal(7, recorder.ws:buffered_amount())
   end)

   it("is counted for each connection by itself", function()
      local one, other = unopened(), unopened()
      one:send("12345")
      other:send("123")
      assert.same({ 5, 3 }, { one:buffered_amount(), other:buffered_amount() })
      assert.equal(2, websocket.connections())
   end)
end)
