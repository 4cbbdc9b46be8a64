-- What the drop-in for Hammerspoon does where a script has no say, as Hammerspoon does it: time-outs, limits, the
-- Origin header, and objects that are collected.
local child = require "child"
local client = require "client"
local engine = require "engine"
local garbage = require "garbage"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"
local hammerspoon = require "websocket.hammerspoon"

local MIB = 1024 * 1024

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

   local function open(url)
      local ws = hammerspoon.new(url, callback)
      kept[#kept + 1] = ws
      engine.wait_count(calls, 1)
      assert.equal("open", calls[1][1])
      return ws
   end

   describe("by default", function()
      it("sends no keepalive pings, and waits 60 s for open and for the peer's Close", function()
         open(servers.url "/mysock")
         local options = engine.made().options
         assert.is_false(options.ping_interval)
         assert.equal(60, options.open_timeout)
         assert.equal(60, options.close_timeout)
      end)

      it("takes a message of more than 16 MiB", function()
         open(servers.url("/push", { count = 1, size = 17 * MIB, kind = "binary" }))
         engine.wait_count(calls, 2)
         assert.equal(17 * MIB, #calls[2][2])
      end)

      it("takes a message of more frames than other connections may have", function()
         local frames = 131072 + 1
         open(servers.script {
            "status101", steps.frame(0x01), steps.repeated(frames, "\0\0"), steps.frame(0x80, "end"), "await-eof",
         })
         engine.wait_count(calls, 2)
         assert.same({ n = 2, "received", "end" }, calls[2])
      end)

      it("drops no message where the server reads slowly", function()
         local token = servers.token()
         local ws = open(servers.script({ "status101", "sleep:200", "await:messages:3", "await-eof" }, token))
         for _ = 1, 3 do
            ws:send(("x"):rep(16 * MIB))
         end
         assert.equal(3, client.report(token, "messages:3").messages)
      end)
   end)

   it("lets its options replace its defaults one by one", function()
      hammerspoon.options = { close_timeout = 0.1, max_message_size = 10 }
      local ws = open(servers.url "/silent")
      assert.is_false(engine.made().options.ping_interval)
      assert.equal(60, engine.made().options.open_timeout)
      ws:close()
      engine.wait_count(calls, 2)
      assert.same({ n = 1, "closed" }, calls[2])
      open(servers.url("/push", { count = 1, size = 11 }))
      websocket.run()
      assert.same({ { n = 1, "open" }, { n = 1, "closed" }, { n = 1, "open" }, { n = 1, "closed" } }, calls)
   end)

   describe("sends an Origin header", function()
      local function origin_of(url)
         calls = (function() local fn, list = engine.recorder(); callback = fn; return list end)()
         open(url)
         engine.wait_count(calls, 2)
         return calls[2][2]:match("\nOrigin: ([^\r]*)\r")
      end

      it("of the URL's own host and port", function()
         assert.equal("http://127.0.0.1:" .. servers.ports().ws, origin_of(servers.url "/headers"))
         hammerspoon.options = { tls = { ca_file = servers.file "ca.pem" } }
         assert.equal("https://127.0.0.1:" .. servers.ports().wss, origin_of(servers.url("/headers", nil, "wss")))
      end)

      it("without user and password, and without the scheme's own port", function()
         engine.elsewhere = servers.url("/", nil, "refused")
         for url, expected in pairs {
            ["ws://example.com/mysock"] = "http://example.com",
            ["ws://example.com:80/"] = "http://example.com",
            ["http://example.com:8000/"] = "http://example.com:8000",
            ["wss://me:secret@example.com:443/"] = "https://example.com",
            ["https://example.com:80/"] = "https://example.com:80",
            ["ws://[::1]:8000/mysock"] = "http://[::1]:8000",
         } do
            kept[#kept + 1] = hammerspoon.new(url, callback)
            assert.equal(expected, engine.made().options.origin)
         end
      end)

      it("unless the options name another", function()
         hammerspoon.options = { origin = "https://mine.example" }
         assert.equal("https://mine.example", origin_of(servers.url "/headers"))
         hammerspoon.options = { headers = { oriGin = "https://other.example" } }
         origin_of(servers.url "/headers")
         assert.matches("\noriGin: https://other%.example\r", calls[2][2])
         assert.is_nil(calls[2][2]:find("\nOrigin:", 1, true))
      end)
   end)

   describe("closes silently when its object is collected", function()
      -- Makes a connection. Nothing refers to its object when this function has returned.
      local function drop(url, wait)
         hammerspoon.new(url, callback)
         if wait then
            -- The collector is stopped, so the object cannot be collected before `open`.
            engine.wait_count(calls, 1)
         end
      end

      local function collect()
         collectgarbage "restart"
         garbage.collect()
      end

      before_each(function() collectgarbage "stop" end)
      after_each(function() collectgarbage "restart" end)

      it("with 1000, and calls back no more", function()
         local token = servers.token()
         drop(servers.script({
            "status101", "await-close", steps.text "late", steps.close(1000), "await-eof",
         }, token), "until it is open")
         collect()
         assert.equal(1000, client.report(token, "close").close)
         websocket.run()
         assert.same({ { n = 1, "open" } }, calls)
      end)

      it("after what was sent before", function()
         local token = servers.token()
         local url = servers.url("/count-messages", { token = token })
         local function send_and_drop()
            local ws = hammerspoon.new(url, callback)
            engine.wait_count(calls, 1)
            ws:send "last words"
         end
         send_and_drop()
         collect()
         local record = client.report(token, "close")
         assert.same({ 1, "last words", 1000 }, { record.messages, record.last, record.close })
         websocket.run()
      end)

      for what, program in pairs {
         ["reads nothing"] = { "status101", "stall" },
         ["answers nothing"] = { "status101", "await-close", "await-eof" },
         ["sends messages without end"] = { "status101", steps.repeated(1000000000, "\129\1x") },
      } do
         it("within close_timeout where the server " .. what, function()
            hammerspoon.options = { close_timeout = 0.2 }
            drop(servers.script(program), "until it is open")
            collect()
            assert.is_true(client.poll_until(function() return websocket.connections() == 0 end))
         end)
      end

      it("while it is connecting", function()
         drop(servers.url("/", nil, "silent"))
         collect()
         websocket.run()
         assert.same({}, calls)
      end)

      it("after its end, without effect", function()
         drop(servers.url "/close", "until it is open")
         websocket.run()
         collect()
         assert.same({ { n = 1, "open" }, { n = 1, "closed" } }, calls)
      end)

      it("but not while its own callback refers to it", function()
         local log = {}
         local function connect()
            local ws
            ws = hammerspoon.new(servers.script { "status101", "await:messages:1", steps.text "hi", "await-close" },
               function(event, message)
                  log[#log + 1] = message or event
                  if event == "received" then
                     ws:close()
                  end
               end)
            return function() ws:send "go" end
         end
         local go = connect()
         engine.wait_count(log, 1)
         go()
         go = nil -- luacheck: ignore
         collect()
         websocket.run()
         assert.same({ "open", "hi", "closed" }, log)
      end)

      it("and leaves nothing of itself behind, though its callback refers to it", function()
         local weak = setmetatable({}, { __mode = "k" })
         local function connect()
            local ws
            ws = hammerspoon.new(servers.url "/close", function() return ws end)
            weak[ws] = true
         end
         connect()
         websocket.run()
         collect()
         garbage.await_collected(weak)
      end)

      it("and at the end of the Lua state, where nothing is reported", function()
         local token = servers.token()
         local ended = child.run(([[
            local hs = { websocket = require "websocket.hammerspoon" }
            local state = "new"
            ws = hs.websocket.new(%q, function(event) state = event end)
            local websocket = require "websocket"
            while state == "new" do websocket.poll(1) end
            assert(state == "open", state)
         ]]):format(servers.url("/mysock", { token = token })))
         assert.same({ "", 0 }, { ended.output, ended.status })
         assert.equal(1000, client.report(token, "close").close)
      end)
   end)
end)
