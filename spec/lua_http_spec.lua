-- The client of lua-http: what each call returns is what lua-http returns.
local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"

local http = require "websocket.http"

local ETIMEDOUT, ENOTCONN, EPIPE, EINVAL, ECONNREFUSED = 110, 107, 32, 22, 111

-- Returns the results of a call and their count.
local function pack(...)
   return { n = select("#", ...), ... }
end

local function open(url, protocols)
   local ws = http.new_from_uri(url, protocols)
   assert.same({ n = 1, true }, pack(ws:connect(30)))
   return ws
end

describe("websocket.http", function()
   after_each(client.finish)

   it("makes require of http.websocket return itself once it is installed", function()
      local before = package.loaded["http.websocket"]
      package.loaded["http.websocket"] = nil
      assert.equal(http, http.install())
      local ok, module = pcall(require, "http.websocket")
      package.preload["http.websocket"], package.loaded["http.websocket"] = nil, before
      assert.is_true(ok)
      assert.equal(http, module)
   end)

   describe("new_from_uri", function()
      it("makes a client that is not connected", function()
         local ws = http.new_from_uri "wss://example.com"
         assert.equal('http.websocket{type="client";readyState=0}', tostring(ws))
         assert.same({ "client", 0, "example.com", 443, true, 1.1 },
            { ws.type, ws.readyState, ws.request.host, ws.request.port, ws.request.tls, ws.request.version })
         assert.same({ n = 3, nil, "send_frame: Transport endpoint is not connected", ENOTCONN }, pack(ws:send "x"))
         assert.same({ n = 3, nil, "receive: Transport endpoint is not connected", ENOTCONN }, pack(ws:receive()))
         assert.same({ n = 1, true }, pack(ws:close()))
         assert.equal(3, ws.readyState)
      end)

      it("takes a table, too", function()
         local ws = http.new_from_uri { scheme = "ws", host = "::1", port = 8000, path = "/a", query = "b=1" }
         assert.same({ "::1", 8000, false }, { ws.request.host, ws.request.port, ws.request.tls })
         assert.same({ "[::1]:8000", "/a?b=1", "http" }, { ws.request.headers:get ":authority",
            ws.request.headers:get ":path", ws.request.headers:get ":scheme" })
         assert.equal("/", http.new_from_uri({ scheme = "wss", host = "x" }).request.headers:get ":path")
      end)

      it("raises for what is not valid, at the line that gave it", function()
         for problem, wrong in pairs {
            ["invalid URI"] = function() http.new_from_uri "no uri?token=hush" end,
            ["scheme not valid"] = function() http.new_from_uri "ftp://x/" end,
            ["URI must include a host"] = function() http.new_from_uri "ws:///x" end,
            ["URI missing scheme"] = function() http.new_from_uri { host = "x" } end,
            ["duplicate protocol"] = function() http.new_from_uri("ws://x/", { "a", "a" }) end,
            ["invalid protocol"] = function() http.new_from_uri("ws://x/", { "a b" }) end,
            ["URI must be a string or a table, got number"] = function() http.new_from_uri(5) end,
         } do
            assert.equal(problem, expect.raised_here(wrong))
         end
      end)

      it("is for clients alone", function()
         assert.matches("is for servers", expect.raised_here(function() http.new_from_stream({}, {}) end))
         assert.matches("is for servers", expect.raised_here(function() http.new_from_uri("ws://x"):accept() end))
      end)
   end)

   describe("connect", function()
      local function refused(url, timeout)
         local ws = http.new_from_uri(url)
         local results = pack(ws:connect(timeout or 30))
         assert.same({ 3, 0 }, { results.n, ws.readyState })
         assert.is_nil(results[1])
         return results[2], results[3], ws
      end

      it("gives the client the headers and the subprotocol of the answer", function()
         local ws = open(servers.url("/protocol", { choose = "b", header = { "X-A: 1", "X-A: 2" } }), { "a", "b" })
         assert.same({ 1, "b" }, { ws.readyState, ws.protocol })
         assert.equal("101", ws.headers:get ":status")
         assert.matches("^1, ?2$", ws.headers:get_comma_separated "x-a")
         assert.is_nil(ws.request)
         assert.is_nil(open(servers.url "/echo").protocol)
      end)

      it("sends the headers of the request, in their order and repeated", function()
         local token = servers.token()
         local ws = http.new_from_uri(servers.url("/echo", { token = token }))
         ws.request.headers:append("x-mine", "one")
         ws.request.headers:append("x-mine", "two")
         ws.request.headers:upsert("user-agent", "mine/1")
         ws.request.headers:upsert("authorization", "Bearer hush", true)
         assert.is_true(ws:connect(30))
         local request = client.report(token, "request").request
         assert.matches("x%-mine: one\r\nx%-mine: two\r", request)
         assert.matches("user%-agent: mine/1\r", request)
         assert.matches("authorization: Bearer hush\r", request)
      end)

      it("sends another path and authority", function()
         local token = servers.token()
         local ws = http.new_from_uri(servers.url "/status")
         ws.request.headers:upsert(":path", "/echo?token=" .. token)
         ws.request.headers:upsert(":authority", "elsewhere.example")
         assert.is_true(ws:connect(30))
         assert.matches("Host: elsewhere.example\r", client.report(token, "request").request)
      end)

      it("sends the credentials of the URI", function()
         local url = servers.url("/auth", { user = "me", password = "p@" }):gsub("//", "//me:p%%40@")
         open(url)
      end)

      it("follows redirects, unless the request says otherwise", function()
         local target = servers.url "/echo"
         local url = servers.url("/status", { code = 302, header = "Location: " .. target:gsub("^ws", "http") })
         open(url)
         local ws = http.new_from_uri(url)
         ws.request.follow_redirects = false
         assert.same({ nil, "status code not 101", EINVAL }, { ws:connect(30) })
      end)

      it("takes the engine's options for TLS", function()
         local ws = http.new_from_uri(servers.url("/echo", nil, "wss"))
         ws.request.options = { tls = { ca_file = servers.file "ca.pem" } }
         assert.is_true(ws:connect(30))
         local text, number = refused(servers.url("/echo", nil, "wss"))
         assert.matches("no trusted CA signed it", text)
         assert.is_number(number)
      end)

      it("raises for what only OpenSSL can do, at the script's line", function()
         for name, value in pairs { ctx = {}, sendname = false, bind = {}, proxy = {} } do
            local ws = http.new_from_uri "wss://192.0.2.1/"
            ws.request[name] = value
            expect.holds(expect.raised_here(function() ws:connect() end), { "request." .. name })
         end
      end)

      it("returns lua-http's words and numbers for what goes wrong", function()
         local text, number = refused(servers.url("/", nil, "refused"))
         assert.same({ "flush: Connection refused", ECONNREFUSED }, { text, number })
         text, number = refused(servers.url("/", nil, "reset"))
         assert.same({ "read: Connection reset by peer", 104 }, { text, number })
      end)

      for path, expected in pairs {
         ["/status?code=403"] = "status code not 101",
         ["/echo?protocol=zz"] = "unexpected protocol",
         ["/echo?extensions=x-foo"] = "extensions not supported",
      } do
         it("says " .. expected, function()
            local text, number, ws = refused(servers.url(path))
            assert.same({ expected, EINVAL }, { text, number })
            assert.same({ nil, expected, EINVAL }, { ws:connect(30) }) -- it may be tried again
         end)
      end

      it("names the header for which an answer is refused", function()
         local lines = { "HTTP/1.1 101 X", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Accept: {accept}" }
         local texts = { "upgrade header not websocket", "invalid connection header",
            "sec-websocket-accept header incorrect" }
         for index, expected in ipairs(texts) do
            local without = {}
            for number, line in ipairs(lines) do
               if number ~= index + 1 then
                  without[#without + 1] = line
               end
            end
            local text, number = refused(servers.script { steps.head(without) })
            assert.same({ expected, EINVAL }, { text, number })
         end
      end)

      it("returns ETIMEDOUT after its time-out", function()
         local text, number = refused(servers.url("/", nil, "silent"), 0.1)
         assert.same({ "read: Connection timed out", ETIMEDOUT }, { text, number })
         text, number = refused(servers.url("/", nil, "silent"), 0)
         assert.same({ "read: Connection timed out", ETIMEDOUT }, { text, number })
      end)

      it("raises when it was called before", function()
         local ws = open(servers.url "/echo")
         assert.matches("called before", expect.raised_here(function() ws:connect() end))
      end)
   end)

   describe("send and receive", function()
      it("carry text and bytes", function()
         local ws = open(servers.url "/echo")
         for _, size in ipairs { 0, 1, 200, 100000 } do
            assert.same({ n = 1, true }, pack(ws:send(("f"):rep(size))))
            assert.same({ n = 2, ("f"):rep(size), "text" }, pack(ws:receive(30)))
         end
         for _, opcode in ipairs { "binary", 2 } do
            assert.is_true(ws:send("\0\255", opcode))
            assert.same({ n = 2, "\0\255", "binary" }, pack(ws:receive(30)))
         end
      end)

      it("receive times out without an end", function()
         local ws = open(servers.url "/echo")
         for _, timeout in ipairs { 0, 0.02 } do
            assert.same({ n = 3, nil, "read: Connection timed out", ETIMEDOUT }, pack(ws:receive(timeout)))
         end
         ws:send "still"
         assert.equal("still", (ws:receive(30)))
      end)

      it("send pings, and take pongs for done", function()
         local token = servers.token()
         local ws = open(servers.url("/echo", { token = token }))
         assert.same({ n = 1, true }, pack(ws:send_ping "beat"))
         assert.same({ n = 1, true }, pack(ws:send_ping()))
         assert.same({ n = 1, true }, pack(ws:send_pong "beat"))
         assert.equal(2, client.report(token, "pings:2").pings)
         ws:send "after"
         assert.equal("after", (ws:receive(30)))
      end)

      it("raise at the script's line for what cannot be sent", function()
         local ws = open(servers.url "/echo")
         assert.matches("^data must be a string", expect.raised_here(function() ws:send(5) end))
         assert.matches("UTF%-8", expect.raised_here(function() ws:send "\255" end))
         assert.matches("^opcode must be", expect.raised_here(function() ws:send("x", 8) end))
         assert.matches("125", expect.raised_here(function() ws:send_ping(("x"):rep(126)) end))
         assert.equal(1, ws.readyState)
      end)

      it("each goes over the messages until the end", function()
         local ws = open(servers.url("/push", { count = 3, size = 2, kind = "text", ["then"] = "close" }))
         local seen = {}
         for data, opcode in ws:each() do
            seen[#seen + 1] = data .. opcode
         end
         assert.same({ "1:text", "2:text", "3:text" }, seen)
         assert.equal(3, ws.readyState)
      end)

      it("send times out where the buffer stays full", function()
         local ws = http.new_from_uri(servers.url "/stall")
         ws.request.options = { max_buffered = 1 }
         assert.is_true(ws:connect(30))
         local megabytes = ("x"):rep(16 * 1024 * 1024)
         local results
         repeat results = pack(ws:send(megabytes, "text", 0.05)) until not results[1]
         assert.same({ n = 3, nil, "flush: Connection timed out", ETIMEDOUT }, results)
         assert.equal(1, ws.readyState)
      end)
   end)

   describe("the end is", function()
      local function ending(url)
         local ws = open(url)
         local results = pack(ws:receive(30))
         assert.equal(3, ws.readyState)
         assert.same({ n = 3, nil, "receive: Broken pipe", EPIPE }, pack(ws:receive(30)))
         assert.same({ n = 3, nil, "send_frame: Broken pipe", EPIPE }, pack(ws:send "late"))
         return results, ws
      end

      it("the server's reason and code", function()
         local results, ws = ending(servers.url("/close", { code = 4000, reason = "bye" }))
         assert.same({ n = 3, nil, "bye", 4000 }, results)
         assert.same({ 4000, "bye" }, { ws.got_close_code, ws.got_close_message })
      end)

      it("1000 where the server gives no code", function()
         local results, ws = ending(servers.url "/close")
         assert.same({ n = 3, nil, nil, 1000 }, results)
         assert.equal(1005, ws.got_close_code)
      end)

      it("three nils where the stream ends without a Close", function()
         assert.same({ n = 3, nil, nil, nil }, (ending(servers.script { "status101", "fin" })))
      end)

      it("an error of the system where the connection is lost", function()
         assert.equal(104, ending(servers.script { "status101", "rst" })[3])
      end)

      it("the code of a violation, and what it was", function()
         local results = ending(servers.script { "status101", steps.frame(0x83, "x"), "await-close" })
         assert.equal(1002, results[3])
         assert.matches("[Rr]eserved opcode", results[2])
      end)
   end)

   describe("close", function()
      it("sends the code and the reason, and waits for the server's", function()
         local token = servers.token()
         local ws = open(servers.url("/echo", { token = token }))
         ws:send "unread"
         assert.same({ n = 1, true }, pack(ws:close(4001, "done")))
         assert.same({ 3, 4001, "done" }, { ws.readyState, ws.got_close_code, ws.got_close_message })
         local record = client.report(token, "close")
         assert.same({ 4001, "done" }, { record.close, record.reason })
         assert.same({ n = 1, true }, pack(ws:close()))
      end)

      it("waits for close_timeout, or for less", function()
         local ws = open(servers.url "/silent")
         assert.equal(3, ws.close_timeout)
         assert.same({ n = 1, true }, pack(ws:close(1000, "x", 0.05)))
         assert.equal(3, ws.readyState)
         ws = open(servers.url "/silent")
         ws.close_timeout = 0.05
         assert.is_true(ws:close())
      end)

      it("raises at the script's line for a code or a reason that cannot be sent", function()
         local ws = open(servers.url "/echo")
         assert.matches("code", expect.raised_here(function() ws:close(99) end))
         assert.matches("reason", expect.raised_here(function() ws:close(1000, ("x"):rep(124)) end))
         assert.equal(1, ws.readyState)
      end)
   end)

   describe("headers", function()
      local headers

      before_each(function()
         headers = http.new_from_uri("ws://x").request.headers
         for index = headers:len(), 1, -1 do
            headers:delete((headers:geti(index)))
         end
         headers:append("b", "1")
         headers:append("a", "2")
         headers:append("b", "3")
      end)

      it("are an ordered list", function()
         local seen = {}
         for name, value, never_index in headers:each() do
            seen[#seen + 1] = name .. value .. tostring(never_index)
         end
         assert.same({ "b1false", "a2false", "b3false" }, seen)
         assert.same({ 3, "http.headers{3 headers}" }, { headers:len(), tostring(headers) })
         assert.same({ "a", "2", false }, { headers:geti(2) })
         assert.is_nil((headers:geti(4)))
      end)

      it("are found by name", function()
         assert.same({ "1", "3" }, { headers:get "b" })
         assert.same({ n = 2, "1", "3" }, headers:get_as_sequence "b")
         assert.equal("1,3", headers:get_comma_separated "b")
         assert.is_nil(headers:get_comma_separated "c")
         assert.same({ n = 0 }, pack(headers:get "c"))
         assert.same({ true, false }, { headers:has "a", headers:has "c" })
      end)

      it("are replaced, removed, sorted and copied", function()
         local copy = headers:clone()
         headers:upsert("a", "4", true)
         headers:upsert("authorization", "hush")
         assert.same({ "a", "4", true }, { headers:geti(2) })
         assert.same({ "authorization", "hush", true }, { headers:geti(4) })
         assert.matches("multi%-valued", expect.raised_here(function() headers:upsert("b", "5") end))
         headers:modifyi(1, "6")
         assert.same({ "6", "3" }, { headers:get "b" })
         assert.equal("invalid index", expect.raised_here(function() headers:modifyi(9, "x") end))
         headers:append(":path", "/")
         headers:sort()
         assert.equal(":path", (headers:geti(1)))
         assert.same({ true, false, 3 }, { headers:delete "b", headers:delete "b", headers:len() })
         assert.same({ 3, "2" }, { copy:len(), copy:get "a" })
      end)

      it("can be written to a file", function()
         local written = {}
         local file = { write = function(_, ...) written[#written + 1] = table.concat { ... } end,
            flush = function() end }
         headers:dump(file, "> ")
         assert.equal("> b: 1\n> a: 2\n> b: 3\n", table.concat(written))
      end)
   end)
end)
