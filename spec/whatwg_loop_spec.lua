-- When and where the callbacks of websocket.whatwg run, and what keeps a WebSocket alive.
local client = require "client"
local garbage = require "garbage"
local page = require "whatwg_client"
local servers = require "servers"
local websocket = require "websocket"
local whatwg = require "websocket.whatwg"

local WebSocket = whatwg.WebSocket

describe("callbacks of a WebSocket", function()
   after_each(page.finish)

   it("run only in poll, not in the constructor, send, close or a property", function()
      local recorder = page.connect(servers.url("/echo"))
      client.await_queued()
      assert.equal("", page.names(recorder))
      page.wait(recorder, function() return recorder.ws.readyState == 1 end)
      recorder.ws:send("x")
      client.await_queued()
      assert.equal("open", page.names(recorder))
      page.await_messages(recorder, 1)
      recorder.ws:close()
      client.await_queued()
      assert.equal("open message", page.names(recorder))
      page.drain(recorder)
   end)

   it("never run nested: the events that close and send cause in a listener come later", function()
      local recorder = page.open(servers.url("/echo"))
      local inside, nested, polled = false, false, nil
      recorder.ws.onmessage = function()
         inside = true
         recorder.ws:send("again")
         recorder.ws:close()
         polled = pcall(websocket.poll, 1)
         inside = false
      end
      recorder.ws.onclose = function() nested = inside end
      recorder.ws:send("x")
      page.drain(recorder)
      assert.is_false(nested)
      assert.is_false(polled)
   end)

   it("that raise report to the error handler, and the others run", function()
      local recorder
      local errors = page.errors_of(function()
         recorder = page.connect(servers.url("/echo"))
         for _, kind in ipairs({ "open", "message", "close" }) do
            recorder.ws["on" .. kind] = function() error(kind, 0) end
         end
         local seen = 0
         recorder.ws:addEventListener("message", function() seen = seen + 1 end)
         page.wait(recorder, function() return recorder.ws.readyState == 1 end)
         recorder.ws:send("x")
         page.wait(recorder, function() return seen == 1 end)
         recorder.ws:close()
         page.drain(recorder)
      end)
      assert.same({ "open", "message", "close" }, errors)
      assert.equal("open message close", page.names(recorder))
   end)

   it("for error that raise do not prevent close", function()
      local recorder
      local errors = page.errors_of(function()
         recorder = page.connect(servers.url("/status", { code = 500 }))
         recorder.ws.onerror = function() error("oops", 0) end
         page.drain(recorder)
      end)
      assert.same({ "oops" }, errors)
      assert.equal("error close", page.names(recorder))
   end)

   it("for error that Ctrl-C interrupts end poll, and close comes in the next one", function()
      local recorder = page.connect(servers.url("/status", { code = 500 }))
      recorder.ws.onerror = function() error("interrupted!", 0) end
      local ok, problem = pcall(page.drain, recorder)
      assert.same({ false, "interrupted!" }, { ok, problem })
      assert.is_nil(recorder.ended)
      assert.equal(3, recorder.ws.readyState)
      assert.equal(1006, page.drain(recorder).code)
   end)

   it("come in the order of arrival, with those of the native shape", function()
      assert.equal(0, websocket.connections()) -- because run would wait for them
      local url = servers.url("/echo")
      local seen = {}
      local recorder = page.open(url)
      local native = client.open(url, nil, function(_, event, message)
         if event == "received" then
            seen[#seen + 1] = "native " .. message
         end
      end)
      recorder.ws.onmessage = function(event)
         seen[#seen + 1] = "whatwg " .. event.data
         if event.data == "1" then
            native.ws:send("2")
         else
            native.ws:close()
            recorder.ws:close()
         end
      end
      recorder.ws:send("1")
      page.wait(recorder, function() return #seen == 2 end)
      recorder.ws:send("3")
      websocket.run()
      assert.same({ "whatwg 1", "native 2", "whatwg 3" }, seen)
      client.finish()
   end)
end)

describe("a WebSocket that the script no longer refers to", function()
   it("lives on with its listeners until its end", function()
      local seen = {}
      do
         local ws = WebSocket(servers.url("/push", { count = 2, size = 3, interval = 50, ["then"] = "close" }))
         ws.onmessage = function(event) seen[#seen + 1] = event.data end
         ws.onclose = function(event) seen[#seen + 1] = event.code end
      end
      local done = client.poll_until(function()
         collectgarbage()
         collectgarbage()
         return #seen == 3
      end)
      assert.is_true(done)
   end)

   it("is collected after its end", function()
      assert.equal(0, websocket.connections())
      local weak = setmetatable({}, { __mode = "v" })
      local function connect()
         local ws = WebSocket(servers.url("/close", { code = 1000 }))
         weak[1] = ws
         ws.onclose = function() weak[2] = ws end
      end
      connect()
      websocket.run()
      garbage.await_collected(weak)
   end)
end)

describe("websocket.run", function()
   it("ends when every WebSocket has ended, also one that could not connect", function()
      assert.equal(0, websocket.connections())
      local codes = {}
      for _, url in ipairs({ servers.url("/close", { code = 4000 }), "ws://127.0.0.1:0/" }) do
         WebSocket(url).onclose = function(event) codes[#codes + 1] = event.code end
      end
      websocket.run()
      table.sort(codes)
      assert.same({ 1006, 4000 }, codes)
   end)
end)
