local client = require "client"
local engine = require "engine"
local expect = require "expect"
local miniprogram = require "miniprogram"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"
local actions = require "websocket.actions"

local call = miniprogram.call
local create = miniprogram.create
local names = miniprogram.names
local open = miniprogram.open
local refused = miniprogram.refused
local wait_for = miniprogram.wait_for

describe("the actions shape", function()
   before_each(function()
      engine.watch()
      miniprogram.start()
   end)

   after_each(engine.finish)

   describe("a host", function()
      it("reports what can be used", function()
         local known = { "can-use", "websocket-create", "websocket-send", "websocket-close", "websocket-event" }
         for _, action in ipairs(known) do
            assert.same({ result = true }, call("can-use", { action = action }))
         end
         assert.same({ result = false }, call("can-use", { action = "camera-open" }))
      end)

      it("replies with an error to an unknown action and to a missing one", function()
         assert.equal('unknown action: "camera-open"', (refused("camera-open", {})))
         assert.equal("unknown_action", select(2, refused("camera-open", {})))
         assert.equal('unknown action: "\239\191\189"', (refused("\255")))
         assert.equal(('unknown action: "%s"...'):format(("x"):rep(100)), (refused(("x"):rep(1000))))
         for _, action in ipairs { 1, true, {}, print } do
            assert.equal("invalid_argument", select(2, refused(action, {})))
         end
         assert.equal("invalid_argument", select(2, refused(nil)))
      end)

      it("replies with an error to a payload that is not a table", function()
         for _, payload in ipairs { "text", 1, true } do
            assert.matches("^payload must be a table", (refused("websocket-create", payload)))
         end
      end)

      it("names the required property that is missing", function()
         for action, list in pairs {
            ["can-use"] = { "action" },
            ["websocket-create"] = { "url" },
            ["websocket-send"] = { "id", "type", "data" },
            ["websocket-close"] = { "id" },
         } do
            for _, missing in ipairs(list) do
               local payload = { action = "x", url = "ws://127.0.0.1/", id = "x", type = "text", data = "x" }
               payload[missing] = nil
               local text, code = refused(action, payload)
               assert.equal(("%s needs the property %q"):format(action, missing), text)
               assert.equal("missing_property", code)
            end
            assert.equal("missing_property", select(2, refused(action)))
         end
      end)

      it("names the property whose type is wrong", function()
         for _, case in ipairs {
            { "can-use", "action", 1 }, { "websocket-create", "url", 1 }, { "websocket-create", "headers", "a: b" },
            { "websocket-create", "protocols", "chat" }, { "websocket-send", "id", 1 }, { "websocket-send", "type", 1 },
            { "websocket-close", "id", {} }, { "websocket-close", "code", "1000" }, { "websocket-close", "reason", 1 },
         } do
            local payload = { action = "x", url = "ws://127.0.0.1/", id = "x", type = "text", data = "x" }
            payload[case[2]] = case[3]
            assert.matches(('^property "%s" of %s must be a'):format(case[2], case[1]:gsub("%-", "%%-")),
               (refused(case[1], payload)))
         end
      end)

      it("never raises, whatever the payload's metatables do", function()
         local trap = setmetatable({}, { __index = function() error "trap" end })
         assert.equal("missing_property", select(2, refused("websocket-create", trap)))
      end)

      it("calls each listener in order, with the event and its name", function()
         local order = {}
         miniprogram.host:on("websocket-event", function(event, name)
            order[#order + 1] = { name, event.name, #miniprogram.log }
         end)
         open()
         assert.same({ { "websocket-event", "open", 1 } }, order)
      end)

      it("raises for a wrong listener and for a wrong configuration", function()
         local host = miniprogram.host
         assert.equal('unknown event: "websocket-message", the only event is websocket-event',
            expect.raised_here(function() host:on("websocket-message", print) end))
         assert.equal("unknown event: a table, the only event is websocket-event",
            expect.raised_here(function() host:on({}, print) end))
         for _, wrong in ipairs {
            function() host:on("websocket-event", "print") end,
            function() actions.new "options" end,
            function() actions.new { on_event = 1 } end,
            function() actions.new { options = 1 } end,
            function() host:post "websocket-create" end,
            function() host:post { action = "can-use", callback = 1 } end,
         } do
            assert.matches(" must be a .*, got ", expect.raised_here(wrong))
         end
         actions.new()
      end)

      it("says how to call a method that is called with a dot, and new with a colon", function()
         local host = miniprogram.host
         for name, wrong in pairs {
            on = function() host.on("websocket-event", print) end,
            post = function() host.post { action = "can-use" } end,
            enter_background = function() host.enter_background() end,
         } do
            assert.equal("call it as host:" .. name .. "(...), with a colon", expect.raised_here(wrong))
         end
         for _, reply in ipairs { host.call("can-use", {}), host.call({}), host.call() } do
            assert.same({ error = "call it as host:call(...), with a colon", code = "invalid_argument" }, reply)
         end
         assert.equal("call it as actions.new{...}, with a dot", expect.raised_here(function() actions:new {} end))
      end)

      it("delivers the reply to a post in a later poll, with the callbackId", function()
         local callback, calls = engine.recorder()
         miniprogram.host:post {
            action = "can-use", payload = { action = "can-use" }, callbackId = "cb-1", callback = callback,
         }
         miniprogram.host:post { action = "nothing", callbackId = 7, callback = callback }
         miniprogram.host:post { action = "can-use" }
         assert.equal(0, #calls)
         engine.wait_count(calls, 2)
         assert.same({ n = 2, { result = true }, "cb-1" }, calls[1])
         assert.same({ n = 2, { error = 'unknown action: "nothing"', code = "unknown_action" }, 7 }, calls[2])
      end)

      it("delivers the reply before the events that the action causes, however fast they come", function()
         websocket.new = function(_, on_event)
            websocket.defer(function() on_event "open" end) -- it is open before the call returns
            return { response = function() return { headers = {} } end }
         end
         local id
         miniprogram.host:post {
            action = "websocket-create",
            payload = { url = "ws://127.0.0.1/" },
            callback = function(reply)
               assert.same({}, miniprogram.log)
               id = reply.id
            end,
         }
         engine.wait_count(miniprogram.log, 1)
         assert.equal(id, miniprogram.log[1].id)
         assert.equal("string", type(id))
      end)

      it("performs a posted action at once", function()
         miniprogram.host:post { action = "websocket-create", payload = { url = servers.url "/echo" } }
         assert.equal(1, engine.count())
      end)
   end)

   describe("websocket-create", function()
      it("replies with an id, a string that no host uses again", function()
         local seen = {}
         for _ = 1, 3 do
            for _, one in ipairs { miniprogram.host, actions.new() } do
               local reply = one:call("websocket-create", { url = servers.url "/echo" })
               assert.equal("string", type(reply.id))
               assert.is_nil(seen[reply.id])
               seen[reply.id] = true
               one:enter_background()
            end
         end
      end)

      it("takes ws and wss, and nothing else", function()
         miniprogram.start { tls = { ca_file = servers.file "ca.pem" } }
         open(servers.url "/echo")
         open(servers.url("/echo", nil, "wss"))
         for _, url in ipairs { "http://127.0.0.1/", "nothing", "ws://", "ws://127.0.0.1/#here", "" } do
            assert.equal("invalid_argument", select(2, refused("websocket-create", { url = url })))
         end
      end)

      local function head(headers, options)
         miniprogram.start(options)
         local id = open(servers.url "/headers", { headers = headers })
         return wait_for(id, "message").data
      end

      it("sends content-type: application/json by default", function()
         local _, count = head(nil):gsub("\ncontent%-type: application/json\r", "")
         assert.equal(1, count)
      end)

      it("keeps a content-type in any case", function()
         local text = head { ["Content-TYPE"] = "text/plain" }
         assert.matches("\nContent%-TYPE: text/plain\r", text)
         assert.is_nil(text:find("application/json", 1, true))
      end)

      it("drops Referer in any case", function()
         local text = head { Referer = "a", referer = "b", REFERER = "c", ["X-Kept"] = "d" }
         assert.is_nil(text:lower():find("referer", 1, true))
         assert.matches("\nX%-Kept: d\r", text)
      end)

      it("replaces headers of the host's options by those of the payload", function()
         local text = head({ ["x-both"] = "payload" }, { headers = { ["X-Both"] = "host", ["X-Host"] = "h" } })
         assert.matches("\nx%-both: payload\r", text)
         assert.matches("\nX%-Host: h\r", text)
         assert.is_nil(text:find("X%-Both"))
      end)

      it("refuses headers that belong to the handshake, and invalid ones", function()
         for _, headers in ipairs {
            { Connection = "x" }, { upgrade = "x" }, { ["Sec-WebSocket-Key"] = "x" }, { ["no name"] = "x" },
            { ["X-A"] = "line\r\nbreak" }, { ["X-A"] = 1 }, { "X-A: b" },
         } do
            assert.equal("invalid_argument", select(2, refused("websocket-create", {
               url = "ws://127.0.0.1/", headers = headers,
            })))
         end
         assert.equal(0, engine.count())
      end)

      it("offers the subprotocols, and refuses invalid ones", function()
         local id = open(servers.url("/headers", { protocol = "b" }), { protocols = { "a", "b" } })
         assert.matches("\nSec%-WebSocket%-Protocol: a, b\r", wait_for(id, "message").data)
         for _, protocols in ipairs { { "a", "a" }, { "no token" }, { 1 } } do
            assert.equal("invalid_argument", select(2, refused("websocket-create", {
               url = "ws://127.0.0.1/", protocols = protocols,
            })))
         end
      end)

      it("replies with an error where the options of the host are wrong", function()
         miniprogram.start { ca_flie = 1 }
         assert.matches("ca_flie", (refused("websocket-create", { url = "ws://127.0.0.1/" })))
      end)
   end)

   describe("holds at most five connections:", function()
      local function five()
         local ids = {}
         for index = 1, 5 do
            ids[index] = open()
         end
         return ids
      end

      it("the sixth evicts the oldest with 1001", function()
         local token = servers.token()
         local first = open(servers.url("/echo", { token = token }))
         for _ = 1, 4 do
            open()
         end
         local sixth = create()
         assert.equal("open", names(first))
         websocket.poll()
         assert.same({ code = 1001, reason = "" }, wait_for(first, "close"))
         wait_for(sixth, "open")
         assert.equal(1001, client.report(token, "close").close)
         assert.equal("unknown_id", select(2, refused("websocket-send", { id = first, type = "text", data = "x" })))
      end)

      it("later events of an evicted connection are dropped, its real end too", function()
         local first = open(servers.script {
            "status101", "await-close", steps.text "late", steps.frame(0x83, "violation"),
         })
         for _ = 1, 5 do
            open()
         end
         engine.wait(function()
            return engine.made(1).ws:status() == "closed"
         end)
         assert.equal("open close", names(first))
      end)

      it("a sixth with wrong arguments evicts none", function()
         local ids = five()
         refused("websocket-create", { url = "http://127.0.0.1/" })
         refused("websocket-create", { url = servers.url "/", headers = { Connection = "x" } })
         refused("websocket-create", {})
         for _, id in ipairs(ids) do
            assert.same({}, call("websocket-send", { id = id, type = "text", data = "x" }))
         end
      end)

      it("a seventh at once evicts the second", function()
         local ids = five()
         create()
         create()
         wait_for(ids[1], "close")
         wait_for(ids[2], "close")
         assert.same({}, call("websocket-send", { id = ids[3], type = "text", data = "x" }))
         assert.equal("open close open close open", names(ids[1]) .. " " .. names(ids[2]) .. " " .. names(ids[3]))
      end)

      it("one that is connecting counts", function()
         local first = create(servers.url("/", nil, "silent"))
         five()
         assert.same({ code = 1001, reason = "" }, wait_for(first, "close"))
         assert.equal("close", names(first))
      end)

      it("a connection stops counting at websocket-close and at its end", function()
         local ids = five()
         call("websocket-close", { id = ids[2] })
         open()
         assert.equal("open", names(ids[1]))
         local ended = open(servers.url("/close"))
         wait_for(ended, "close")
         assert.equal("open close", names(ids[1]))
         open()
         assert.equal("open", names(ids[3]))
         assert.same({}, call("websocket-send", { id = ids[3], type = "text", data = "x" }))
      end)
   end)

   it("enter_background closes all connections with 1001 and drops their later events", function()
      local tokens, ids = {}, {}
      for index = 1, 2 do
         tokens[index] = servers.token()
         ids[index] = open(servers.url("/echo", { token = tokens[index] }))
      end
      ids[3] = create(servers.url("/", nil, "silent"))
      miniprogram.host:enter_background()
      assert.equal("open", names(ids[1]))
      websocket.run()
      for index = 1, 3 do
         assert.same({ code = 1001, reason = "" }, wait_for(ids[index], "close"))
         assert.equal(index == 3 and "close" or "open close", names(ids[index]))
      end
      for _, token in ipairs(tokens) do
         assert.equal(1001, client.report(token, "close").close)
      end
      open()
   end)
end)
