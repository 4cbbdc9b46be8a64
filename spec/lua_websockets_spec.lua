-- The clients of lua-websockets whose calls wait: what each call returns is what lua-websockets returns.
local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

local clients = require "websocket.client"

-- Returns a client that is connected, and what `connect` returned.
local function connected(url, protocols, config)
   local ws = clients.new(config or { timeout = 30 })
   local results = { ws:connect(url, protocols) }
   assert.is_true(results[1], results[2])
   return ws, results
end

-- Returns the results of a call and their count.
local function pack(...)
   return { n = select("#", ...), ... }
end

describe("websocket.client", function()
   after_each(client.finish)

   describe("has the names of lua-websockets:", function()
      it("websocket.client, loaded when it is touched", function()
         assert.equal(clients, websocket.client)
         assert.is_function(clients.new)
         assert.equal(clients.new, clients.sync)
         assert.equal(clients.new, require "websocket.client_sync")
         assert.is_nil(clients.other)
         assert.is_nil(websocket.other)
      end)

      it("opcodes in the module and in websocket.frame", function()
         local frame = require "websocket.frame"
         assert.same({ 1, 2 }, { websocket.TEXT, websocket.BINARY })
         for name, opcode in pairs { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 } do
            assert.equal(opcode, websocket[name])
            assert.equal(opcode, frame[name])
         end
      end)
   end)

   describe("before connect", function()
      it("is closed, and close, send and receive say so", function()
         local ws = clients.new()
         assert.equal("CLOSED", ws.state)
         assert.same({ n = 3, false, 1006, "wrong state" }, pack(ws:close()))
         assert.same({ n = 4, nil, false, 1006, "wrong state" }, pack(ws:send "test"))
         assert.same({ n = 5, nil, nil, false, 1006, "wrong state" }, pack(ws:receive()))
      end)

      it("refuses settings of the wrong type at the line that gave them", function()
         assert.matches("^timeout must be a number, got string",
            expect.raised_here(function() clients.new { timeout = "5" } end))
         assert.matches("^the settings of a client must be a table",
            expect.raised_here(function() clients.new(5) end))
      end)
   end)

   describe("connect", function()
      it("returns true, the subprotocol and the headers", function()
         local ws, results = connected(servers.url("/protocol", { choose = "echo-protocol" }), "echo-protocol")
         assert.equal("OPEN", ws.state)
         assert.equal("echo-protocol", results[2])
         assert.equal("echo-protocol", results[3]["sec-websocket-protocol"])
         assert.is_string(results[3]["sec-websocket-accept"])
         assert.equal("upgrade", results[3]["connection"])
      end)

      it("returns headers in lower case, and repeated ones joined by commas", function()
         local _, results = connected(servers.url("/echo", { header = { "X-Word: One", "X-Word: Two" } }))
         assert.matches("^one, ?two$", results[3]["x-word"])
         assert.is_nil(results[2])
      end)

      it("offers the subprotocols of a list and of a text", function()
         for _, offered in ipairs { "a, b", { "a", "b" } } do
            local token = servers.token()
            local ws = connected(servers.url("/protocol", { choose = "b", token = token }), offered)
            assert.matches("Sec%-WebSocket%-Protocol: a, ?b\r", client.report(token, "request").request)
            ws:close()
         end
         connected(servers.url "/echo", ""):close()
      end)

      it("says of a second call that the state is wrong", function()
         local ws = connected(servers.url "/echo")
         assert.same({ n = 3, nil, "wrong state", nil }, pack(ws:connect(servers.url "/echo")))
         assert.equal("OPEN", ws.state)
      end)

      it("works again after the end", function()
         local ws = connected(servers.url "/close")
         ws:receive()
         assert.is_true(ws:connect(servers.url "/echo"))
         ws:send "again"
         assert.equal("again", (ws:receive()))
      end)

      it("returns errors of the network in LuaSocket's words", function()
         local ws = clients.new { timeout = 30 }
         assert.same({ n = 3, nil, "connection refused", nil }, pack(ws:connect(servers.url("/", nil, "refused"))))
         assert.same({ n = 3, nil, "host or service not provided, or not known", nil },
            pack(ws:connect "ws://nosuch.invalid:8089"))
         assert.same({ n = 3, nil, "closed", nil }, pack(ws:connect(servers.url("/", nil, "eof"))))
         assert.same({ n = 3, nil, "timeout", nil },
            pack(clients.new({ timeout = 0.2 }):connect(servers.url("/", nil, "silent"))))
         assert.equal("CLOSED", ws.state)
      end)

      it("returns the headers of a server that refuses", function()
         local ws = clients.new { timeout = 30 }
         local ok, problem, headers = ws:connect(servers.url("/status", { code = 403, header = "X-Why: Because" }))
         assert.is_nil(ok)
         assert.matches("^Websocket Handshake failed: .*403", problem)
         assert.equal("because", headers["x-why"])
         assert.equal("CLOSED", ws.state)
      end)

      it("returns an error for another scheme, and raises for what is no URL", function()
         local ws = clients.new()
         assert.same({ n = 3, nil, "bad protocol", nil }, pack(ws:connect "wsc://127.0.0.1:1"))
         assert.matches("^invalid URL", expect.raised_here(function() ws:connect "no url" end))
      end)

      it("sends the origin and the engine's options that the client was made with", function()
         local token = servers.token()
         connected(servers.url("/echo", { token = token }), nil,
            { timeout = 30, origin = "http://here", options = { headers = { ["X-Mine"] = "yes" } } })
         local request = client.report(token, "request").request
         assert.matches("\nOrigin: http://here\r", request)
         assert.matches("\nX%-Mine: yes\r", request)
      end)
   end)

   describe("ssl_params", function()
      local function connect(port, ssl_params)
         local ws = clients.new { timeout = 30 }
         return ws:connect(servers.url("/echo", nil, port), "", ssl_params)
      end

      it("verify the certificate always, also where LuaSec does not by default", function()
         local ok, problem = connect("wss", { mode = "client", protocol = "tlsv1_2" })
         assert.is_nil(ok)
         assert.matches("no trusted CA signed it", problem)
      end)

      it("take cafile, certificate and key, and ignore what the engine decides", function()
         assert.is_true(connect("wss", { mode = "client", protocol = "sslv23", verify = "peer", options = "all",
            ciphers = "ALL", cafile = servers.file "ca.pem" }))
         assert.is_true(connect("wss_client_cert", { mode = "client", cafile = servers.file "ca.pem",
            certificate = servers.file "client.pem", key = servers.file "client.key" }))
      end)

      it("take a fingerprint in place of verify = none", function()
         local fingerprint = require("sample").read(servers.file "self-signed.fingerprint")
         assert.is_true(connect("wss_self_signed", { mode = "client", verify = "none", fingerprint = fingerprint }))
      end)

      it("accept verify = none for loopback addresses alone", function()
         for _, weak in ipairs { { verify = "none" }, { verify = { "none" } }, { verifyext = { "lsec_continue" } } } do
            assert.is_true(connect("wss_self_signed", weak))
            local problem = expect.raised_here(function()
               clients.new():connect("wss://192.0.2.1/?token=hush", "", weak)
            end)
            expect.holds(problem, { "verify", "tls.fingerprint", "tls.ca_file" })
            assert.is_nil(problem:find("hush", 1, true))
         end
      end)

      it("raise for what cannot be honoured, at the line that gave it", function()
         for name, value in pairs { mode = "server", capath = "/etc", password = "hush", nonsense = 1 } do
            local problem = expect.raised_here(function()
               clients.new():connect("wss://192.0.2.1/", "", { [name] = value })
            end)
            expect.holds(problem, { name })
            assert.is_nil(problem:find("hush", 1, true))
         end
      end)

      it("count for wss alone", function()
         assert.is_true(connect("ws", { verify = "none", nonsense = 1 }))
      end)
   end)

   describe("send and receive", function()
      it("carry text and binary messages of each size, with their opcodes", function()
         local ws = connected(servers.url "/echo")
         for _, size in ipairs { 0, 127, 0xfffe, 0x10000 } do
            local text = ("x"):rep(size)
            assert.same({ n = 1, true }, pack(ws:send(text)))
            assert.same({ n = 2, text, 1 }, pack(ws:receive()))
         end
         assert.is_true(ws:send("\0\255", websocket.BINARY))
         assert.same({ n = 2, "\0\255", 2 }, pack(ws:receive()))
      end)

      it("send pings, and take pongs for done", function()
         local token = servers.token()
         local ws = connected(servers.url("/echo", { token = token }))
         assert.is_true(ws:send("beat", websocket.PING))
         assert.is_true(ws:send("beat", websocket.PONG))
         client.report(token, "pings:1")
         ws:send "after"
         assert.equal("after", (ws:receive()))
      end)

      it("never deliver pings and pongs", function()
         local ws = connected(servers.script { "status101", steps.frame(0x89, "ping"), steps.frame(0x8a, "pong"),
            steps.text "hello", "await:pongs:1", "await-close" })
         assert.equal("hello", (ws:receive()))
      end)

      it("raise at the script's line for what cannot be sent", function()
         local ws = connected(servers.url "/echo")
         assert.matches("UTF%-8", expect.raised_here(function() ws:send "\255" end))
         assert.matches("^message must be a string", expect.raised_here(function() ws:send(5) end))
         assert.matches("^opcode must be TEXT", expect.raised_here(function() ws:send("x", 8) end))
         assert.equal("OPEN", ws.state)
      end)

      it("wait where the buffer is full", function()
         local token = servers.token()
         local ws = connected(servers.url("/count-messages", { token = token }), nil,
            { timeout = 30, options = { max_buffered = 1 } })
         local megabyte = ("x"):rep(1024 * 1024)
         for _ = 1, 20 do
            assert.is_true(ws:send(megabyte))
         end
         assert.equal(20, client.report(token, "messages:20").messages)
      end)

      it("drop the connection where the buffer stays full", function()
         local ws = connected(servers.url "/stall", nil, { timeout = 0.2, options = { max_buffered = 1 } })
         local megabytes = ("x"):rep(16 * 1024 * 1024)
         local results
         repeat results = pack(ws:send(megabytes)) until not results[1]
         assert.same({ n = 4, nil, false, 1006, "timeout" }, results)
         assert.equal("CLOSED", ws.state)
      end)

      it("receive what came before the end", function()
         local ws = connected(servers.url("/push", { count = 3, size = 2, kind = "text", ["then"] = "close" }))
         assert.same({ "1:", "2:", "3:" }, { (ws:receive()), (ws:receive()), (ws:receive()) })
         assert.is_nil((ws:receive()))
      end)
   end)

   describe("receive returns for the end", function()
      local function ending(url)
         local ws = connected(url)
         local closed = 0
         ws.on_close = function(self)
            assert.equal(ws, self)
            closed = closed + 1
         end
         local results = pack(ws:receive())
         assert.same({ "CLOSED", 1 }, { ws.state, closed })
         assert.same({ n = 5, nil, nil, false, 1006, "wrong state" }, pack(ws:receive()))
         return results
      end

      it("the server's code and reason", function()
         assert.same({ n = 5, nil, nil, true, 4000, "bye" },
            ending(servers.url("/close", { code = 4000, reason = "bye" })))
         assert.same({ n = 5, nil, nil, true, 1000, "closed" }, ending(servers.url("/close", { code = 1000 })))
         assert.same({ n = 5, nil, nil, true, 1005, "closed" }, ending(servers.url "/close"))
      end)

      it("closed, where the server ends or resets without a Close", function()
         assert.same({ n = 5, nil, nil, false, 1006, "closed" }, ending(servers.script { "status101", "fin" }))
         assert.same({ n = 5, nil, nil, false, 1006, "closed" }, ending(servers.script { "status101", "rst" }))
      end)

      it("the code of a violation, and what it was", function()
         local results = ending(servers.script { "status101", steps.frame(0x83, "x"), "await-close" })
         assert.same({ false, 1002 }, { results[3], results[4] })
         assert.matches("reserved opcode", results[5])
      end)
   end)

   it("drops the connection where no message comes within the time-out", function()
      local ws = connected(servers.url "/echo", nil, { timeout = 0.05 })
      assert.same({ n = 5, nil, nil, false, 1006, "timeout" }, pack(ws:receive()))
      assert.equal("CLOSED", ws.state)
      ws.sock:settimeout(30)
      assert.is_true(ws:connect(servers.url "/echo"))
      ws:send "in time"
      assert.equal("in time", (ws:receive()))
   end)

   it("has a socket whose time-out can be changed, and that can be closed", function()
      local ws = connected(servers.url "/echo")
      ws.sock:settimeout(0)
      assert.equal("timeout", select(5, ws:receive()))
      ws = connected(servers.url "/echo")
      ws.sock:close()
      assert.same({ n = 5, nil, nil, false, 1006, "closed" }, pack(ws:receive()))
   end)

   describe("send after the end", function()
      it("returns how the connection ended, and leaves it closed", function()
         local token = servers.token()
         local ws = connected(servers.url("/close", { code = 4000, reason = "bye", token = token }))
         client.report(token, "eof")
         local results
         repeat results = pack(ws:send "late") until not results[1]
         assert.same({ n = 4, nil, true, 4000, "bye" }, results)
         assert.same({ n = 4, nil, false, 1006, "wrong state" }, pack(ws:send "later"))
         assert.equal("CLOSED", ws.state)
      end)
   end)

   describe("close", function()
      it("returns whether it was clean, and the server's code and reason", function()
         local token = servers.token()
         local ws = connected(servers.url("/echo", { token = token }))
         assert.same({ n = 3, true, 4001, "lost interest" }, pack(ws:close(4001, "lost interest")))
         assert.equal("CLOSED", ws.state)
         assert.equal(4001, client.report(token, "close").close)
         assert.same({ n = 3, false, 1006, "wrong state" }, pack(ws:close()))
         assert.same({ n = 5, nil, nil, false, 1006, "closed" }, pack(ws:receive()))
      end)

      it("sends 1000 by default, and calls on_close once", function()
         local token, closed = servers.token(), 0
         local ws = connected(servers.url("/echo", { token = token }))
         ws.on_close = function() closed = closed + 1 end
         assert.same({ n = 3, true, 1000, "" }, pack(ws:close()))
         assert.equal(1000, client.report(token, "close").close)
         assert.equal(1, closed)
      end)

      it("sends no code for those that never go over the wire", function()
         local token = servers.token()
         connected(servers.url("/echo", { token = token })):close(1006, "timeout")
         assert.equal(1005, client.report(token, "close").close)
      end)

      it("drops the messages that still come", function()
         local ws = connected(servers.url "/echo")
         ws:send "one"
         ws:send "two"
         assert.same({ n = 3, true, 1000, "" }, pack(ws:close()))
      end)

      it("gives up after its time-out, or that of the client", function()
         assert.same({ n = 3, false, 1005, "" }, pack(connected(servers.url "/silent"):close(1000, "", 0.05)))
         local ws = connected(servers.url "/silent")
         ws.sock:settimeout(0.05)
         assert.same({ n = 3, false, 1005, "" }, pack(ws:close()))
         assert.equal("CLOSED", ws.state)
      end)

      it("raises at the script's line for a code or a reason that cannot be sent", function()
         local ws = connected(servers.url "/echo")
         assert.matches("code", expect.raised_here(function() ws:close(99) end))
         assert.matches("reason", expect.raised_here(function() ws:close(1000, ("x"):rep(124)) end))
         assert.equal("OPEN", ws.state)
      end)
   end)
end)
