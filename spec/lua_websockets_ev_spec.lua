-- The clients of lua-websockets that have callbacks. Their loop does not matter here: the specs poll.
local child = require "child"
local client = require "client"
local engine = require "engine"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

local events = require "websocket.client.events"

describe("a client with callbacks", function()
   local ws, calls

   -- Makes a client whose callbacks are recorded, without the client, which each of them gets first.
   local function new(config)
      local made, list = events.new(config), {}
      for _, name in ipairs { "open", "message", "close", "error" } do
         made["on_" .. name](made, function(self, ...)
            assert.equal(made, self)
            list[#list + 1] = { name, ... }
         end)
      end
      ws, calls = made, list
      return ws
   end

   local function wait(count)
      return engine.wait_count(calls, count)
   end

   -- Makes a client and waits until it is open.
   local function open(url, protocols, config)
      new(config):connect(url, protocols)
      assert.equal("open", wait(1)[1])
      return ws
   end

   before_each(engine.watch)
   after_each(engine.finish)

   it("opens with the subprotocol and the headers, and returns nothing", function()
      new()
      assert.equal("CLOSED", ws.state)
      assert.equal(0, select("#", ws:connect(servers.url("/protocol", { choose = "echo" }), "echo")))
      assert.equal("CONNECTING", ws.state)
      local call = wait(1)
      assert.same({ "open", "echo" }, { call[1], call[2] })
      assert.equal("echo", call[3]["sec-websocket-protocol"])
      assert.equal("websocket", call[3]["upgrade"])
      assert.equal("OPEN", ws.state)
   end)

   it("sends and receives texts and bytes, with their opcodes", function()
      open(servers.url "/echo")
      assert.equal(0, select("#", ws:send "Hello again"))
      ws:send("\255", websocket.BINARY)
      wait(3)
      assert.same({ { "message", "Hello again", 1 }, { "message", "\255", 2 } }, { calls[2], calls[3] })
   end)

   it("sends what was sent before open", function()
      new():connect(servers.url "/echo")
      ws:send "early"
      wait(2)
      assert.same({ "message", "early", 1 }, calls[2])
   end)

   it("sends pings, and takes pongs for done", function()
      local token = servers.token()
      open(servers.url("/echo", { token = token }))
      ws:send("beat", websocket.PING)
      ws:send("beat", websocket.PONG)
      ws:send "after"
      assert.same({ "message", "after", 1 }, wait(2))
      assert.equal(1, client.report(token, "pings:1").pings)
   end)

   it("reports a second connect, and stays open", function()
      open(servers.url "/echo")
      ws:connect(servers.url "/echo")
      assert.same({ "error", "wrong state" }, calls[2])
      assert.equal("OPEN", ws.state)
   end)

   it("reports another scheme, and raises for what is no URL", function()
      new():connect "ws2://127.0.0.1:1"
      assert.same({ "error", "bad protocol" }, calls[1])
      assert.matches("^invalid URL", expect.raised_here(function() ws:connect "no url" end))
      assert.equal("CLOSED", ws.state)
   end)

   it("reports what cannot be reached in LuaSocket's words, and is closed", function()
      new():connect "ws://nosuch.invalid"
      assert.same({ "error", "host or service not provided, or not known" }, wait(1))
      assert.equal("CLOSED", ws.state)
      new():connect(servers.url("/", nil, "refused"))
      assert.same({ "error", "connection refused" }, wait(1))
      assert.equal("CLOSED", ws.state)
   end)

   it("reports a server that refuses, and is closed", function()
      new():connect(servers.url("/status", { code = 403 }))
      assert.same({ "error", "accept failed" }, wait(1))
      assert.equal("CLOSED", ws.state)
      ws:close()
      assert.equal(1, #calls)
   end)

   it("reports a server that ends while connecting; then close calls on_close, and connect works", function()
      new():connect(servers.url("/", nil, "eof"))
      assert.same({ "error", "accept failed" }, wait(1))
      assert.equal("CONNECTING", ws.state)
      ws:close()
      assert.same({ "close", false, 1006, "" }, calls[2])
      assert.equal("CLOSED", ws.state)
      ws:connect(servers.url "/echo")
      assert.equal("open", wait(3)[1])
   end)

   it("prints errors for which there is no callback", function()
      local printed
      local print = _G.print
      _G.print = function(...) printed = { ... } end
      package.loaded["websocket.client.events"] = nil
      local ok, problem = pcall(function()
         require("websocket.client.events").new():connect "ws2://x"
      end)
      _G.print = print
      package.loaded["websocket.client.events"] = events
      assert.is_true(ok, problem)
      assert.same({ "Error", "bad protocol" }, printed)
   end)

   it("closes at once while it is connecting", function()
      new():connect(servers.url "/echo")
      ws:close()
      assert.same({ { "close", false, 1006, "" } }, calls)
      assert.equal("CLOSED", ws.state)
      websocket.run()
      assert.equal(1, #calls)
   end)

   it("closes cleanly, with 1005 for whatever the server answers", function()
      local token = servers.token()
      open(servers.url("/echo", { token = token }))
      ws:close(4001, "lost interest")
      assert.equal("CLOSING", ws.state)
      ws:close()
      assert.same({ "close", true, 1005, "" }, wait(2))
      assert.equal("CLOSED", ws.state)
      local record = client.report(token, "close")
      assert.same({ 4001, "lost interest" }, { record.close, record.reason })
      websocket.run()
      assert.equal(2, #calls)
   end)

   it("gives up a close that the server does not answer in time", function()
      open(servers.url "/silent")
      ws:close(1000, "", 0.05)
      assert.same({ "close", false, 1006, "timeout" }, wait(2))
      websocket.run()
      assert.equal(2, #calls)
   end)

   it("reports the server's Close", function()
      open(servers.url("/close", { code = 4000, reason = "bye" }))
      assert.same({ "close", true, 4000, "bye" }, wait(2))
      open(servers.url "/close")
      assert.same({ "close", true, 1005, "" }, wait(2))
   end)

   it("reports an end without a Close, and a violation", function()
      open(servers.script { "status101", "fin" })
      assert.same({ "close", false, 1006, "closed" }, wait(2))
      open(servers.script { "status101", steps.frame(0x83, "x"), "await-close" })
      local call = wait(2)
      assert.same({ "close", false, 1002 }, { call[1], call[2], call[3] })
   end)

   it("connects again in on_close", function()
      open(servers.url "/close")
      ws:on_close(function(self)
         self:on_close(nil)
         self:connect(servers.url "/echo")
      end)
      assert.equal("open", wait(2)[1])
      ws:send "again"
      assert.same({ "message", "again", 1 }, wait(3))
   end)

   it("drops what is sent after the end", function()
      open(servers.url "/close")
      wait(2)
      ws:send "late"
      assert.equal(2, #calls)
   end)

   it("reports a message for which there is no space", function()
      open(servers.url "/stall", nil, { options = { max_buffered = 1 } })
      local megabytes = ("x"):rep(16 * 1024 * 1024)
      for _ = 1, 3 do
         ws:send(megabytes)
      end
      assert.equal("error", calls[2][1])
      assert.equal("OPEN", ws.state)
   end)

   it("raises at the script's line for what cannot be sent", function()
      open(servers.url "/echo")
      assert.matches("UTF%-8", expect.raised_here(function() ws:send "\255" end))
      assert.matches("^message must be a string", expect.raised_here(function() ws:send(5) end))
      assert.matches("^opcode must be TEXT", expect.raised_here(function() ws:send("x", 8) end))
      assert.matches("code", expect.raised_here(function() ws:close(99) end))
   end)

   it("has wss, and the same ssl_params as the others", function()
      new():connect(servers.url("/echo", nil, "wss"), nil, { cafile = servers.file "ca.pem" })
      assert.equal("open", wait(1)[1])
      assert.matches("tls%.fingerprint", expect.raised_here(function()
         new():connect("wss://192.0.2.1/", nil, { verify = "none" })
      end))
   end)

   it("works without callbacks", function()
      local plain = events.new()
      plain:connect(servers.url("/push", { count = 1, ["then"] = "close" }))
      engine.wait(function() return plain.state == "CLOSED" end)
   end)
end)

-- A loop as lua-ev has it, whose watchers the spec calls.
local function imitation()
   local ev = { READ = 1, Loop = { default = "the default loop" }, IO = {} }
   function ev.IO.new(callback)
      local watcher = {}
      function watcher.start(_, loop) ev.loop, ev.callback = loop, callback end
      function watcher.stop() ev.callback = nil end
      return watcher
   end
   return ev
end

describe("websocket.client.ev", function()
   local is_there = child.run("require 'ev'").status == 0
   local clients = require "websocket.client"

   after_each(client.finish)

   -- In a process of its own: libev handles signals, and crashes where the end of a Lua state has unloaded it.
   it("runs in the loop of lua-ev", function()
      if not is_there then
         return pending("this Lua has no module ev")
      end
      local result = child.run(([[
         local ev = require "ev"
         local ws = require("websocket").client.ev()
         ws:on_open(function() ws:send "hello" end)
         ws:on_message(function(_, message)
            print(message)
            ws:close()
         end)
         ws:on_close(function() ev.Loop.default:unloop() end)
         ws:connect(%q)
         ev.Loop.default:loop()
      ]]):format(servers.url "/echo"))
      assert.same({ "hello\n", 0 }, { result.output, result.status })
   end)

   for _, loop in ipairs { "the default loop", "a loop of the script" } do
      it("is driven by " .. loop, function()
         if is_there then
            return pending("this Lua has lua-ev itself")
         end
         local imitated = imitation()
         package.loaded.ev = imitated
         local received
         local ws = clients.ev(loop ~= "the default loop" and { loop = loop } or nil)
         ws:on_open(function() ws:send "hello" end)
         ws:on_message(function(_, message) received = message end)
         ws:connect(servers.url "/echo")
         assert.equal(loop, imitated.loop)
         local deadline = client.now() + 30
         while not received and client.now() < deadline do
            imitated.callback()
         end
         ws:close()
         require("websocket.loop.ev").detach()
         clients.ev = nil
         for _, name in ipairs { "ev", "websocket.loop.ev", "websocket.client_ev" } do
            package.loaded[name] = nil
         end
         assert.equal("hello", received)
      end)
   end
end)
