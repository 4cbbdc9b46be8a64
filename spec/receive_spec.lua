--- Connections without a callback: `connect`, `receive` and `messages` in a plain script.

local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

-- Ends what a test has left.
local function finish()
   websocket.set_error_handler(nil)
   client.finish()
end

local function connected(url, options)
   local ws, text = websocket.connect(url, options)
   return assert(ws, text)
end

describe("connect", function()
   after_each(finish)

   it("returns the connection when it is open", function()
      local ws = connected(servers.url("/echo"))
      assert.equal("open", ws:status())
      assert.equal(101, ws:response().status)
      assert.equal(1, websocket.connections())
   end)

   it("returns nil, a text and the code of the failure", function()
      expect.refused("connect", websocket.connect(servers.url("/", nil, "refused")))
      local text = expect.refused("http_status", websocket.connect(servers.url("/status", { code = 503 })))
      assert.matches("503", text)
      expect.refused("timeout", websocket.connect(servers.url("/", nil, "silent"), { open_timeout = 0.2 }))
      assert.equal(0, websocket.connections())
   end)

   it("returns a connection that the server closes at once, with its messages", function()
      local ws = connected(servers.script({ "status101", steps.text("bye"), steps.close(4001, "go"), "await-close" }))
      assert.same({ "bye", "text" }, { ws:receive() })
      assert.same({ nil, 'connection closed with 4001: "go"', "closed", 4001 }, { ws:receive() })
   end)

   it("returns nil and closed where the script closes it meanwhile", function()
      websocket.defer(function() websocket.close_all() end)
      expect.refused("closed", websocket.connect(servers.url("/", nil, "silent")))
   end)

   it("raises for wrong arguments at the script's line", function()
      assert.matches("url", expect.raised_here(function() local _ = websocket.connect(nil) end))
      assert.matches("nonsense", expect.raised_here(function()
         local _ = websocket.connect(servers.url("/echo"), { nonsense = 1 })
      end))
   end)

   it("raises inside a callback, before it connects", function()
      local problem
      websocket.defer(function()
         problem = expect.raised_here(function() local _ = websocket.connect(servers.url("/echo")) end)
      end)
      websocket.poll()
      assert.equal(
         "connect cannot wait inside a callback: do that in a function that websocket.spawn has started", problem)
      assert.equal(0, websocket.connections())
   end)

   it("leaves no connection behind where an error leaves the loop", function()
      websocket.set_error_handler("raise")
      websocket.defer(function() error("stop", 0) end)
      assert.same({ false, "stop" }, { pcall(websocket.connect, servers.url("/", nil, "silent")) })
      assert(client.poll_until(function() return websocket.connections() == 0 end))
   end)

   it("waits across the attempts of reconnect", function()
      local port = servers.ports().refused
      local ws, _, code = websocket.connect(("ws://127.0.0.1:%d/"):format(port),
         { reconnect = { min_delay = 0.01, max_delay = 0.01, max_retries = 2 } })
      assert.same({ nil, "connect" }, { ws, code })
   end)
end)

describe("opened", function()
   after_each(finish)

   it("waits for connections that new has begun, for some time or without end", function()
      local slow = websocket.new(servers.url("/", nil, "silent"))
      local ws = websocket.new(servers.url("/echo"))
      local other = websocket.new(servers.url("/", nil, "refused"))
      assert.equal(ws, ws:opened())
      assert.equal(ws, ws:opened(0))
      expect.refused("timeout", slow:opened(0))
      expect.refused("timeout", slow:opened(0.01))
      assert.equal("connecting", slow:status())
      expect.refused("connect", other:opened())
      slow:close()
      expect.refused("closed", slow:opened())
      ws:close()
      client.poll_until(function() return ws:status() == "closed" end)
      expect.refused("closed", ws:opened())
   end)
end)

describe("receive", function()
   after_each(finish)

   it("returns messages in their order, with their kind", function()
      local ws = connected(servers.url("/push", { count = 1000, size = 10, kind = "both" }))
      for number = 1, 1000 do
         local message, kind = ws:receive()
         assert.equal(("%d:"):format(number), message:match("^%d+:"))
         assert.equal(number % 2 == 0 and "binary" or "text", kind)
      end
   end)

   it("returns large and empty messages whole", function()
      local ws = connected(servers.url("/echo"))
      for _, size in ipairs({ 0, 1, 70000, 3000000 }) do
         local message = ("x"):rep(size)
         ws:send(message, true)
         local got, kind = ws:receive(30)
         assert.is_true(got == message)
         assert.equal("binary", kind)
      end
   end)

   it("waits from before the connection is open", function()
      local ws = websocket.new(servers.url("/echo"))
      ws:send("early")
      assert.same({ "early", "text" }, { ws:receive() })
   end)

   it("leaves the connection alive when the time has passed", function()
      local ws = connected(servers.url("/echo"))
      local before = websocket.now()
      expect.refused("timeout", ws:receive(0.05))
      assert.is_true(websocket.now() - before >= 0.05)
      for _, timeout in ipairs({ 0, -1, -math.huge }) do
         expect.refused("timeout", ws:receive(timeout))
      end
      assert.equal("open", ws:status())
      ws:send("hello")
      assert.same({ "hello", "text" }, { ws:receive(30) })
   end)

   it("with 0 takes what has arrived", function()
      local ws = connected(servers.url("/echo"))
      ws:send("hello")
      client.await_queued()
      assert.same({ "hello", "text" }, { ws:receive(0) })
   end)

   it("tells of the end only after all messages, again and again", function()
      local ws = connected(servers.script({
         "status101", steps.bytes("\129\1a\129\1b\129\1c"), steps.close(1001, ""), "await-close",
      }))
      local ended = client.poll_until(function() return websocket.connections() == 0 end)
      assert.is_true(ended)
      for _, letter in ipairs({ "a", "b", "c" }) do
         assert.same({ letter, "text" }, { ws:receive() })
      end
      for _ = 1, 2 do
         assert.same({ nil, "connection closed with 1001", "closed", 1001 }, { ws:receive() })
      end
      assert.equal(1001, ws:end_info().code)
   end)

   it("tells the code of a failure", function()
      local ws = connected(servers.url("/reset", { after = 1 }))
      ws:send("x")
      local text = expect.refused("reset", ws:receive(30))
      assert.matches("reset", text)
      local other = websocket.new(servers.url("/", nil, "refused"))
      expect.refused("connect", other:receive())
   end)

   it("lets callbacks and timers of others go on", function()
      local recorder = client.open(servers.url("/echo"))
      local ticks = 0
      local timer = websocket.every(0.01, function() ticks = ticks + 1 end)
      local ws = connected(servers.url("/echo"))
      recorder.ws:send("other")
      client.poll_until(function()
         expect.refused("timeout", ws:receive(0.05))
         return ticks > 3 and #client.messages(recorder) == 1
      end)
      timer:cancel()
      assert.same({ "other" }, client.messages(recorder))
   end)

   it("stops the peer while the script does not receive, and loses nothing", function()
      local token = servers.token()
      local count, size = 2000, 10000
      local ws = connected(servers.url("/flood", { bytes = count * size, size = size, token = token }),
         { max_queue = 100000 })
      -- The kernel's buffers take some megabytes; the rest must stay with the server.
      assert.is_nil(client.poll_until(function()
         local _, report = pcall(client.report, token, "flooded", 0.01)
         return type(report) == "table" and report.flooded
      end, 1))
      local received = 0
      for message in ws:messages() do
         received = received + #message
      end
      assert.equal(count * size, received)
      assert.equal(1000, ws:end_info().code)
   end)

   it("does not keep a closed connection from its end, however much waits", function()
      local ws = connected(servers.url("/push", { count = 100000, size = 1000 }), { max_queue = 50000 })
      client.poll_until(function() return false end, 0.2)
      ws:close()
      websocket.run()
      local received = 0
      for _ in ws:messages() do
         received = received + 1
      end
      assert.is_true(received > 0 and received < 200)
      assert.equal("closed", ws:status())
   end)

   it("raises on a connection with a callback, for wrong arguments and without a colon", function()
      local recorder = client.open(servers.url("/echo"))
      local function problem(fn) return expect.raised_here(fn) end
      assert.equal("receive cannot be called on a connection with a callback, which gets its messages",
         problem(function() local _ = recorder.ws:receive() end))
      assert.equal("messages cannot be called on a connection with a callback, which gets its messages",
         problem(function() local _ = recorder.ws:messages() end))
      local ws = connected(servers.url("/echo"))
      assert.equal("timeout must be a number of seconds, got string",
         problem(function() local _ = ws:receive("1") end))
      assert.equal("timeout must be a number of seconds, got nan", problem(function() local _ = ws:receive(0 / 0) end))
      assert.matches("colon", problem(function() local _ = ws.receive() end))
   end)

   it("inside a callback takes what is there, and raises if it would have to wait", function()
      local ws = connected(servers.script({ "status101", steps.bytes("\129\1a\129\1b"), "await-eof" }))
      assert.equal("a", ws:receive(30)) -- the other one has arrived with it
      local results = {}
      websocket.defer(function()
         results[1] = ws:receive()
         results[2] = select(3, ws:receive(0))
         results[3] = expect.raised_here(function() local _ = ws:receive() end)
      end)
      websocket.poll()
      assert.same({ "b", "timeout",
         "receive cannot wait inside a callback: do that in a function that websocket.spawn has started" }, results)
      ws:terminate()
   end)

   it("goes on after an error that has left the loop", function()
      local ws = connected(servers.url("/echo"))
      websocket.set_error_handler("raise")
      websocket.after(0.01, function() error("stop", 0) end)
      assert.same({ false, "stop" }, { pcall(ws.receive, ws) })
      ws:send("hello")
      assert.same({ "hello", "text" }, { ws:receive(30) })
   end)

   it("goes on where a lost connection is opened again", function()
      local ws = connected(servers.script({ "status101", steps.text("one"), "fin" }),
         { reconnect = { min_delay = 0.01, max_delay = 0.01 } })
      for _ = 1, 3 do
         assert.equal("one", ws:receive(30))
      end
      ws:close()
   end)
end)

describe("messages", function()
   after_each(finish)

   it("goes through all messages until the end", function()
      local ws = connected(servers.url("/push", { count = 50, size = 5, ["then"] = "close" }))
      local count = 0
      for message, kind in ws:messages() do
         count = count + 1
         assert.equal(("%d:"):format(count), message:match("^%d+:"))
         assert.equal("text", kind)
      end
      assert.equal(50, count)
      assert.equal("closed", ws:status())
      for _ in ws:messages() do
         error("there is none left")
      end
   end)
end)
