--- The opening of a connection, and everything that can fail before the event `open`.

local child = require "child"
local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"

-- Lua 5.1 has only the first; later versions have only the second.
local unpack = unpack or table.unpack

local function authority(port, host)
   return (host or "127.0.0.1") .. ":" .. servers.ports()[port]
end

-- Connects with secrets in options and query, so that every text is searched for them.
local function attempt(url, options)
   return client.connect(url, expect.with_secrets(options))
end

local function refused_by_script(list, pieces)
   local recorder = attempt(servers.script(list))
   pieces[#pieces + 1] = authority("ws")
   return expect.refusal(recorder, "handshake", pieces), recorder
end

local function lines_without(name)
   local lines = {}
   for _, line in ipairs(steps.switching()) do
      if not line:find("^" .. name) then
         lines[#lines + 1] = line
      end
   end
   return lines
end

describe("a name", function()
   after_each(client.finish)

   it("that does not resolve fails with dns", function()
      -- No label of a name is that long (RFC 1035 section 2.3.4), so no resolver is asked.
      local name = ("n"):rep(64) .. ".invalid"
      local recorder = attempt("ws://" .. name .. ":81/?q=hush")
      local info = expect.refusal(recorder, "dns", { name .. ":81", "name resolution" })
      assert.is_nil(info.status)
   end)

   it("whose resolver hangs fails with timeout, and harms neither other connections nor the exit", function()
      local result = child.run(string.format([[
         local client = require "client"
         local begun = client.now()
         local hanging = client.connect("ws://hang.invalid:81/", { open_timeout = 0.5 })
         local still_hanging = client.connect("ws://hang.invalid:81/", { open_timeout = 60 })
         local other = client.open(%q)
         other.ws:send("meanwhile")
         print("echo", client.wait(other, "received")[2], still_hanging.ended == nil)
         local last = client.drain(hanging)
         local late = client.now() - begun - 0.5
         print(last[1], last[3], late > -0.02 and late < 8 and "in time" or late)
         print(last[2])
         other.ws:send("afterwards")
         print("echo", client.wait(other, "received")[2], still_hanging.ended == nil)
         other.ws:close()
         print(client.drain(other)[3])
         print("leaving at", client.now())
      ]], servers.url("/echo", nil, "ws", "localhost")), child.with_resolver())
      assert.equal(0, result.status, result.output)
      local seen, left = result.output:match("^(.*)leaving at%s+([%d.]+)")
      assert.equal(table.concat({
         "echo\tmeanwhile\ttrue",
         "fail\ttimeout\tin time",
         "timed out after 0.5 s: name resolution for hang.invalid:81",
         "echo\tafterwards\ttrue",
         "1000",
         "",
      }, "\n"), seen)
      assert.is_true(result.ended - tonumber(left) < 8, result.output)
   end)

   it("with addresses of both families is tried with each", function()
      local ports = servers.ports()
      if not ports.ws6 then
         return pending("this machine has no ::1")
      end
      local result = child.run(string.format([[
         local client = require "client"
         for _, port in ipairs({ %d, %d }) do
            local recorder = client.open("ws://both.invalid:" .. port .. "/echo")
            recorder.ws:send("hello")
            print(client.wait(recorder, "received")[2])
            client.finish()
         end
         require("expect").within(0.45, function() client.open("ws://both.invalid:%d/echo") end)
         print("soon")
         client.finish()
         local last = client.drain(client.connect("ws://both.invalid:%d/?q=hush"))
         print(last[3] .. "|" .. last[2])
      ]], ports.ws, ports.ws6, ports.ws_nowhere6, ports.refused), child.with_resolver())
      local seen, code, text = result.output:match("^(.*)\n(%w+)|(.*)\n$")
      assert.equal("hello\nhello\nsoon", seen, result.output)
      assert.equal("connect", code)
      expect.holds(text, { "both.invalid:" .. ports.refused, "[::1]:" .. ports.refused .. ": connection refused",
         "127.0.0.1:" .. ports.refused .. ": connection refused" })
      expect.has_no_secrets(text)
   end)

   it("localhost opens where the server listens on one family alone", function()
      local recorder = client.open(servers.url("/echo", nil, "ws", "localhost"))
      recorder.ws:send("hello")
      assert.same({ "received", "hello", "text" }, client.wait(recorder, "received"))
   end)
end)

describe("a TCP connection", function()
   after_each(client.finish)

   it("that is refused fails with connect and names the address", function()
      local info = expect.refusal(attempt(servers.url("/", { q = "hush" }, "refused")), "connect",
         { authority("refused"), "connection refused", "TCP connection" })
      assert.is_nil(info.status)
      assert.equal(1006, info.code)
   end)

   it("whose SYN goes nowhere fails with timeout at open_timeout", function()
      local begun = client.now()
      local info = expect.refusal(attempt(servers.url("/", nil, "nowhere"), { open_timeout = 0.6 }), "timeout",
         { authority("nowhere"), "timed out after 0.6 s", "TCP connection" })
      local passed = client.now() - begun
      assert.equal("timeout", info.by)
      assert(passed > 0.58 and passed < 8, passed .. " s")
   end)

   it("that is accepted in silence fails with timeout", function()
      local info = expect.refusal(attempt(servers.url("/", nil, "silent"), { open_timeout = 1 }), "timeout",
         { authority("silent"), "timed out after 1 s", "opening handshake" })
      assert.equal("timeout", info.by)
   end)

   it("that brings a byte a second fails with timeout counted in total", function()
      expect.refusal(attempt(servers.url("/", nil, "slow"), { open_timeout = 1.3 }), "timeout",
         { authority("slow"), "timed out after 1.3 s" })
   end)

   it("that ends without a byte fails with handshake", function()
      local info = expect.refusal(attempt(servers.url("/", nil, "eof")), "handshake",
         { authority("eof"), "closed the connection without a response" })
      assert.is_nil(info.status)
   end)

   it("that is reset at once fails with handshake or connect", function()
      local recorder = attempt(servers.url("/", nil, "reset"))
      local code = client.drain(recorder)[3]
      expect.refusal(recorder, code == "connect" and code or "handshake", { authority("reset"), "reset" })
   end)
end)

describe("a response", function()
   after_each(client.finish)

   local partial = "HTTP/1.1 101 Switching Protocols\r\nUpgr"
   local kilobyte = ("x"):rep(1024)
   local folded = steps.switching()
   table.insert(folded, 2, " b")
   local cases = {
      { "that ends inside the head", { steps.raw_head(partial), "fin" }, "inside the response's head" },
      { "that is reset inside the head", { steps.raw_head(partial), "rst" }, "reset" },
      { "that is not HTTP", { steps.raw_head("SSH-2.0-OpenSSH_9.2\r\n") }, "not HTTP" },
      { "with a head over 64 KiB", { steps.raw_head(partial .. ": "), steps.repeated(65, kilobyte) }, "65536 bytes" },
      { "with a bare line feed", { steps.head(steps.switching(), "\n") }, "line feed without carriage return" },
      { "with a NUL", { steps.head(steps.switching("X-Nul: a\0b")) }, "NUL" },
      { "with a line folded before the first header", { steps.head(folded) }, "folded before the first header" },
   }
   for _, case in ipairs(cases) do
      it(case[1] .. " fails with handshake", function()
         local info, recorder = refused_by_script({ unpack(case[2]) }, { case[3], "opening handshake" })
         assert.is_nil(info.status)
         assert.is_nil(recorder.ws:response())
      end)
   end

   it("may have folded headers, whose folds are replaced by a space", function()
      local head = steps.head(steps.switching("X-Folded: a", "\t b"))
      local recorder = client.open(servers.script({ head, "await-close" }))
      assert.equal("a b", recorder.ws:response().headers["x-folded"])
   end)

   it("may have 124 headers and not 125", function()
      local more = {}
      for index = 1, 120 do
         more[index] = "X-Header-" .. index .. ": value"
      end
      -- Plus the three headers of the handshake.
      more[121] = "X-Last: value"
      local recorder = client.open(servers.script({ steps.head(steps.switching(unpack(more))), "await-close" }))
      assert.equal("value", recorder.ws:response().headers["x-last"])
      more[122] = "X-Over: value"
      refused_by_script({ steps.head(steps.switching(unpack(more))) }, { "too many headers, limit 124" })
   end)

   local http10 = steps.switching()
   http10[1] = "HTTP/1.0 101 Switching Protocols"
   local accept = "Sec-WebSocket-Accept: {accept}"
   local wrong = lines_without("Sec%-WebSocket%-Accept")
   wrong[#wrong + 1] = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
   local other = lines_without("Upgrade")
   other[#other + 1] = "Upgrade: h2c"
   local keep_alive = lines_without("Connection")
   keep_alive[#keep_alive + 1] = "Connection: keep-alive"
   local heads = {
      { "by HTTP/1.0", http10, nil, "HTTP/1.0" },
      { "without Upgrade", lines_without("Upgrade"), "upgrade", "Upgrade" },
      { "with another Upgrade", other, "upgrade", "Upgrade" },
      { "without Connection", lines_without("Connection"), "connection", "Connection" },
      { "with another Connection", keep_alive, "connection", "Connection" },
      { "without Accept", lines_without("Sec%-WebSocket%-Accept"), "sec-websocket-accept", "Sec-WebSocket-Accept" },
      { "with a wrong Accept", wrong, "sec-websocket-accept", "Sec-WebSocket-Accept" },
      { "with Accept twice", steps.switching(accept), "sec-websocket-accept", "more than one Sec-WebSocket-Accept" },
      { "with an extension", steps.switching("Sec-WebSocket-Extensions: permessage-deflate"),
         "sec-websocket-extensions", "extension" },
      { "with a malformed extension", steps.switching("Sec-WebSocket-Extensions: ;=,"), "sec-websocket-extensions",
         "malformed" },
   }
   for _, case in ipairs(heads) do
      it("101 " .. case[1] .. " fails with handshake and names the header", function()
         local info, recorder = refused_by_script({ steps.head(case[2]) }, { case[4] })
         assert.equal(case[3], info.header)
         assert.equal(101, info.status)
         assert.equal(101, recorder.ws:response().status)
      end)
   end

   it("101 is returned by response() after open", function()
      local recorder = client.open(servers.script({
         steps.head(steps.switching("X-Thing: one", "x-thing: two", "Set-Cookie: a=1, b", "Set-Cookie: c=2")),
         "await-close", "reply-close",
      }))
      local response = recorder.ws:response()
      assert.equal(101, response.status)
      assert.equal("websocket", response.headers.upgrade)
      assert.equal("one, two", response.headers["x-thing"])
      assert.same({ "a=1, b", "c=2" }, response.headers["set-cookie"])
      assert.is_nil(recorder.ws:end_info())
   end)

   it("101 may come with tokens in lists and in any case", function()
      local recorder = client.open(servers.script({
         steps.head({ "HTTP/1.1 101 ", "UPGRADE: WebSocket", "connection: keep-alive, UPGRADE", accept }),
         "await-close",
      }))
      assert.equal("open", recorder.ws:status())
   end)

   it("101 with frames in the same segment opens, then delivers every message", function()
      local whole = table.concat(steps.switching(), "\r\n") .. "\r\n\r\n" .. "\129\3one\130\3two\136\2\15\160"
      local recorder = client.connect(servers.script({ steps.raw_head(whole), "await-close" }))
      local info = expect.closed(recorder, 4000)
      assert.equal("open received received closed", client.names(recorder))
      assert.same({ "one", "two" }, client.messages(recorder))
      assert.is_true(info.clean)
   end)
end)

describe("a refusal", function()
   after_each(client.finish)

   local function refused(query)
      local recorder = attempt(servers.url("/status", query))
      local info = expect.refusal(recorder, "http_status", { tostring(query.code), authority("ws") })
      local response = recorder.ws:response()
      assert.same({ query.code, query.code, "peer" }, { info.status, response.status, info.by })
      return response, recorder.events[1][2]
   end

   it("by status 200 fails with http_status", function()
      assert.equal("fine", refused({ code = 200, body = "fine" }).body)
   end)

   for _, code in ipairs({ 401, 403, 429, 503 }) do
      it("by status " .. code .. " reports headers and body", function()
         local headers = { "X-Reason: hush", "Retry-After: 5" }
         local response, text = refused({ code = code, header = headers, body = "hush: no" })
         assert.equal("hush: no", response.body)
         assert.equal("hush", response.headers["x-reason"])
         assert.equal("5", response.headers["retry-after"])
         assert.is_nil(text:find("hush", 1, true))
      end)
   end

   for _, code in ipairs({ 301, 302, 307, 308 }) do
      it("by redirect " .. code .. " names the target's origin and sends no second request", function()
         local token = servers.token()
         local target = servers.url("/echo", { token = token, q = "hush" })
         local _, text = refused({ code = code, header = "Location: " .. target })
         expect.holds(text, { "ws://" .. authority("ws") })
         assert.is_nil(text:find("/echo", 1, true))
         -- A second request would have been sent before this echo came.
         local probe = client.open(servers.url("/echo"))
         probe.ws:send("probe")
         client.wait(probe, "received")
         assert.same({}, client.report(token))
      end)
   end

   it("by a redirect from wss to ws is not followed either", function()
      local token = servers.token()
      local location = "Location: " .. servers.url("/echo", { token = token })
      local recorder = attempt(servers.url("/status", { code = 302, header = location }, "wss"),
         { tls = { ca_file = servers.file("ca.pem") } })
      expect.refusal(recorder, "http_status", { "302", authority("wss"), "ws://" .. authority("ws") })
      assert.same({}, client.report(token))
   end)

   it("with a long body reports its first 4 KiB", function()
      local body = ("0123456789abcdef"):rep(300)
      assert.equal(body:sub(1, 4096), refused({ code = 503, body = body }).body)
   end)

   it("with an endless body ends at once and reads no more than it reports", function()
      local token = servers.token()
      local recorder = attempt(servers.script({
         steps.head({ "HTTP/1.1 503 Service Unavailable", "Content-Type: text/plain" }),
         steps.repeated(64 * 1024, ("x"):rep(1024)),
      }, token))
      expect.refusal(recorder, "http_status", { "503" })
      assert.equal(("x"):rep(4096), recorder.ws:response().body)
      local record = client.report(token, "write_error")
      assert.is_true(record.sent < 64 * 1024 * 1024, "the server sent it all")
   end)

   it("with a body that stalls ends within open_timeout", function()
      local recorder = attempt(servers.script({
         steps.head({ "HTTP/1.1 403 Forbidden", "Content-Length: 100" }), "text:only", "await-eof:60000",
      }), { open_timeout = 1 })
      expect.refusal(recorder, "http_status", { "403" })
      assert.equal("only", recorder.ws:response().body)
   end)

   it("of wrong credentials reports none of them", function()
      local recorder = client.connect(servers.url("/auth", { password = "right" }),
         { basic_auth = { user = "user", password = "hush" } })
      local info = expect.refusal(recorder, "http_status", { "401" })
      assert.equal(401, info.status)
      assert.equal("who are you?", recorder.ws:response().body)
   end)
end)
