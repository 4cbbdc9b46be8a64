-- Properties of websocket.whatwg's WebSocket, and when they change.
local client = require "client"
local page = require "whatwg_client"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"
local whatwg = require "websocket.whatwg"

describe("the properties of a WebSocket", function()
   after_each(page.finish)

   it("have the constants of the class", function()
      local ws = page.connect(servers.url("/echo")).ws
      for name, value in pairs({ CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3 }) do
         assert.equal(value, whatwg.WebSocket[name])
         assert.equal(value, ws[name])
      end
   end)

   it("have the initial values of the standard", function()
      local ws = page.connect(servers.url("/protocol", { choose = "chat" }), "chat").ws
      assert.equal(0, ws.readyState)
      assert.equal(0, ws.bufferedAmount)
      assert.equal("", ws.protocol)
      assert.equal("", ws.extensions)
      assert.equal("blob", ws.binaryType)
      for _, name in ipairs({ "onopen", "onmessage", "onerror", "onclose" }) do
         assert.is_nil(ws[name])
      end
   end)

   it("name the extension that browsers offer, too, once the server has accepted it", function()
      local ws = page.open(servers.url_at(servers.python().ws, "/echo")).ws
      assert.matches("^permessage%-deflate", ws.extensions)
      ws = page.open(servers.url_at(servers.python().ws, "/echo"), nil, { compression = false }).ws
      assert.equal("", ws.extensions)
   end)

   it("can be written only where the standard says so", function()
      local ws = page.open(servers.url("/echo")).ws
      local before = {}
      local names = { "url", "readyState", "bufferedAmount", "extensions", "protocol", "CONNECTING", "OPEN", "CLOSED" }
      for _, name in ipairs(names) do
         before[name] = ws[name]
         ws[name] = "other"
         assert.equal(before[name], ws[name], name)
      end
      whatwg.WebSocket.OPEN = 7
      assert.equal(1, whatwg.WebSocket.OPEN)
      ws.own = "mine"
      assert.equal("mine", ws.own)
   end)

   it("accept blob and arraybuffer as binaryType and ignore other values", function()
      local ws = page.connect(servers.url("/echo")).ws
      ws.binaryType = "arraybuffer"
      assert.equal("arraybuffer", ws.binaryType)
      for _, value in ipairs({ "text", "ArrayBuffer", "", 1, true, {} }) do
         ws.binaryType = value
         assert.equal("arraybuffer", ws.binaryType)
      end
      ws.binaryType = nil
      assert.equal("arraybuffer", ws.binaryType)
      ws.binaryType = "blob"
      assert.equal("blob", ws.binaryType)
   end)

   it("do not show the URL's password in tostring", function()
      local url = servers.url("/echo"):gsub("^ws://", "ws://user:secret@")
      assert.equal("[object WebSocket]", tostring(page.connect(url).ws))
   end)

   it("include methods that raise a TypeError that asks for a colon when they are called with a dot", function()
      local ws = page.open(servers.url("/echo")).ws
      for name, arguments in pairs({
         send = { "x" }, close = {}, addEventListener = { "open", print }, removeEventListener = { "open", print },
         dispatchEvent = { whatwg.Event("x") },
      }) do
         local problem = page.raised(ws[name], (unpack or table.unpack)(arguments)) -- luacheck: compat
         assert.equal(("TypeError: call ws:%s(...) with a colon"):format(name), tostring(problem))
      end
      assert.equal(1, ws.readyState)
   end)
end)

describe("readyState", function()
   after_each(page.finish)

   it("is OPEN, OPEN, CLOSED at open, message, close", function()
      local recorder = page.open(servers.url("/close", { code = 1000, after = 1 }))
      recorder.ws:send("x")
      page.drain(recorder)
      assert.equal("open close", page.names(recorder))
      assert.same({ 1, 3 }, recorder.states)

      recorder = page.open(servers.url("/echo"))
      recorder.ws:send("x")
      page.await_messages(recorder, 1)
      recorder.ws:close()
      page.drain(recorder)
      assert.same({ 1, 1, 3 }, recorder.states)
   end)

   it("is CLOSED at error and close where the handshake is refused", function()
      local recorder = page.connect(servers.url("/status", { code = 403 }))
      page.drain(recorder)
      assert.equal("error close", page.names(recorder))
      assert.same({ 3, 3 }, recorder.states)
   end)

   it("changes only in poll", function()
      local token = servers.token()
      local recorder = page.connect(servers.url("/close", { code = 1000, token = token }))
      servers.await(token, "close")
      client.await_queued()
      assert.equal(0, recorder.ws.readyState)
      assert.equal("", page.names(recorder))
      page.drain(recorder)
      assert.equal(3, recorder.ws.readyState)
   end)

   it("is CLOSING at once after the script's close, whether open or connecting", function()
      local recorder = page.open(servers.url("/echo"))
      recorder.ws:close()
      assert.equal(2, recorder.ws.readyState)
      recorder = page.connect(servers.url("/echo"))
      recorder.ws:close()
      assert.equal(2, recorder.ws.readyState)
   end)

   it("is CLOSING when the server's Close arrives, before the connection ends", function()
      local token = servers.token()
      local recorder = page.open(servers.script({ "status101", steps.close(1000, "bye"), "await-close", "sleep:1500" },
         token))
      page.wait(recorder, function() return recorder.ws.readyState == 2 end)
      assert.equal("open", page.names(recorder))
      recorder.ws:close(4000) -- has no effect any more
      local ended = page.drain(recorder)
      assert.equal(1000, ended.code)
      assert.equal("bye", ended.reason)
      assert.equal("open close", page.names(recorder))
      assert.equal(1000, client.report(token, "close").close)
   end)
end)

describe("bufferedAmount", function()
   after_each(page.finish)

   local MEGABYTES = ("x"):rep(64 * 1024 * 1024)

   it("counts bytes of payload as soon as they are sent", function()
      local ws = page.open(servers.url("/stall"), nil, { close_timeout = 0.1 }).ws
      ws:send("abc")
      assert.equal(3, ws.bufferedAmount)
      ws:send("é")
      ws:send(whatwg.ArrayBuffer("12345"))
      ws:send(whatwg.Blob({ "1" }))
      assert.equal(11, ws.bufferedAmount)
      ws:send("")
      assert.equal(11, ws.bufferedAmount)
   end)

   it("does not change until the next poll, and falls there", function()
      local ws = page.open(servers.url("/echo")).ws
      ws:send(("x"):rep(100000))
      -- The echo shows that the message was written.
      client.await_queued()
      assert.equal(100000, ws.bufferedAmount)
      ws:send("more")
      assert.equal(100004, ws.bufferedAmount)
      assert(client.poll_until(function() return ws.bufferedAmount == 0 end))
   end)

   it("does not change within one poll", function()
      local recorder = page.open(servers.url("/echo"))
      local amounts = {}
      recorder.ws.onmessage = function()
         recorder.ws:send("12345")
         amounts[1] = recorder.ws.bufferedAmount
         -- The echo shows that the message was written.
         client.await_queued()
         amounts[2] = recorder.ws.bufferedAmount
         recorder.ws.onmessage = nil
      end
      recorder.ws:send("go")
      page.await_messages(recorder, 2)
      assert.same({ 5, 5 }, amounts)
      assert.equal(0, recorder.ws.bufferedAmount)
   end)

   it("grows after close and is not reset at the end", function()
      local recorder = page.open(servers.url("/stall"), nil, { close_timeout = 0.2, max_buffered = 2 * #MEGABYTES })
      local ws = recorder.ws
      ws:send(MEGABYTES)
      ws:close()
      ws:send("after")
      assert.equal(#MEGABYTES + 5, ws.bufferedAmount)
      page.drain(recorder)
      local left = ws.bufferedAmount
      assert.is_true(left > 5 and left <= #MEGABYTES + 5, left)
      ws:send(whatwg.Blob({ "1234" }))
      ws:send(12)
      websocket.poll()
      assert.equal(left + 6, ws.bufferedAmount)
   end)

   it("grows when the buffer is full; the connection closes, and error and close 1006 follow", function()
      local recorder = page.open(servers.url("/stall"), nil, { max_buffered = 1000 })
      local ws = recorder.ws
      ws:send(MEGABYTES)
      ws:send("over the limit")
      assert.equal(#MEGABYTES + 14, ws.bufferedAmount)
      assert.equal("open", page.names(recorder))
      ws:send("more")
      assert.equal(#MEGABYTES + 18, ws.bufferedAmount)
      local ended = page.drain(recorder)
      assert.equal("open error close", page.names(recorder))
      assert.same({ 1, 3, 3 }, recorder.states)
      assert.same({ 1006, "", false }, { ended.code, ended.reason, ended.wasClean })
   end)

   it("is 0 in every state where nothing was sent", function()
      local recorder = page.connect(servers.url("/echo"))
      assert.equal(0, recorder.ws.bufferedAmount)
      page.wait(recorder, function() return recorder.events[1] end)
      assert.equal(0, recorder.ws.bufferedAmount)
      recorder.ws:close()
      page.drain(recorder)
      assert.equal(0, recorder.ws.bufferedAmount)
   end)
end)
