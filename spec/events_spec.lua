--- The events of one connection: their arguments, their order, and the one end.

local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

-- Calls `check` with a connection and the calls of its callback: the number of arguments, and those before the
-- connection, which is the last. Then ends the connection.
local function with_calls(url, options, check)
   local calls = {}
   local foreign, ws = 0, nil
   ws = websocket.new(url, function(...)
      local event, message, detail, connection = ...
      calls[#calls + 1] = { n = select("#", ...), event, message, detail }
      foreign = foreign + (rawequal(connection, ws) and 0 or 1)
   end, options)
   -- Polls until an event of that name came, and returns its call.
   local function await(name)
      return assert(client.poll_until(function()
         for _, call in ipairs(calls) do
            if call[1] == name then
               return call
            end
         end
      end), name .. " did not come")
   end
   local ok, problem = pcall(check, ws, await, calls)
   ws:terminate()
   client.poll_until(function() return websocket.connections() == 0 end)
   assert(ok, problem)
   assert.equal(0, foreign)
end

-- Tells whether a number is an integer, in the versions of Lua that have integers.
local function is_integer(number)
   return not tostring(number):find(".", 1, true)
end

describe("The arguments of", function()
   it("open are nil", function()
      with_calls(servers.url("/echo"), nil, function(_, await)
         assert.same({ n = 4, "open" }, await("open"))
      end)
   end)

   it("received are payload and kind", function()
      with_calls(servers.url("/push", { count = 2, size = 4, kind = "both" }), nil, function(_, _, calls)
         client.poll_until(function() return #calls >= 3 end)
         assert.same({ n = 4, "received", "1:xx", "text" }, calls[2])
         assert.same({ n = 4, "received", "2:\255\255", "binary" }, calls[3])
      end)
   end)

   it("pong are payload and nil", function()
      with_calls(servers.url("/echo"), nil, function(ws, await)
         ws:ping("a\0\255")
         assert.same({ n = 4, "pong", "a\0\255" }, await("pong"))
      end)
   end)

   it("ping are payload and nil", function()
      local url = servers.url("/ping", { count = 1, payload = "a\0\255" })
      with_calls(url, { report_pings = true }, function(_, await)
         assert.same({ n = 4, "ping", "a\0\255" }, await("ping"))
      end)
   end)

   it("closing and closed are reason and code", function()
      local url = servers.url("/close", { code = 4001, reason = "b\195\164h" })
      with_calls(url, { report_closing = true }, function(_, await)
         local closed, closing = await("closed"), await("closing")
         assert.same({ n = 4, "closed", "b\195\164h", 4001 }, closed)
         assert.same({ n = 4, "closing", "b\195\164h", 4001 }, closing)
         assert(is_integer(closed[3]) and is_integer(closing[3]))
      end)
   end)

   it("closing and closed are never nil", function()
      with_calls(servers.url("/close"), { report_closing = true }, function(_, await)
         assert.same({ n = 4, "closed", "", 1005 }, await("closed"))
         assert.same({ n = 4, "closing", "", 1005 }, await("closing"))
      end)
      with_calls(servers.url("/echo"), nil, function(ws, await)
         ws:terminate()
         local closed = await("closed")
         assert.same({ n = 4, "closed", "", 1006 }, closed)
         assert(is_integer(closed[3]))
      end)
   end)

   it("fail are text and code", function()
      with_calls(servers.url("/", nil, "refused"), nil, function(_, await, calls)
         local last = await("fail")
         assert.same({ 4, "string", "connect" }, { last.n, type(last[2]), last[3] })
         assert(#last[2] > 0)
         assert.equal(1, #calls)
      end)
   end)
end)

describe("The peer's pings", function()
   after_each(client.finish)

   it("are answered and hidden", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/ping", { count = 5, token = token }))
      assert.equal("5", tostring(client.report(token, "pongs:5").last_pong))
      recorder.ws:close()
      client.drain(recorder)
      assert.equal("open closed", client.names(recorder))
   end)

   it("are answered while the script does not poll", function()
      local token = servers.token()
      client.open(servers.url("/ping", { count = 3, interval = 20, token = token }))
      assert.equal(3, servers.await(token, "pongs:3").pongs)
   end)

   it("are delivered in order with report_pings, and still answered", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/ping", { count = 5, token = token }), { report_pings = true })
      for number = 1, 5 do
         assert.same({ "ping", tostring(number) }, client.wait(recorder, "ping"))
      end
      client.report(token, "pongs:5")
   end)
end)

describe("The order of events", function()
   after_each(client.finish)

   it("is that of the wire", function()
      local recorder = client.connect(servers.script({
         "status101",
         -- One write, so one read: nothing but the order of the bytes can tell them apart.
         steps.bytes("\137\1p" .. "\129\1a" .. "\138\1q" .. "\130\1b" .. "\137\1r" .. "\136\5\3\232bye"),
         "await-close",
      }), { report_pings = true, report_closing = true })
      client.drain(recorder)
      assert.same({
         { "open" },
         { "ping", "p" },
         { "received", "a", "text" },
         { "pong", "q" },
         { "received", "b", "binary" },
         { "ping", "r" },
         { "closing", "bye", 1000 },
         { "closed", "bye", 1000 },
      }, recorder.events)
   end)

   it("begins with open, where messages come with the response, too", function()
      local recorder = client.connect(servers.script({
         "head:" .. servers.encode(table.concat(steps.switching(), "\r\n") .. "\r\n\r\n\129\1a\129\1b"),
         steps.close(1000),
         "await-close",
      }))
      client.drain(recorder)
      assert.equal("open received received closed", client.names(recorder))
   end)

   it("has a message in fragments where its last one is", function()
      local recorder = client.connect(servers.script({
         "status101", steps.frame(0x01, "a"), steps.frame(0x8a, "pong"), steps.frame(0x00, "b"),
         steps.frame(0x80, "c"), steps.text("d"), steps.close(1000), "await-close",
      }))
      client.drain(recorder)
      assert.same({
         { "open" }, { "pong", "pong" }, { "received", "abc", "text" }, { "received", "d", "text" },
         { "closed", "", 1000 },
      }, recorder.events)
   end)

   it("has every message before the end, whatever the end is", function()
      for _, case in ipairs({ { "close", "closed", 1005 }, { "eof", "closed", 1006 } }) do
         local token = servers.token()
         local recorder = client.connect(servers.url("/push", {
            count = 1000, size = 100, kind = "both", ["then"] = case[1], token = token,
         }))
         -- All of it, the end too, is there before the script polls for the first time.
         servers.await(token, "eof")
         local last = client.drain(recorder)
         assert.same({ case[2], case[3] }, { last[1], last[3] })
         local messages = client.messages(recorder)
         assert.equal(1000, #messages)
         for number = 1, 1000 do
            assert.equal(tostring(number), messages[number]:match("^(%d+):"))
            assert.equal(100, #messages[number])
         end
         assert.equal(1002, #recorder.events)
      end
   end)

   it("has every message before the end where the queue was full at the peer's end of stream", function()
      local token = servers.token()
      local recorder = client.connect(servers.url("/push", {
         count = 300, size = 100, ["then"] = "close", code = 4000, token = token,
      }), { max_queue = 1000 })
      servers.await(token, "sent_messages:300")
      assert.same({ "closed", "", 4000 }, client.drain(recorder))
      assert.equal(300, #client.messages(recorder))
   end)

   it("has what arrived before a violation", function()
      local token = servers.token()
      local recorder = client.connect(servers.script({
         "status101", steps.bytes("\129\1a\129\1b\131\0"), "await-close",
      }, token))
      expect.violation(recorder, token, 1002, { "opcode" })
      assert.same({ "a", "b" }, client.messages(recorder))
      assert.equal("open received received closed", client.names(recorder))
   end)

   it("has messages that come between our Close and the peer's", function()
      local recorder = client.open(servers.script({
         "status101", "await-close", steps.text("late"), steps.binary("later"), steps.close(1000),
      }))
      recorder.ws:close()
      assert.same({ "closed", "", 1000 }, client.drain(recorder))
      assert.same({ "late", "later" }, client.messages(recorder))
   end)
end)

describe("The end", function()
   after_each(client.finish)

   local ends = {
      ["the peer's Close"] = { { "status101", steps.close(4000, "bye"), "await-close" }, "closed" },
      ["the peer's Close, with more after it"] = {
         { "status101", steps.bytes("\136\2\15\160" .. "\129\1x" .. "\136\2\15\161" .. "\131\0"), "await-close" },
         "closed",
      },
      ["the peer's Close and a reset"] = { { "status101", steps.close(4000), "await-close", "rst" }, "closed" },
      ["the end of the stream"] = { { "status101", "fin" }, "closed" },
      ["a reset"] = { { "status101", steps.text("x"), "await:messages", "rst" }, "fail" },
      ["a violation"] = { { "status101", steps.frame(0x83), "await-close" }, "closed" },
      ["a violation and a reset"] = { { "status101", steps.frame(0x83), "await-close", "rst" }, "closed" },
      ["a refused handshake"] = { { steps.head({ "HTTP/1.1 403 Forbidden", "Content-Length: 0" }) }, "fail" },
      ["a broken handshake"] = { { steps.raw_head("nonsense\r\n\r\n") }, "fail" },
   }
   for name, case in pairs(ends) do
      it("comes exactly once, and last: " .. name, function()
         local recorder = client.connect(servers.script(case[1]), { report_closing = true }, function(recorder, event)
            if event == "open" then
               recorder.ws:send("go")
            end
         end)
         assert.equal(case[2], client.drain(recorder)[1])
         local count = #recorder.events
         assert.equal(0, websocket.connections())
         -- Whatever the script does now, no event follows.
         recorder.ws:close()
         recorder.ws:terminate()
         recorder.ws:send("x")
         websocket.poll(0.1)
         assert.equal(count, #recorder.events)
         local found = 0
         for _, event in ipairs(recorder.events) do
            found = found + ((event[1] == "closed" or event[1] == "fail") and 1 or 0)
         end
         assert.equal(1, found)
      end)
   end

   it("by the peer's Close is preceded by the event closing only with report_closing", function()
      local url = servers.url("/close", { code = 4000, reason = "bye" })
      local recorder = client.connect(url, { report_closing = true })
      client.drain(recorder)
      assert.equal("open closing closed", client.names(recorder))
      recorder = client.connect(url)
      client.drain(recorder)
      assert.equal("open closed", client.names(recorder))
   end)

   it("by the peer's answer to our Close is preceded by the event closing, too", function()
      local recorder = client.open(servers.url("/echo"), { report_closing = true })
      recorder.ws:close(4000, "bye")
      client.drain(recorder)
      assert.equal("closing", recorder.events[2][1])
      assert.equal(4000, recorder.events[2][3])
      assert.equal("open closing closed", client.names(recorder))
   end)

   it("without the peer's Close is not preceded by the event closing", function()
      for _, path in ipairs({ "/drop", "/reset" }) do
         local recorder = client.connect(servers.url(path, { after = 0 }), { report_closing = true })
         client.drain(recorder)
         assert(not client.names(recorder):find("closing"), client.names(recorder))
      end
   end)
end)

describe("Connections", function()
   after_each(client.finish)

   it("keep their events apart", function()
      local recorders = {}
      for number = 1, 20 do
         recorders[number] = client.connect(servers.url("/echo"), nil, function(recorder, event)
            if event == "open" then
               recorder.ws:send("mine is " .. number)
            end
         end)
      end
      for number = 1, 20 do
         assert.same({ "received", "mine is " .. number, "text" }, client.wait(recorders[number], "received"))
         recorders[number].ws:close(4000 + number)
      end
      for number = 1, 20 do
         assert.same({ "closed", "", 4000 + number }, client.drain(recorders[number]))
         assert.equal("open received closed", client.names(recorders[number]))
      end
   end)
end)
