--- What a connection reports: status, url, protocol, extensions, response, end_info, tostring.

local client = require "client"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

describe("status", function()
   after_each(client.finish)

   it("changes when an event is dispatched, not before", function()
      local token = servers.token()
      local seen = {}
      local recorder = client.connect(servers.url("/push", { count = 1, ["then"] = "close", token = token }),
         { report_closing = true }, function(recorder, event)
            seen[#seen + 1] = event .. " " .. recorder.ws:status()
         end)
      assert.equal("connecting", recorder.ws:status())
      -- All of this has happened, although the script has not polled.
      servers.await(token, "eof")
      assert.equal("connecting", recorder.ws:status())
      client.drain(recorder)
      assert.same({ "open open", "received open", "closing closing", "closed closed" }, seen)
      assert.equal("closed", recorder.ws:status())
   end)

   it("is closing from the dispatch of the peer's Close, reported or not", function()
      local recorder = client.open(servers.script({
         "status101", "await:messages", steps.close(4000), "await-close", "sleep:1500",
      }))
      recorder.ws:send("go")
      client.poll_until(function() return recorder.ws:status() == "closing" end)
      assert.equal("closing", recorder.ws:status())
      assert.equal("open", client.names(recorder))
      client.drain(recorder)
      assert.equal("closed", recorder.ws:status())
   end)

   it("is closing from the script's own close and terminate", function()
      for _, method in ipairs({ "close", "terminate" }) do
         local recorder = client.open(servers.url("/echo"))
         assert.equal("open", recorder.ws:status())
         recorder.ws[method](recorder.ws)
         assert.equal("closing", recorder.ws:status())
         client.drain(recorder)
         assert.equal("closed", recorder.ws:status())
      end
   end)

   it("stays closing when open is dispatched after terminate", function()
      local seen
      local recorder = client.connect(servers.url("/echo"), nil, function(recorder, event)
         if event == "open" then
            seen = recorder.ws:status()
         end
      end)
      recorder.ws:send("open by now")
      assert(recorder.ws:flush(10))
      recorder.ws:terminate()
      client.drain(recorder)
      assert.equal("closing", seen)
   end)

   it("is closed in the callback of fail, and after", function()
      local seen
      local recorder = client.connect(servers.url("/", nil, "refused"), nil, function(recorder)
         seen = recorder.ws:status()
      end)
      client.drain(recorder)
      assert.same({ "closed", "closed" }, { seen, recorder.ws:status() })
   end)
end)

describe("url", function()
   after_each(client.finish)

   it("is the whole URL without user and password", function()
      local url = servers.url("/auth", { user = "hush-user", password = "hush-password" }, "ws",
         "hush-user:hush-password@127.0.0.1")
      local recorder = client.open(url)
      assert.equal(url:gsub("hush%-user:hush%-password@", ""), recorder.ws:url())
      recorder.ws:close()
      client.drain(recorder)
      assert.equal(url:gsub("hush%-user:hush%-password@", ""), recorder.ws:url())
   end)

   it("is serialised", function()
      local recorder = client.connect(servers.url("", nil, "ws", "LOCALHOST"))
      assert.equal(servers.url("/", nil, "ws", "localhost"), recorder.ws:url())
   end)
end)

describe("protocol and extensions", function()
   after_each(client.finish)

   it("are what was agreed, \"\" for none", function()
      local recorder = client.open(servers.url("/protocol", { choose = "b" }), { protocols = { "a", "b" } })
      assert.same({ "b", "" }, { recorder.ws:protocol(), recorder.ws:extensions() })
      recorder.ws:close()
      client.drain(recorder)
      assert.equal("b", recorder.ws:protocol())
      recorder = client.open(servers.url("/protocol"), { protocols = { "a", "b" } })
      assert.same({ "", "" }, { recorder.ws:protocol(), recorder.ws:extensions() })
   end)
end)

describe("response", function()
   after_each(client.finish)

   it("is nil until open is dispatched, and stays after the end", function()
      local recorder = client.connect(servers.url("/echo"))
      recorder.ws:send("open by now")
      assert(recorder.ws:flush(10))
      assert.is_nil(recorder.ws:response())
      client.wait(recorder, "open")
      assert.equal(101, recorder.ws:response().status)
      recorder.ws:close()
      client.drain(recorder)
      assert.equal(101, recorder.ws:response().status)
   end)

   it("is nil where none came", function()
      local recorder = client.connect(servers.url("/", nil, "refused"))
      client.drain(recorder)
      assert.is_nil(recorder.ws:response())
   end)

   it("has headers by lower-case name, repeated ones joined, set-cookie a list", function()
      local recorder = client.open(servers.url("/echo", {
         header = { "X-One: 1", "X-Two: a", "x-two: b", "X-TWO: c, d", "Set-Cookie: a=1; Path=/", "set-cookie: b=2, 3",
            "X-Empty:" },
      }))
      local headers = recorder.ws:response().headers
      assert.equal("1", headers["x-one"])
      assert.equal("a, b, c, d", headers["x-two"])
      assert.equal("", headers["x-empty"])
      assert.same({ "a=1; Path=/", "b=2, 3" }, headers["set-cookie"])
      assert.equal("websocket", headers.upgrade)
      assert.is_nil(headers["X-One"])
   end)

   it("has set-cookie as a list where there is one alone, too", function()
      local recorder = client.open(servers.url("/echo", { header = "Set-Cookie: a=1" }))
      assert.same({ "a=1" }, recorder.ws:response().headers["set-cookie"])
   end)

   it("is a table of the script's own", function()
      local recorder = client.open(servers.url("/echo", { header = "X-One: 1" }))
      recorder.ws:response().headers["x-one"] = "changed"
      recorder.ws:response().status = 1
      assert.same({ "1", 101 }, { recorder.ws:response().headers["x-one"], recorder.ws:response().status })
   end)

   it("of a refused handshake has up to 4 KiB of the body", function()
      for _, size in ipairs({ 0, 11, 4096, 4097, 7000 }) do
         local body = ("0123456789abcdef"):rep(500):sub(1, size)
         local recorder = client.connect(servers.url("/status",
            { code = 403, header = { "X-Why: because", "Set-Cookie: a=1" }, body = body }))
         assert.equal("http_status", client.drain(recorder)[3])
         local response = recorder.ws:response()
         assert.same({ 403, "because", { "a=1" } },
            { response.status, response.headers["x-why"], response.headers["set-cookie"] })
         assert.equal(body:sub(1, 4096), response.body)
      end
   end)
end)

describe("tostring", function()
   after_each(client.finish)

   it("shows scheme, host and port, and nothing else of the URL", function()
      local recorder = client.connect(servers.url("/hush-path", { token = "hush-query" }, "ws",
         "hush-user:hush-password@127.0.0.1"))
      for _ = 1, 2 do
         local text = tostring(recorder.ws)
         assert(text:find("ws://127.0.0.1:" .. servers.ports().ws, 1, true), text)
         assert(not text:find("hush") and not text:find("token"), text)
         client.drain(recorder)
      end
      recorder = client.connect(servers.url("/hush-path", nil, "wss"))
      assert(tostring(recorder.ws):find("wss://127.0.0.1:" .. servers.ports().wss, 1, true))
   end)

   it("begins with the type's name, which is websocket", function()
      local ws = client.connect(servers.url("/echo")).ws
      assert.matches("^websocket", tostring(ws))
      assert.equal("websocket", debug.getmetatable(ws).__name)
   end)
end)

describe("A method", function()
   after_each(client.finish)

   it("raises a clear error where it is called with a dot", function()
      local ws = client.connect(servers.url("/echo")).ws
      for _, name in ipairs({ "status", "url", "protocol", "extensions", "response", "end_info", "buffered_amount",
         "latency", "send", "ping", "close", "terminate", "flush" }) do
         local ok, text = pcall(ws[name])
         assert(not ok, name)
         assert.equal("string", type(text))
         assert(text:find(name, 1, true), text)
         assert.is_false(pcall(ws[name], {}), name)
         assert.is_false(pcall(ws[name], io.stdout), name)
      end
   end)

   it("that does not exist is nil", function()
      local ws = client.connect(servers.url("/echo")).ws
      assert.is_nil(ws.sned)
      assert.is_nil(ws[1])
   end)
end)

describe("end_info", function()
   after_each(client.finish)

   it("is nil while alive", function()
      local token = servers.token()
      local recorder = client.connect(servers.url("/close", { code = 4000, token = token }), { report_closing = true },
         function(recorder, event)
            recorder[event] = recorder.ws:end_info()
         end)
      servers.await(token, "eof")
      assert.is_nil(recorder.ws:end_info())
      client.drain(recorder)
      assert.is_nil(recorder.open)
      assert.is_nil(recorder.closing)
      assert.equal(4000, recorder.closed.code)
      assert.same(recorder.closed, recorder.ws:end_info())
   end)

   -- Every end with what it says; `text` and `reason` may be `true` for any that is not empty. Fields that are not
   -- named must be nil.
   local ANY = true
   local ends = {
      {
         "the peer's Close", { "status101", steps.close(4001, "bye"), "await-close" },
         { clean = true, by = "peer", code = 4001, reason = "bye", sent_code = 4001, received_code = 4001, text = "" },
      },
      {
         "the peer's Close without a code", { "status101", steps.close(), "await-close" },
         { clean = true, by = "peer", code = 1005, reason = "", sent_code = 1005, received_code = 1005, text = "" },
      },
      {
         "our Close", { "status101", "reply-close" },
         { clean = true, by = "us", code = 4002, reason = "", sent_code = 4002, received_code = 4002, text = "" },
         function(ws) ws:close(4002, "ours") end,
      },
      {
         "our Close without a code", { "status101", "reply-close" },
         { clean = true, by = "us", code = 1005, reason = "", sent_code = 1005, received_code = 1005, text = "" },
         function(ws) ws:close(1005) end,
      },
      {
         "our Close, answered with another code", { "status101", "await-close", steps.close(4003, "mine") },
         { clean = true, by = "us", code = 4003, reason = "mine", sent_code = 4002, received_code = 4003, text = "" },
         function(ws) ws:close(4002) end,
      },
      {
         "close_timeout", { "status101", "stall" },
         { clean = false, by = "timeout", code = 1006, reason = "", sent_code = 4002, text = ANY },
         function(ws) ws:close(4002) end, { close_timeout = 0.3 },
      },
      {
         "our Close and the end of the stream in place of an answer", { "status101", "await-close" },
         { clean = false, by = "transport", code = 1006, reason = "", sent_code = 1000, text = ANY },
         function(ws) ws:close() end,
      },
      {
         "the end of the stream", { "status101" },
         { clean = false, by = "transport", code = 1006, reason = "", text = ANY },
      },
      {
         "a reset", { "status101", "await:messages", "rst" },
         { failed = true, clean = false, by = "transport", code = 1006, reason = "", error = "reset", text = ANY },
         function(ws) ws:send("go") end,
      },
      {
         "a violation", { "status101", steps.frame(0x83), "await-close" },
         { violation = true, clean = false, by = "us", code = 1002, reason = ANY, sent_code = 1002, text = ANY },
      },
      {
         "a violation that the peer answered", { "status101", steps.frame(0x83), "reply-close" },
         { violation = true, clean = false, by = "us", code = 1002, reason = ANY, sent_code = 1002, text = ANY },
      },
      {
         "a peer's Close that reports a violation of ours", { "status101", steps.close(1002, "you!"), "await-close" },
         { clean = true, by = "peer", code = 1002, reason = "you!", sent_code = 1002, received_code = 1002, text = "" },
      },
      {
         "terminate", { "status101", "await-eof" },
         { clean = false, by = "us", code = 1006, reason = "", text = "" },
         function(ws) ws:terminate() end,
      },
      {
         "a dead peer", { "status101", "stall" },
         { failed = true, clean = false, by = "timeout", code = 1006, reason = "", error = "keepalive", text = ANY },
         nil, { ping_interval = 0.3, ping_timeout = 0.3 },
      },
      {
         "a status that is not 101", { steps.head({ "HTTP/1.1 403 Forbidden", "Content-Length: 0" }) },
         { failed = true, clean = false, by = "peer", code = 1006, reason = "", error = "http_status", text = ANY,
            status = 403 },
      },
      {
         "a wrong Accept",
         { steps.head({ "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=" }) },
         { failed = true, clean = false, by = "us", code = 1006, reason = "", error = "handshake", text = ANY,
            status = 101, header = "sec-websocket-accept" },
      },
      {
         "an end of the stream inside the response", { steps.raw_head("HTTP/1.1 101 Switching Protocols\r\nUpgr") },
         { failed = true, clean = false, by = "transport", code = 1006, reason = "", error = "handshake", text = ANY },
      },
      {
         "open_timeout", { "stall" },
         { failed = true, clean = false, by = "timeout", code = 1006, reason = "", error = "timeout", text = ANY },
         nil, { open_timeout = 0.5 },
      },
   }

   local function check(recorder, expected)
      local info = recorder.ws:end_info()
      local full = { failed = false, violation = false }
      for name, value in pairs(expected) do
         full[name] = value
         if value == ANY and (name == "text" or name == "reason") then
            assert(type(info[name]) == "string" and #info[name] > 0, name .. " is empty")
            full[name] = info[name]
         end
      end
      assert.same(full, info)
      -- The event said the same.
      local last = recorder.ended
      if info.failed then
         assert.same({ "fail", info.text, info.error }, last)
      else
         assert.same({ "closed", info.reason, info.code }, last)
      end
      for _, name in ipairs({ "code", "sent_code", "received_code", "status" }) do
         assert(not tostring(info[name]):find(".", 1, true), name .. " is no integer")
      end
   end

   for _, case in ipairs(ends) do
      it("reports " .. case[1], function()
         local recorder = client.connect(servers.script(case[2]), case[5], function(recorder, event)
            if event == "open" and case[4] then
               case[4](recorder.ws)
            end
         end)
         client.drain(recorder)
         check(recorder, case[3])
      end)
   end

   it("reports a refused connection", function()
      local recorder = client.connect(servers.url("/", nil, "refused"))
      client.drain(recorder)
      check(recorder, {
         failed = true, clean = false, by = "transport", code = 1006, reason = "", error = "connect", text = ANY,
      })
   end)

   it("reports our close and terminate before open", function()
      for _, method in ipairs({ "close", "terminate" }) do
         local recorder = client.connect(servers.url("/", nil, "silent"))
         recorder.ws[method](recorder.ws)
         client.drain(recorder)
         check(recorder, { clean = false, by = "us", code = 1006, reason = "", text = "" })
      end
   end)

   it("is a table of the script's own", function()
      local recorder = client.connect(servers.url("/close", { code = 4000 }))
      client.drain(recorder)
      recorder.ws:end_info().code = 1
      assert.equal(4000, recorder.ws:end_info().code)
      assert.equal(0, websocket.connections())
   end)
end)
