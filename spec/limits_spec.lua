--- Limits of a message and of the queue, and what the engine does while the script is busy.

local child = require "child"
local client = require "client"
local clock = require "clock"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

local KIB = 1024
local MIB = 1024 * 1024
--- Bytes that an event takes from max_queue in addition to its payload.
local OVERHEAD = 128

describe("max_message_size", function()
   after_each(client.finish)

   -- Fragments of at most three bytes.
   local function in_fragments(payload)
      local list = {}
      for first = 1, #payload, 3 do
         local last = first + 3 > #payload
         list[#list + 1] = steps.frame((first == 1 and 2 or 0) + (last and 0x80 or 0), payload:sub(first, first + 2))
      end
      return table.concat(list, ";")
   end

   for name, spell in pairs({ ["one frame"] = steps.binary, fragments = in_fragments }) do
      it("accepts a message of its size in " .. name, function()
         local recorder = client.connect(servers.script({ "status101", spell(("m"):rep(100)), steps.close(1000) }),
            { max_message_size = 100 })
         expect.closed(recorder, 1000)
         assert.same({ ("m"):rep(100) }, client.messages(recorder))
      end)

      it("closes with 1009 when a message has one byte more, in " .. name, function()
         local token = servers.token()
         local recorder = client.connect(
            servers.script({ "status101", spell(("m"):rep(100)), spell(("m"):rep(101)) }, token),
            { max_message_size = 100 })
         expect.violation(recorder, token, 1009, { "message too big: 101 bytes, limit 100" })
         assert.equal("open received closed", client.names(recorder))
      end)
   end

   it("is checked against the length in the header, before any payload arrives", function()
      local token = servers.token()
      local recorder = client.connect(
         servers.script({ "status101", steps.bytes("\130\127\0\0\1\0\0\0\0\0"), "await-close" }, token))
      expect.violation(recorder, token, 1009, { "message too big: 1099511627776 bytes, limit 16777216" })
   end)

   it("is 16 MiB by default", function()
      local size = 16 * MIB
      local recorder = client.connect(servers.url("/push", {
         count = 1, size = size, kind = "binary", ["then"] = "close", code = 1000,
      }))
      expect.closed(recorder, 1000)
      assert.equal(size, #client.messages(recorder)[1])
      local token = servers.token()
      recorder = client.connect(servers.url("/push", { count = 1, size = size + 1, token = token }))
      expect.violation(recorder, token, 1009, { "message too big: 16777217 bytes, limit 16777216" })
   end)
end)

describe("max_fragments", function()
   after_each(client.finish)

   local function fragments(count)
      return ("frame:00:;"):rep(count - 2) .. "frame:80:"
   end

   it("accepts a message of that many frames", function()
      local recorder = client.connect(servers.script({ "status101", steps.frame(0x01), fragments(5),
         steps.frame(0x01, "again"), fragments(5), steps.close(1000) }), { max_fragments = 5 })
      expect.closed(recorder, 1000)
      assert.same({ "", "again" }, client.messages(recorder))
   end)

   it("closes with 1009 at one frame more", function()
      local token = servers.token()
      local recorder = client.connect(servers.script({ "status101", steps.frame(0x01), fragments(6) }, token),
         { max_fragments = 5 })
      expect.violation(recorder, token, 1009, { "fragments: limit 5" })
      assert.equal("open closed", client.names(recorder))
   end)

   it("is 131072 by default", function()
      local function empty(count, token)
         return servers.script({ "status101", steps.frame(0x02), steps.repeated(count - 2, "\0\0"), steps.frame(0x80),
            steps.close(1000) }, token)
      end
      local recorder = client.connect(empty(131072))
      expect.closed(recorder, 1000)
      assert.same({ "" }, client.messages(recorder))
      local token = servers.token()
      expect.violation(client.connect(empty(131073, token)), token, 1009, { "fragments: limit 131072" })
   end)

   it("accepts 4 MiB in fragments of 64 bytes", function()
      local recorder = client.connect(servers.script({ "status101", steps.frame(0x02),
         steps.repeated(65536, "\0\64" .. ("f"):rep(64)), steps.frame(0x80), steps.close(1000) }))
      expect.closed(recorder, 1000)
      assert.is_true(client.messages(recorder)[1] == ("f"):rep(4 * MIB))
   end)
end)

-- Waits, without polling the module, until the server has sent nothing for half a second, and returns its record.
local function stalled(token)
   local record = servers.await(token, "sent_messages")
   local quiet, deadline = 0, client.now() + 60
   while quiet < 10 do
      clock.sleep(0.05)
      local now = servers.recorded(token)
      quiet = now.sent == record.sent and quiet + 1 or 0
      record = now
      assert(client.now() < deadline, "the server still sends")
   end
   return record
end

describe("max_queue", function()
   after_each(client.finish)

   local SIZE = 64 * KIB
   local BYTES = 96 * MIB
   local COUNT = BYTES / SIZE

   -- Returns a connection to a server that sends 96 MiB in numbered messages.
   local function flooded(options, query)
      local token = servers.token()
      local all = { bytes = BYTES, size = SIZE, token = token }
      for name, value in pairs(query or {}) do
         all[name] = value
      end
      local next_number, wrong = 1, nil
      local recorder = client.connect(servers.url("/flood", all), options, function(recorder, event, payload)
         if event == "received" then
            local right = next_number .. ":"
            right = right .. ("x"):rep(SIZE - #right)
            wrong = wrong or payload ~= right and next_number or nil
            next_number = next_number + 1
            -- The recorder would keep every payload.
            recorder.events[#recorder.events] = nil
         end
      end)
      client.wait(recorder, function()
         return recorder.ws:status() == "open"
      end)
      return recorder, token, function()
         return next_number - 1, wrong
      end
   end

   it("stops reading at its limit, and everything arrives once the script polls", function()
      local recorder, token, taken = flooded({ max_queue = MIB })
      assert.is_nil(stalled(token).flooded)
      local before = taken()
      local ran = websocket.poll(1)
      -- A message is admitted while the queue is below the bound; reading that rested may wait for half of it.
      local most = math.ceil(MIB / (SIZE + OVERHEAD))
      assert.is_true(ran >= most / 2 and ran <= most, ran .. " messages waited, at most " .. most .. " may")
      assert.equal(ran, taken() - before)
      expect.closed(recorder, 1000)
      local count, wrong = taken()
      assert.same({ COUNT }, { count, wrong })
   end)

   -- The least memory that the messages which fit take; short ones need less than they are charged.
   for name, case in pairs({
      ["64 KiB"] = { size = SIZE, least = 2 * MIB },
      ["a byte"] = { size = 1, least = MIB / 4 },
   }) do
      it("bounds the memory that messages of " .. name .. " take while they wait", function()
         local LARGEST = 2 * MIB
         -- The kernel may give memory by pages of 2 MiB, to the heap of each thread; unbounded, it would be BYTES.
         local size, least, most = case.size, case.least, 4 * MIB + LARGEST + 8 * MIB
         local token = servers.token()
         -- The child reads the file of the record, because a call of `servers` would start another server.
         local result = child.run(string.format([[
            local client = require "client"
            local function read(path)
               local file = io.open(path)
               local text = file and file:read("*a") or ""
               return text, file and file:close()
            end
            local in_use = require("memory").in_use
            client.open(%q)
            client.finish()
            local before = in_use()
            client.open(%q, { max_queue = %d, max_message_size = %d })
            local quiet, sent = 0, nil
            while quiet < 10 do
               require("clock").sleep(0.05)
               local now = read(%q):match("sent=%%d+")
               quiet = now and now == sent and quiet + 1 or 0
               sent = now
            end
            -- The server may know that the kernel has its bytes before the engine has read all that it may.
            local deadline, grown = client.now() + 10, nil
            repeat
               require("clock").sleep(0.05)
               grown = in_use() - before
            until grown > %d and grown <= %d or client.now() > deadline
            print(grown)
            client.finish()
         ]], servers.url("/echo"), servers.url("/flood", { bytes = BYTES, size = size, token = token }), 4 * MIB,
            LARGEST, servers.file("reports/" .. token), least, most))
         local grown = tonumber(result.output)
         assert.is_truthy(grown, result.output)
         assert.is_nil(client.report(token).flooded)
         assert.is_true(grown > least and grown <= most, "memory grew by " .. grown .. " bytes")
      end)
   end

   it("lets the engine read again after each poll, and stop again", function()
      local recorder, token, taken = flooded({ max_queue = MIB, ping_interval = false })
      local sent = stalled(token).sent
      -- More than the kernel holds, so that the server notices.
      local enough = taken() + COUNT / 4
      client.wait(recorder, function()
         return taken() >= enough
      end)
      local record = stalled(token)
      assert.is_true(record.sent > sent)
      assert.is_nil(record.flooded)
      assert.is_nil(recorder.ended)
      local count, wrong = taken()
      assert.is_true(count < COUNT)
      assert.is_nil(wrong)
   end)

   it("accepts one message of any permitted size", function()
      local recorder = client.open(servers.url("/echo"), { max_queue = 1 })
      for _, size in ipairs({ 0, 1, 70000, 2 * MIB }) do
         recorder.ws:send(("m"):rep(size))
      end
      for _, size in ipairs({ 0, 1, 70000, 2 * MIB }) do
         assert.equal(size, #client.wait(recorder, "received")[2])
      end
   end)

   it("that is full does not make the keepalive fail", function()
      local recorder, token, taken = flooded({ max_queue = MIB, ping_interval = 0.1, ping_timeout = 2 })
      stalled(token)
      clock.sleep(2)
      expect.closed(recorder, 1000)
      local count, wrong = taken()
      assert.same({ COUNT }, { count, wrong })
   end)

   it("of one connection does not delay another", function()
      local _, token = flooded({ max_queue = MIB })
      stalled(token)
      local echo = client.connect(servers.url("/echo"))
      echo.ws:send("hello")
      assert.equal("hello", client.wait(echo, "received")[2])
   end)
end)

describe("a script that does not poll", function()
   after_each(client.finish)

   it("keeps its connection alive", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/count-messages", { token = token }),
         { ping_interval = 0.05, ping_timeout = 5 })
      servers.await(token, "pings:20")
      assert.equal("open", recorder.ws:status())
      recorder.ws:send("still here")
      servers.await(token, "messages:1")
      assert.equal(0, websocket.poll())
      assert.equal("open", client.names(recorder))
      local latency = recorder.ws:latency()
      assert.is_true(latency > 0 and latency < 5, tostring(latency))
   end)

   it("has its pings answered", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/ping", { count = 20, interval = 10, token = token }))
      local record = servers.await(token, "pongs:20")
      assert.equal("20", tostring(record.last_pong))
      assert.equal(0, websocket.poll())
      assert.equal("open", client.names(recorder))
   end)

   it("has its messages sent", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/count-messages", { token = token }))
      for index = 1, 100 do
         recorder.ws:send("message " .. index)
      end
      local record = servers.await(token, "messages:100")
      assert.equal("message 100", record.last)
   end)

   it("gets everything that came meanwhile, in order, and then the end", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/push",
         { count = 1000, size = 100, kind = "both", ["then"] = "close", code = 4000, reason = "all", token = token }))
      servers.await(token, "close")
      expect.closed(recorder, 4000, "all")
      assert.equal(1000, #client.messages(recorder))
      for index, payload in ipairs(client.messages(recorder)) do
         assert.equal(index, tonumber(payload:match("^%d+")))
      end
   end)

   it("has a violation answered with a Close frame", function()
      local token = servers.token()
      local recorder = client.open(servers.script({ "status101", steps.text("before"), steps.frame(0x83) }, token))
      assert.equal(1002, servers.await(token, "close").close)
      expect.violation(recorder, token, 1002, { "reserved opcode" })
      assert.equal("open received closed", client.names(recorder))
   end)

   it("gets the failure of a peer that became silent", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/silent", { token = token }),
         { ping_interval = 0.1, ping_timeout = 0.2 })
      servers.await(token, "pings:1")
      local info = expect.fail(recorder, "keepalive", { "127.0.0.1:" .. servers.ports().ws })
      assert.equal("timeout", info.by)
      assert.equal("open fail", client.names(recorder))
   end)
end)
