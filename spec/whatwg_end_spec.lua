-- How connections of websocket.whatwg's WebSocket end, and which events report it.
local client = require "client"
local page = require "whatwg_client"
local servers = require "servers"
local steps = require "steps"
local whatwg = require "websocket.whatwg"

-- Polls until the end, and checks that it was reported as the standard reports a failure.
local function assert_failed(recorder, opened)
   local ended = page.drain(recorder)
   local names = page.names(recorder):gsub("message ", "")
   assert.equal(opened and "open error close" or "error close", names)
   assert.same({ 1006, "", false }, { ended.code, ended.reason, ended.wasClean })
   local problem = recorder.events[#recorder.events - 1]
   assert.is_true(whatwg.Event.is(problem))
   assert.is_false(whatwg.CloseEvent.is(problem) or whatwg.MessageEvent.is(problem))
   assert.is_nil(problem.message)
   assert.same({ 3, 3 }, { recorder.states[#recorder.states - 1], recorder.states[#recorder.states] })
   assert.equal(3, recorder.ws.readyState)
end

local function assert_clean(recorder, code, reason)
   local ended = page.drain(recorder)
   assert.equal("open close", (page.names(recorder):gsub("message ", "")))
   assert.same({ code, reason, true }, { ended.code, ended.reason, ended.wasClean })
   assert.is_true(whatwg.CloseEvent.is(ended))
end

describe("a connection that never opened fails", function()
   after_each(page.finish)

   for what, url in pairs({
      ["refused connection"] = function() return servers.url("/", nil, "refused") end,
      ["status 403"] = function() return servers.url("/status", { code = 403 }) end,
      ["status 200"] = function() return servers.url("/status", { code = 200 }) end,
      ["redirect"] = function()
         return servers.url("/status", { code = 302, header = "Location: " .. servers.url("/echo") })
      end,
      ["wrong Sec-WebSocket-Accept"] = function()
         return servers.script({ steps.head({ "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket",
            "Connection: Upgrade", "Sec-WebSocket-Accept: aGVsbG8gd29ybGQhISEhISE=" }) })
      end,
      ["missing Sec-WebSocket-Accept"] = function()
         return servers.script({ steps.head({ "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket",
            "Connection: Upgrade" }) })
      end,
      ["extension that was not offered"] = function() return servers.url("/echo", { extensions = "x-own" }) end,
      ["server that says no HTTP"] = function() return servers.url("/", nil, "garbage") end,
      ["server that hangs up"] = function() return servers.url("/", nil, "eof") end,
      ["server that resets"] = function() return servers.url("/", nil, "reset") end,
      ["certificate of an unknown authority"] = function() return servers.url("/echo", nil, "wss_unknown_ca") end,
   }) do
      it("with error and close 1006: " .. what, function()
         assert_failed(page.connect(url()))
      end)
   end

   it("with error and close 1006: open_timeout", function()
      assert_failed(page.connect(servers.url("/", nil, "silent"), nil, { open_timeout = 0.1 }))
   end)
end)

describe("an open connection fails with error and close 1006", function()
   after_each(page.finish)

   it("when the server does not answer a keepalive ping", function()
      local recorder = page.open(servers.url("/silent"), nil, { ping_interval = 0.1, ping_timeout = 0.1 })
      assert_failed(recorder, true)
   end)

   for what, case in pairs({
      ["reserved opcode"] = { steps.frame(0x83, "x"), 1002 },
      ["reserved bit"] = { steps.frame(0xc1, "x"), 1002 },
      ["text that is not UTF-8"] = { steps.text("\255"), 1007 },
      ["Close code that is none"] = { steps.close(1005), 1002 },
      ["fragment of nothing"] = { steps.frame(0x80, "x"), 1002 },
   }) do
      it("when the server breaks the protocol: " .. what, function()
         local token = servers.token()
         local recorder = page.open(servers.script({ "status101", case[1], "await-close" }, token))
         assert_failed(recorder, true)
         assert.equal(case[2], client.report(token, "close").close)
      end)
   end

   it("when the server breaks the protocol, even where it answers our Close", function()
      local token = servers.token()
      local recorder = page.open(servers.script({ "status101", steps.frame(0x83, "x"), "reply-close" }, token))
      assert_failed(recorder, true)
      assert.equal(1002, client.report(token, "close").close)
   end)

   it("when a message is over the limit", function()
      local token = servers.token()
      local recorder = page.open(servers.url("/push", { count = 1, size = 1000, token = token }), nil,
         { max_message_size = 999 })
      assert_failed(recorder, true)
      assert.equal(1009, client.report(token, "close").close)
   end)
end)

describe("a connection closes cleanly", function()
   after_each(page.finish)

   for _, case in ipairs({
      { 1000, "" }, { 1000, "bye" }, { 1001, "going" }, { 1002, "you broke it" }, { 1003, "" }, { 1007, "" },
      { 1008, "" },
      { 1009, "" }, { 1011, "oops" }, { 1014, "" }, { 3000, "" }, { 4999, ("é"):rep(61) .. "x" },
   }) do
      it(("with the server's %d %q"):format(case[1], case[2]), function()
         local token = servers.token()
         local recorder = page.open(servers.url("/close", { code = case[1], reason = case[2], token = token }))
         assert_clean(recorder, case[1], case[2])
         assert.equal(case[1], client.report(token, "close").close)
      end)
   end

   it("with 1005 where the server's Close has no code", function()
      assert_clean(page.open(servers.url("/close")), 1005, "")
   end)

   it("with the server's code, and not the script's", function()
      local recorder = page.open(servers.script({ "status101", "await-close", steps.close(4001, "theirs") }))
      recorder.ws:close(4000, "ours")
      assert_clean(recorder, 4001, "theirs")
   end)

   it("after the messages that came before", function()
      local recorder = page.open(servers.url("/push", { count = 3, size = 5 }))
      page.await_messages(recorder, 3)
      recorder.ws:close()
      page.drain(recorder)
      assert.equal("open message message message close", page.names(recorder))
   end)

   it("where the Close arrives in one packet with the handshake", function()
      local recorder = page.connect(servers.script({ steps.raw_head(table.concat(steps.switching(), "\r\n")
         .. "\r\n\r\n\136\5\15\160bye"), "await-close" }))
      assert_clean(recorder, 4000, "bye")
      assert.same({ 1, 3 }, recorder.states)
   end)
end)

describe("a connection closes uncleanly, without error", function()
   after_each(page.finish)

   local function assert_lost(recorder)
      local ended = page.drain(recorder)
      assert.equal("open close", (page.names(recorder):gsub("message ", "")))
      assert.same({ 1006, "", false }, { ended.code, ended.reason, ended.wasClean })
      assert.equal(3, recorder.states[#recorder.states])
      assert.equal(3, recorder.ws.readyState)
   end

   it("with 1006 where the server does not answer the Close in time", function()
      local recorder = page.open(servers.url("/silent"), nil, { close_timeout = 0.1 })
      recorder.ws:close(3000, "hello?")
      assert_lost(recorder)
   end)

   for _, port in ipairs({ "ws", "wss" }) do
      local function options()
         return { tls = { ca_file = port == "wss" and servers.file("ca.pem") or nil } }
      end

      it("with 1006 where the server ends the stream without a Close: " .. port, function()
         for _, with_notify in ipairs({ 0, 1 }) do
            local recorder = page.open(servers.url("/drop", { close_notify = with_notify }, port), nil, options())
            recorder.ws:send("x")
            assert_lost(recorder)
         end
      end)

      it("with 1006 where the server ends the stream in the middle of a message: " .. port, function()
         local half = { "status101", steps.text("whole"), "hex:81054142", "fin" }
         assert_lost(page.open(servers.script(half, nil, port), nil, options()))
      end)

      it("with 1006 where the server ends the stream without a Close after ours: " .. port, function()
         local recorder = page.open(servers.script({ "status101", "await-close", "fin" }, nil, port), nil, options())
         recorder.ws:close(1000)
         assert_lost(recorder)
      end)

      it("with 1006 where the server resets the connection: " .. port, function()
         local recorder = page.open(servers.url("/reset", { after = 1 }, port), nil, options())
         recorder.ws:send("x")
         assert_lost(recorder)
      end)

      it("with 1006 where the server resets the connection after our Close: " .. port, function()
         local recorder = page.open(servers.script({ "status101", "await-close", "rst" }, nil, port), nil, options())
         recorder.ws:close(1000)
         assert_lost(recorder)
      end)

      it("with 1006 where the server resets the connection while we send: " .. port, function()
         local program = { "status101", "await:received:200000", "rst" }
         local recorder = page.open(servers.script(program, nil, port), nil, options())
         recorder.ws:send(("x"):rep(8 * 1024 * 1024))
         assert_lost(recorder)
      end)
   end

   it("and a client that takes error as fatal connects again", function()
      local events = {}
      local function connect(url, again)
         local ws = whatwg.WebSocket(url)
         ws.onerror = function()
            events[#events + 1] = "error"
            again = nil
         end
         ws.onclose = function(event)
            events[#events + 1] = "close " .. event.code
            if again then
               connect(again)
            end
         end
      end
      connect(servers.url("/drop", { after = 0 }), servers.url("/close", { code = 4000 }))
      require("websocket").run()
      assert.same({ "close 1006", "close 4000" }, events)
   end)

   it("with the server's code where our Close could not be written any more", function()
      local more_than_sockets_hold = ("x"):rep(64 * 1024 * 1024)
      local recorder = page.open(servers.script({ "status101", "await:received:200000", steps.close(1001, "going"),
         "sleep:300", "rst" }))
      recorder.ws:send(more_than_sockets_hold)
      local ended = page.drain(recorder)
      assert.equal("open close", page.names(recorder))
      assert.same({ 1001, "going", false }, { ended.code, ended.reason, ended.wasClean })
   end)
end)
