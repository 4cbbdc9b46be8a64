--- permessage-deflate: what is offered, what is accepted, and what goes over the wire.

local child = require "child"
local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"

local unpack = unpack or table.unpack

local HELLO = "\242\72\205\201\201\7\0"

-- Text that compresses well although no part of it repeats exactly.
local function prose(length)
   local lines = {}
   for index = 1, math.ceil(length / 20) do
      lines[index] = ("{\"price\":%d,\"n\":%d}"):format(index * 7919 % 100000, index)
   end
   return table.concat(lines):sub(1, length)
end

local function switching(extensions, ...)
   return steps.head(steps.switching(extensions and "Sec-WebSocket-Extensions: " .. extensions or "X-None: 1", ...))
end

-- Opens to a server that agrees, then does the steps.
local function agreed(list, options, answer)
   local token = servers.token()
   local recorder = client.connect(servers.script({ switching(answer or "permessage-deflate"), unpack(list) }, token),
      options or { compression = true })
   return recorder, token
end

-- The reserved bits and the length of the first frame that the server saw.
local function first_frame(token)
   local frame = client.report(token, "frame.1")["frame.1"]
   return tonumber(frame:match("rsv=(%d)")), tonumber(frame:match("length=(%d+)"))
end

describe("compression is offered", function()
   after_each(client.finish)

   local cases = {
      { nil, nil },
      { false, nil },
      { true, "permessage-deflate; client_max_window_bits" },
      { {}, "permessage-deflate; client_max_window_bits" },
      { { client_max_window_bits = 15, threshold = 10, level = 1 }, "permessage-deflate; client_max_window_bits" },
      { { client_max_window_bits = 9 }, "permessage-deflate; client_max_window_bits=9" },
      { { server_max_window_bits = 15, server_no_context_takeover = true, client_no_context_takeover = true },
         "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15; "
            .. "client_max_window_bits" },
   }
   for _, case in ipairs(cases) do
      it("as " .. tostring(case[2]), function()
         local token = servers.token()
         client.connect(servers.url("/echo", { token = token }), { compression = case[1] })
         local request = client.report(token, "request").request
         assert.equal(case[2], request:match("[Ss]ec%-[Ww]eb[Ss]ocket%-[Ee]xtensions: ([^\r\n]*)"))
      end)
   end
end)

describe("an answer to the offer", function()
   after_each(client.finish)

   local all = { compression = { server_no_context_takeover = true, server_max_window_bits = 10,
      client_max_window_bits = 12 } }
   local refused = {
      { "with an unknown parameter", "permessage-deflate; speed=9", "speed" },
      { "with a parameter twice", "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
         "client_no_context_takeover" },
      { "with 7 window bits", "permessage-deflate; server_max_window_bits=7", "server_max_window_bits=7" },
      { "with 16 window bits", "permessage-deflate; client_max_window_bits=16", "client_max_window_bits=16" },
      { "with window bits without a value", "permessage-deflate; server_max_window_bits", "server_max_window_bits" },
      { "with takeover that has a value", "permessage-deflate; server_no_context_takeover=true",
         "server_no_context_takeover" },
      { "above the offered server's window",
         "permessage-deflate; server_no_context_takeover; server_max_window_bits=11",
         "server_max_window_bits=11", all },
      { "without the demanded server's window", "permessage-deflate; server_no_context_takeover",
         "server_max_window_bits", all },
      { "without the demanded takeover", "permessage-deflate; server_max_window_bits=10", "server_no_context_takeover",
         all },
      { "above the offered client's window",
         "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=13",
         "client_max_window_bits=13", all },
      { "that chooses it twice", "permessage-deflate, permessage-deflate", "twice" },
      { "that chooses another extension", "x-snappy", "x-snappy" },
      { "that is malformed", "permessage-deflate; server_max_window_bits=\"10", "malformed" },
      { "although nothing was offered", "permessage-deflate", "not offered", {} },
   }
   for _, case in ipairs(refused) do
      it(case[1] .. " fails the handshake and is named", function()
         local recorder = agreed({ "await-eof" }, case[4], case[2])
         local info = expect.refusal(recorder, "handshake", { case[3] })
         assert.equal("sec-websocket-extensions", info.header)
      end)
   end

   it("in two lines fails the handshake", function()
      local recorder = client.connect(servers.script({
         switching("permessage-deflate", "Sec-WebSocket-Extensions: permessage-deflate"), "await-eof",
      }), { compression = true })
      expect.refusal(recorder, "handshake", { "twice" })
   end)

   it("is what extensions() returns, once open", function()
      local recorder = agreed({ steps.frame(0xc1, HELLO), "await-close", "reply-close" }, nil,
         "permessage-deflate;client_max_window_bits=10 ; server_no_context_takeover")
      assert.equal("", recorder.ws:extensions())
      client.wait(recorder, "open")
      assert.equal("permessage-deflate; server_no_context_takeover; client_max_window_bits=10",
         recorder.ws:extensions())
      assert.same({ "received", "Hello", "text" }, client.wait(recorder, "received"))
   end)

   it("may be none, and messages are not compressed", function()
      local token = servers.token()
      local recorder = client.connect(servers.script({ switching(nil), "await:messages:1", steps.close(1000),
         "await-close" }, token), { compression = true })
      recorder.ws:send(prose(1000))
      expect.closed(recorder, 1000)
      assert.equal("", recorder.ws:extensions())
      assert.same({ 0, 1000 }, { first_frame(token) })
   end)
end)

describe("a compressed message", function()
   after_each(client.finish)

   it("arrives as what it was, also in fragments with a ping between them, and beside plain ones", function()
      local recorder = agreed({
         steps.frame(0xc1, HELLO), steps.frame(0x41, HELLO:sub(1, 3)), steps.frame(0x89, "p"),
         steps.frame(0x80, HELLO:sub(4)), steps.text("plain"), steps.frame(0xc2, "\242\0\17\0\0"),
         steps.frame(0xc1, "\0"), "await-close", "reply-close",
      })
      client.wait(recorder, function()
         return #client.messages(recorder) == 5
      end)
      assert.same({ "Hello", "Hello", "plain", "Hello", "" }, client.messages(recorder))
      assert.equal("binary", recorder.events[5][3])
   end)

   it("that is corrupt closes with 1007", function()
      local recorder, token = agreed({ steps.frame(0xc1, HELLO), steps.frame(0xc1, "\6"), "await-close" })
      expect.violation(recorder, token, 1007, { "corrupt compressed data" })
      assert.same({ "Hello" }, client.messages(recorder))
   end)

   it("that ends inside a block closes with 1007", function()
      local recorder, token = agreed({ steps.frame(0xc2, "\0\5\0\250\255H"), "await-close" })
      expect.violation(recorder, token, 1007, { "inside a block" })
   end)

   it("that inflates to text that is not UTF-8 closes with 1007", function()
      local recorder, token = agreed({ steps.frame(0xc1, "\0\1\0\254\255\255\0"), "await-close" })
      expect.violation(recorder, token, 1007, { "UTF-8", "byte 1" })
   end)

   it("over max_message_size closes with 1009, however short it is on the wire", function()
      -- 64 stored blocks of "Hello" and a flush.
      local long = ("\0\5\0\250\255Hello"):rep(64) .. "\0"
      local recorder, token = agreed({ steps.frame(0xc2, long), "await-close" },
         { compression = true, max_message_size = 319 })
      expect.violation(recorder, token, 1009, { "limit 319" })
      recorder = agreed({ steps.frame(0xc2, long), "await-close", "reply-close" },
         { compression = true, max_message_size = 320 })
      assert.equal(320, #client.wait(recorder, "received")[2])
   end)

   for name, first in pairs({ continuation = 0xc0, ping = 0xc9, Close = 0xc8 }) do
      it("does not begin with a " .. name, function()
         local recorder, token = agreed({ steps.frame(0x41, HELLO:sub(1, 3)), steps.frame(first, ""), "await-close" })
         expect.violation(recorder, token, 1002, { "reserved" })
      end)
   end
end)

describe("a bomb", function()
   after_each(client.finish)

   -- A block of DEFLATE, of 11 whole bytes: six times "258 bytes as the one before" in the fixed code (RFC 1951).
   local BLOCK
   do
      local bits = "010" .. ("1100010100000"):rep(6) .. "0000000"
      BLOCK = bits:gsub("........", function(octet)
         return string.char(tonumber(octet:reverse(), 2))
      end)
   end
   local COUNT = 95000 -- 1 MiB on the wire, 140 MiB inflated

   it("of 1 MiB closes with 1009 and costs no more than the limit", function()
      local before = "\0\1\0\254\255x"
      local size = #before + #BLOCK * COUNT + 1
      local octets = { 0, math.floor(size / 65536), math.floor(size / 256) % 256, size % 256 }
      local header = "\193\127\0\0\0\0" .. string.char(unpack(octets))
      local token = servers.token()
      local url = servers.script({ switching("permessage-deflate"), steps.bytes(header .. before),
         steps.repeated(COUNT, BLOCK), steps.bytes("\0"), "await-close", "await-eof" }, token)
      local result = child.run(string.format([[
         local client = require "client"
         local in_use = require("memory").in_use
         client.open(%q, { compression = true }).ws:send(("x"):rep(1000))
         client.finish()
         local before = in_use()
         local last = client.drain(client.connect(%q, { compression = true, max_message_size = 1048576 }), 30)
         -- The engine frees what the connection had a moment after its end.
         local deadline, grown = client.now() + 10, nil
         repeat
            require("clock").sleep(0.01)
            grown = in_use() - before
         until grown < 16 * 1048576 or client.now() > deadline
         print(last[3], grown)
      ]], servers.url_at(servers.python().ws, "/echo"), url))
      local code, grown = result.output:match("(%d+)%s+(-?%d+)")
      assert.equal("1009", code, result.output)
      -- The limit, twice while it grows, and the pages of 2 MiB that the kernel may give.
      assert.is_true(tonumber(grown) < 16 * 1048576, "memory grew by " .. grown .. " bytes")
      assert.equal(1009, client.report(token, "close").close)
   end)
end)

describe("without context takeover", function()
   after_each(client.finish)

   it("connections keep no memory between compressed messages", function()
      local result = child.run(string.format([[
         local client = require "client"
         local in_use = require("memory").in_use
         local all = {}
         for index = 1, 40 do
            all[index] = client.open(%q, { compression = { client_no_context_takeover = true,
               server_no_context_takeover = true } })
         end
         local before = in_use()
         for _, recorder in ipairs(all) do
            recorder.ws:send(("compressible"):rep(50))
         end
         for _, recorder in ipairs(all) do
            client.wait(recorder, "received")
         end
         print("grown by", in_use() - before)
         client.finish()
      ]], servers.url_at(servers.python().ws, "/echo")))
      local grown = result.output:match("grown by%s+(-?%d+)")
      -- A compressor needs 256 KiB or more.
      assert.is_true(tonumber(grown) < 40 * 64 * 1024, result.output)
   end)
end)

describe("send", function()
   after_each(client.finish)

   local function sent(send, options, answer)
      local recorder, token = agreed({ "await:messages:1", steps.close(1000), "await-close" }, options, answer)
      client.wait(recorder, "open")
      send(recorder.ws)
      expect.closed(recorder, 1000)
      return first_frame(token)
   end

   it("compresses from the threshold on", function()
      local reserved, length = sent(function(ws) ws:send(prose(1000)) end)
      assert.equal(4, reserved)
      assert.is_true(length < 600, length .. " bytes")
      assert.same({ 0, 99 }, { sent(function(ws) ws:send(prose(99)) end, { compression = { threshold = 100 } }) })
      assert.equal(4, (sent(function(ws) ws:send(prose(100)) end, { compression = { threshold = 100 } })))
      assert.same({ 4, 1 }, { sent(function(ws) ws:send("") end, { compression = { threshold = 0 } }) })
   end)

   it("does not compress a message for which the script turns compression off", function()
      local reserved, length = sent(function(ws) ws:send(prose(1000), false, { compress = false }) end)
      assert.same({ 0, 1000 }, { reserved, length })
      assert.equal(4, (sent(function(ws) ws:send(prose(1000), true, { compress = true }) end)))
      assert.equal(4, (sent(function(ws) ws:send(prose(1000), true, {}) end)))
   end)

   it("compresses nothing if the agreed window has 8 bits", function()
      local reserved = sent(function(ws) ws:send(prose(1000)) end, nil, "permessage-deflate; client_max_window_bits=8")
      assert.equal(0, reserved)
   end)

   it("raises on options that it does not know", function()
      local recorder = client.open(servers.url("/echo"))
      local send = recorder.ws.send
      expect.holds(expect.raised(send, recorder.ws, "x", false, { compres = false }), { '"compres",', "nearest" })
      expect.holds(expect.raised(send, recorder.ws, "x", false, { compress = 1 }), { "compress", "boolean" })
      expect.holds(expect.raised(send, recorder.ws, "x", false, true), { "table", "boolean" })
      assert.equal(0, recorder.ws:buffered_amount())
   end)

   it("counts a compressed empty message as none", function()
      local recorder = agreed({ "await:messages:3", steps.close(1000), "await-close" },
         { compression = { threshold = 0 } })
      client.wait(recorder, "open")
      recorder.ws:send("")
      assert.equal(0, recorder.ws:flush():buffered_amount())
      recorder.ws:send("x")
      recorder.ws:send("")
      assert.equal(0, recorder.ws:flush():buffered_amount())
      expect.closed(recorder, 1000)
   end)

   it("deflates a large message whole, and what comes after it", function()
      local recorder = client.open(servers.url_at(servers.python().ws, "/echo"), { compression = { level = 1 } })
      local long = prose(5 * 1024 * 1024)
      recorder.ws:send(long)
      recorder.ws:send("after")
      assert.equal(0, recorder.ws:flush():buffered_amount())
      client.wait(recorder, function()
         return #client.messages(recorder) == 2
      end)
      local messages = client.messages(recorder)
      assert.is_true(messages[1] == long, #messages[1] .. " bytes came back")
      assert.equal("after", messages[2])
   end)

   it("lets other connections work while it deflates", function()
      -- Runs of a length that finds no end of matches: slow to deflate, and short.
      local runs = {}
      for index = 1, 1000 do
         runs[index] = ("a"):rep(60 + index * 7919 % 80) .. index % 10
      end
      runs = table.concat(runs)

      -- Returns how often another connection got an answer before a message of that many runs was deflated.
      local function answers_meanwhile(count)
         local recorder = agreed({ "await:messages:1", steps.close(1000), "await-close" },
            { compression = { level = 9 } })
         client.wait(recorder, "open")
         local long, answers = runs:rep(count), 0
         local echo = client.open(servers.url("/echo"), nil, function(echo, event)
            -- Compressed, the message is so short that the transport takes it as soon as it is deflated.
            if event == "received" and recorder.ws:buffered_amount() == #long then
               answers = answers + 1
               echo.ws:send("again")
            end
         end)
         recorder.ws:send(long)
         echo.ws:send("beside")
         expect.closed(recorder, 1000)
         assert.equal(0, recorder.ws:buffered_amount())
         echo.ws:terminate()
         return answers
      end

      -- How long deflating and an answer take depends on the machine, so the message grows until enough answers come.
      -- If each message held up the thread, there would be two or three at most, between deflating and writing.
      local count = 50
      while answers_meanwhile(count) < 10 do
         count = count * 2
         assert(count <= 1600, "too few answers came while a message was deflated")
      end
   end)

   it("counts the uncompressed payload", function()
      local recorder = agreed({ "stall" })
      client.wait(recorder, "open")
      local noise = prose(100000):gsub(".", function(char) return string.char((char:byte() * 167 + 13) % 256) end)
      local total = 0
      repeat
         total = total + #noise
      until not recorder.ws:send(noise, true) or total > 12 * 1024 * 1024
      -- Some of it may have gone to the kernel, in whole messages.
      local buffered = recorder.ws:buffered_amount()
      assert.is_true(buffered <= total and buffered % #noise == 0, buffered .. " of " .. total)
   end)
end)
