-- The drop-in for Hammerspoon: what its own tests check, its callbacks, its arguments and its texts.
local client = require "client"
local engine = require "engine"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"
local hammerspoon = require "websocket.hammerspoon"

local hs = { websocket = hammerspoon }

describe("the Hammerspoon drop-in", function()
   local callback, calls, kept

   before_each(function()
      engine.watch()
      callback, calls = engine.recorder()
      kept = {}
   end)

   after_each(function()
      hammerspoon.options = nil
      engine.finish()
      kept = {}
   end)

   -- Connects, and keeps the object as a script must: it closes when it is collected.
   local function new(url, fn)
      local ws = hs.websocket.new(url, fn or callback)
      kept[#kept + 1] = ws
      return ws
   end

   local function named(name)
      for _, call in ipairs(calls) do
         if call[1] == name then
            return call
         end
      end
   end

   local function wait_for(name)
      return engine.wait(function()
         return named(name)
      end)
   end

   local function open(url)
      local ws = new(url)
      wait_for "open"
      return ws
   end

   describe("runs what Hammerspoon's own tests check:", function()
      it("an object of its type", function()
         local ws = new(servers.url "/mysock")
         assert.equal("userdata", type(ws))
         assert.equal("hs.websocket", getmetatable(ws).__name)
         assert.equal("hs.websocket", getmetatable(ws).__type)
         assert.is_true(#tostring(ws) > 0)
      end)

      it("the echo of data and of text", function()
         local ws = open(servers.url "/mysock")
         ws:send("ABC123")
         assert.same({ n = 2, "received", "ABC123" }, engine.wait_count(calls, 2))
         ws:send("ABC123", false)
         assert.same({ n = 2, "received", "ABC123" }, engine.wait_count(calls, 3))
      end)

      it("the status connecting, open, closing and closed", function()
         local ws = new(servers.url "/mysock")
         assert.equal("connecting", ws:status())
         wait_for "open"
         assert.equal("open", ws:status())
         ws:close()
         assert.equal("closing", ws:status())
         wait_for "closed"
         assert.equal("closed", ws:status())
      end)

      it("closing at once after creation, and closed where nothing answers", function()
         local ws = new(servers.url "/mysock")
         ws:close()
         assert.equal("closing", ws:status())
         local refused = new(servers.url("/", nil, "refused"))
         engine.wait(function()
            return refused:status() == "closed"
         end)
         websocket.run()
         assert.equal("closing", ws:status())
      end)
   end)

   describe("calls the callback", function()
      it("with one argument for open and closed, and two for received", function()
         local ws = open(servers.url "/mysock")
         ws:send("hello")
         engine.wait_count(calls, 2)
         ws:close()
         wait_for "closed"
         assert.same({ { n = 1, "open" }, { n = 2, "received", "hello" }, { n = 1, "closed" } }, calls)
      end)

      it("with two arguments for fail, and then no more", function()
         new(servers.url("/", nil, "refused"))
         local call = wait_for "fail"
         assert.equal(2, call.n)
         assert.is_string(call[2])
         websocket.run()
         assert.equal(1, #calls)
      end)

      it("with one argument for a server's pong, and never for the keepalive's", function()
         hammerspoon.options = { ping_interval = 0.05 }
         open(servers.script { "status101", "await:pings:1", steps.frame(0x8a, "of its own"), "await-eof" })
         assert.same({ n = 1, "pong" }, wait_for "pong")

         local own, keepalive = engine.recorder()
         local token = servers.token()
         new(servers.url("/mysock", { token = token }), own)
         client.report(token, "pings:3")
         engine.wait(function()
            return engine.made().ws:latency()
         end)
         assert.same({ { n = 1, "open" } }, keepalive)
      end)

      it("never for pings and closing, even where the options ask for them", function()
         hammerspoon.options = { report_pings = true, report_closing = true }
         local ws = open(servers.url("/ping", { count = 2 }))
         ws:send("x")
         open(servers.url("/close", { code = 1000, after = 0 }))
         wait_for "closed"
         for _, call in ipairs(calls) do
            assert.is_true(call[1] == "open" or call[1] == "closed", call[1])
         end
      end)

      it("with closed, and never fail, for the server's Close and for a violation of the protocol", function()
         new(servers.url("/close", { code = 4000, reason = "bye" }))
         wait_for "closed"
         assert.same({ { n = 1, "open" }, { n = 1, "closed" } }, calls)
         local other, others = engine.recorder()
         new(servers.script { "status101", steps.frame(0x83, "reserved"), "await-close" }, other)
         engine.wait_count(others, 2)
         websocket.run()
         assert.same({ { n = 1, "open" }, { n = 1, "closed" } }, others)
      end)

      it("with closed when it is closed while connecting", function()
         local ws = new(servers.url("/", nil, "silent"))
         ws:close()
         assert.same({ n = 1, "closed" }, engine.wait_count(calls, 1))
         websocket.run()
         assert.equal(1, #calls)
      end)
   end)

   describe("sends", function()
      local function sent(...)
         local token = servers.token()
         local ws = open(servers.script({ "status101", "await:messages:1", "await-close", "reply-close" }, token))
         assert.equal(ws, ws:send(...))
         return client.report(token, "messages:1")["frame.1"]
      end

      it("a binary frame by default", function()
         assert.matches("^opcode=2 fin=1 .* data=414243$", sent "ABC")
      end)

      it("a binary frame where isData is true, with bytes as they are", function()
         assert.matches("^opcode=2 .* data=ff00$", sent("\255\0", true))
      end)

      it("a text frame where isData is false, with U+FFFD for what is not UTF-8", function()
         assert.matches("^opcode=1 fin=1 .* data=61efbfbd62$", sent("a\255b", false))
      end)

      it("nothing before open, and returns self", function()
         local token = servers.token()
         local ws = new(servers.url("/mysock", { token = token }))
         assert.equal(ws, ws:send("early"))
         wait_for "open"
         ws:send("late")
         wait_for "received"
         assert.equal("late", named("received")[2])
         assert.equal(1, client.report(token, "messages:1").messages)
      end)

      it("nothing after close and after the end, and returns self", function()
         local ws = open(servers.url "/mysock")
         ws:close()
         assert.equal(ws, ws:send("late"))
         wait_for "closed"
         assert.equal(ws, ws:send("later"))
         assert.is_nil(named "received")
      end)

      it("nothing that would exceed max_buffered, and stays open", function()
         hammerspoon.options = { max_buffered = 1 }
         local ws = open(servers.url "/stall")
         local megabytes = ("x"):rep(16 * 1024 * 1024)
         for _ = 1, 3 do
            assert.equal(ws, ws:send(megabytes))
         end
         assert.is_true(engine.made().ws:buffered_amount() <= #megabytes)
         assert.equal("open", ws:status())
      end)
   end)

   it("closes with 1000 once, and returns self each time", function()
      local token = servers.token()
      local ws = open(servers.url("/mysock", { token = token }))
      assert.equal(ws, ws:close())
      assert.equal(ws, ws:close())
      wait_for "closed"
      assert.equal(ws, ws:close())
      assert.equal(1000, client.report(token, "close").close)
      assert.equal(1, #engine.wait(function() return calls[2] end))
      websocket.run()
      assert.equal(2, #calls)
   end)

   it("accepts http and https as ws and wss", function()
      open((servers.url("/mysock"):gsub("^ws", "HTTP")))
      assert.matches("^ws://", engine.made().ws:url())
      hammerspoon.options = { tls = { ca_file = servers.file "ca.pem" } }
      calls[1] = nil
      open((servers.url("/mysock", nil, "wss"):gsub("^wss", "https")))
      assert.matches("^wss://", engine.made().ws:url())
   end)

   it("makes require of hs.websocket return itself once it is installed", function()
      assert.has_error(function() require "hs.websocket" end)
      assert.equal(hammerspoon, hammerspoon.install())
      local ok, module = pcall(require, "hs.websocket")
      package.preload["hs.websocket"], package.loaded["hs.websocket"] = nil, nil
      assert.is_true(ok)
      assert.equal(hammerspoon, module)
   end)

   it("passes its options to the engine", function()
      hammerspoon.options = { headers = { ["X-Mine"] = "yes" } }
      open(servers.url "/headers")
      assert.matches("\nX%-Mine: yes\r", wait_for("received")[2])
      hammerspoon.options = { ca_flie = 1 }
      assert.has_error(function() hs.websocket.new("ws://127.0.0.1/", callback) end)
   end)

   it("is shown by tostring as connected or disconnected, with an address", function()
      local ws = new(servers.url "/mysock")
      assert.matches("^hs%.websocket: disconnected %(0x%x+%)$", tostring(ws))
      wait_for "open"
      local connected = tostring(ws)
      assert.matches("^hs%.websocket: connected %(0x%x+%)$", connected)
      ws:close()
      assert.equal((connected:gsub("connected", "disconnected")), tostring(ws))
   end)

   describe("reports a refused handshake in Hammerspoon's words:", function()
      local function failure(url)
         new(url)
         return wait_for("fail")[2]
      end

      it("a status of 400 and above", function()
         for _, code in ipairs { 400, 403, 503 } do
            calls[1] = nil
            assert.equal("Received bad response code from server: " .. code .. ".",
               failure(servers.url("/status", { code = code })))
         end
      end)

      it("a status below 400, as a Sec-WebSocket-Accept that is missing", function()
         for _, code in ipairs { 200, 204, 302, 399 } do
            calls[1] = nil
            assert.equal("Invalid Sec-WebSocket-Accept response.", failure(servers.url("/status", { code = code })))
         end
      end)

      it("a Sec-WebSocket-Accept that is wrong or missing", function()
         for _, accept in ipairs { "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n", "" } do
            calls[1] = nil
            local head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            local url = servers.script { steps.raw_head(head .. accept .. "\r\n") }
            assert.equal("Invalid Sec-WebSocket-Accept response.", failure(url))
         end
      end)

      it("a subprotocol that was not offered", function()
         assert.equal("Server specified Sec-WebSocket-Protocol that wasn't requested.",
            failure(servers.url("/mysock", { protocol = "chat" })))
      end)

      it("no answer in time", function()
         hammerspoon.options = { open_timeout = 0.1 }
         assert.equal("Timed out connecting to server.", failure(servers.url("/", nil, "silent")))
      end)

      it("in the words of the engine where Hammerspoon has none", function()
         local lines = { "HTTP/1.1 101 X", "Connection: Upgrade", "Sec-WebSocket-Accept: {accept}" }
         assert.matches("Upgrade header", failure(servers.script { steps.head(lines) }))
      end)
   end)

   describe("refuses", function()
      local url = "ws://127.0.0.1:1/"

      local function refusal(fn, ...)
         local ok, problem = pcall(fn, ...)
         assert.is_false(ok)
         return (problem:gsub("^[^:]+:%d+: ", ""))
      end

      it("wrong arguments of new with LuaSkin's texts", function()
         local make = hs.websocket.new
         assert.equal("ERROR: incorrect type 'nil' for argument 2 (expected function)", refusal(make, url, nil))
         assert.equal("ERROR: incorrect type 'no value' for argument 2 (expected function)", refusal(make, url))
         assert.equal("ERROR: incorrect type 'number' for argument 1 (expected string)", refusal(make, 1, callback))
         assert.equal("ERROR: incorrect number of arguments. Expected 2, got 3", refusal(make, url, callback, {}))
      end)

      it("wrong arguments of the methods with LuaSkin's texts", function()
         local ws = new(servers.url "/mysock")
         assert.equal("ERROR: incorrect type 'nil' for argument 2 (expected string)", refusal(ws.send, ws, nil))
         assert.equal("ERROR: incorrect type 'number' for argument 3 (expected boolean)", refusal(ws.send, ws, "x", 1))
         assert.equal("ERROR: incorrect number of arguments. Expected 3, got 4", refusal(ws.send, ws, "x", true, 1))
         assert.equal("ERROR: incorrect number of arguments. Expected 1, got 2", refusal(ws.close, ws, 1000))
         assert.equal("ERROR: incorrect number of arguments. Expected 1, got 2", refusal(ws.status, ws, 1))
         assert.equal("ERROR: incorrect type 'nil' for argument 3 (expected boolean)", refusal(ws.send, ws, "x", nil))
         assert.equal("ERROR: incorrect type 'string' for argument 1 (expected userdata)", refusal(ws.send, "x"))
         assert.equal("ERROR: incorrect type 'no value' for argument 1 (expected userdata)", refusal(ws.close))
         assert.equal("ERROR: incorrect type 'table' for argument 1 (expected userdata)", refusal(ws.status, {}))
         assert.equal("ERROR: incorrect userdata type for argument 1 (expected hs.websocket)",
            refusal(ws.status, io.stdout))
         assert.equal("ERROR:  incorrect type 'userdata' for argument 2 (expected string)",
            refusal(ws.send, ws, io.stdout))
         assert.equal("ERROR: unknown type 'thread' for argument 2",
            refusal(ws.send, ws, coroutine.create(function() end)))
      end)

      it("a malformed URL and a wrong argument at the line that gave it", function()
         local ws = new(url)
         assert.matches("^invalid URL", expect.raised_here(function() hs.websocket.new("no url", callback) end))
         for _, wrong in ipairs {
            function() hs.websocket.new(url, 5) end,
            function() ws:send(5) end,
            function() ws:close(1000) end,
            function() ws.status() end,
         } do
            assert.matches("^ERROR: ", expect.raised_here(wrong))
         end
      end)

      it("nothing that can be called", function()
         new(servers.url "/mysock", setmetatable({}, { __call = function(_, ...) callback(...) end }))
         assert.same({ n = 1, "open" }, engine.wait_count(calls, 1))
      end)
   end)
end)
