local client = require "client"
local clock = require "clock"
local engine = require "engine"
local overwolf_app = require "overwolf_app"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"
local overwolf = require "websocket.overwolf"

local NOT_OPEN = "The current state of the interface is not Open."
local create = overwolf_app.create
local names = overwolf_app.names
local open = overwolf_app.open
local record = overwolf_app.record
local result_of = overwolf_app.result_of
local wait_closed = overwolf_app.wait_closed

local function assert_exception(code, payload)
   assert.equal("table", type(payload.exception))
   assert.same({ code, payload.message }, { payload.exception.code, payload.exception.message })
end

describe("the Overwolf shape", function()
   before_each(engine.watch)
   after_each(engine.finish)

   describe("sends", function()
      it("text, and calls back with success when the message is taken", function()
         local token = servers.token()
         engine.elsewhere = servers.script({ "status101", "await:messages:1", "await-eof" }, token)
         local ow = open()
         assert.same({ success = true, status = "success" }, result_of(ow.send, "ABC"))
         assert.matches("^opcode=1 .* data=414243$", client.report(token, "messages:1")["frame.1"])
      end)

      it("with its callback before what the server answers, however fast that is", function()
         local log, hear = {}, nil
         websocket.new = function(_, on_event)
            hear = on_event
            return {
               status = function() return "open" end,
               send = function() -- the answer is there before the send returns
                  websocket.defer(function() hear("received", "answer", "text") end)
                  return true
               end,
               terminate = function() end,
            }
         end
         local ow = create()
         ow.onMessage.addListener(function(info) log[#log + 1] = info.message end)
         ow.connect()
         ow.send("question", function(result) log[#log + 1] = result.status end)
         engine.wait_count(log, 2)
         assert.same({ "success", "answer" }, log)
      end)

      it("nothing before it is open, nor after close, nor after the end", function()
         local token = servers.token()
         engine.elsewhere = servers.url("/echo", { token = token })
         local ow = create()
         local log = record(ow)
         local expected = { success = false, status = "error", error = NOT_OPEN }
         assert.same(expected, result_of(ow.send, "idle"))
         ow.connect()
         local callback, calls = engine.recorder()
         ow.send("connecting", callback)
         engine.wait_count(log, 1)
         assert.same(expected, engine.wait_count(calls, 1)[1])
         ow.close()
         ow.send("closing", callback)
         wait_closed(log)
         assert.same(expected, engine.wait_count(calls, 2)[1])
         assert.same(expected, result_of(ow.send, "closed"))
         assert.is_nil(client.report(token, "close").messages)
      end)

      it("nothing once the server's Close has arrived, even before it is dispatched", function()
         engine.elsewhere = servers.script { "status101", "await:messages:1", steps.close(1000), "await-close" }
         local ow, log = open()
         ow.send("go")
         local native = engine.made().ws
         for _ = 1, 500 do -- without a poll
            if select(3, native:ping()) == "closed" then
               break
            end
            clock.sleep(0.01)
         end
         assert.equal("open", native:status())
         assert.equal(NOT_OPEN, result_of(ow.send, "late").error)
         wait_closed(log)
      end)

      it("no message that is not a string or not UTF-8", function()
         local ow, log = open()
         assert.matches("^message must be a string, got number", result_of(ow.send, 1).error)
         assert.matches("not valid UTF%-8", result_of(ow.send, "a\255").error)
         assert.is_true(result_of(ow.send, "wörld").success)
         assert.equal("wörld", engine.wait_count(log, 2)[2].message)
      end)

      it("nothing that would exceed max_buffered, and calls back with an error", function()
         engine.elsewhere = servers.url "/stall"
         local ow, log = open(nil, { max_buffered = 1 })
         local megabytes = ("x"):rep(16 * 1024 * 1024)
         assert.is_true(result_of(ow.send, megabytes).success)
         local result = result_of(ow.send, megabytes)
         assert.is_false(result.success)
         assert.matches("send buffer full", result.error)
         assert.equal("onOpen", names(log))
      end)
   end)

   describe("reports", function()
      it("texts, bytes and pings by onMessage", function()
         local program = { "status101", steps.text("hé"), steps.binary("\255\0"), steps.frame(0x89, "p"),
            steps.frame(0x8a, "pong"), "await-close", "reply-close" }
         engine.elsewhere = servers.script(program)
         local ow, log = open()
         engine.wait_count(log, 4)
         ow.close()
         wait_closed(log)
         assert.same({
            { "onOpen", {} },
            { "onMessage", { message = "hé", type = "text" } },
            { "onMessage", { message = "\255\0", type = "binary" } },
            { "onMessage", { message = "p", type = "ping" } },
            { "onClosed", { code = 1000, reason = "" } },
         }, log)
      end)

      it("the server's code and reason by onClosed alone", function()
         engine.elsewhere = servers.url("/close", { code = 4001, reason = "bye" })
         local _, log = open()
         assert.same({ code = 4001, reason = "bye" }, wait_closed(log))
         assert.equal("onOpen onClosed", names(log))
      end)

      it("an end of the stream without a Close by onClosed alone, with 1006", function()
         engine.elsewhere = servers.url("/drop", { after = 0 })
         local _, log = open()
         assert.same({ code = 1006, reason = "" }, wait_closed(log))
         assert.equal("onOpen onClosed", names(log))
      end)

      it("a violation of the protocol by onError, then onClosed with 1006", function()
         engine.elsewhere = servers.script { "status101", steps.frame(0x83, "x"), "await-close" }
         local _, log = open()
         assert.same({ code = 1006, reason = "" }, wait_closed(log))
         assert.equal("onOpen onError onClosed", names(log))
         assert_exception("violation", log[2][2])
         assert.matches("reserved opcode", log[2][2].message)
      end)

      it("a lost connection by onError with its code, then onClosed with 1006", function()
         engine.elsewhere = servers.url("/reset", { after = 0 })
         local _, log = open()
         assert.same({ code = 1006, reason = "" }, wait_closed(log))
         assert.equal("onOpen onError onClosed", names(log))
         assert_exception("reset", log[2][2])
      end)

      it("messages that come after close", function()
         engine.elsewhere = servers.script { "status101", "await-close", steps.text "late", steps.close(1000) }
         local ow, log = open()
         ow.close()
         wait_closed(log)
         assert.equal("onOpen onMessage onClosed", names(log))
      end)
   end)

   describe("closes", function()
      it("with 1000", function()
         local token = servers.token()
         engine.elsewhere = servers.url("/echo", { token = token })
         local ow, log = open()
         ow.close()
         ow.close()
         wait_closed(log)
         assert.equal(1000, client.report(token, "close").close)
      end)

      it("while connecting: connect's callback gets an error, then onClosed has 1006, without onError", function()
         local ow = create { port = servers.ports().silent }
         local log = record(ow)
         ow.connect(function(result)
            log[#log + 1] = { "connect", result }
         end)
         ow.close()
         wait_closed(log)
         assert.equal("connect onClosed", names(log))
         assert.equal("error", log[1][2].status)
         assert.same({ code = 1006, reason = "" }, log[2][2])
      end)

      it("without effect while idle", function()
         local ow = create()
         local log = record(ow)
         ow.close()
         ow.connect()
         engine.wait_count(log, 1)
         assert.equal("onOpen", names(log))
      end)
   end)

   it("works when every function is called with a colon", function()
      local made
      overwolf.web:createWebSocket({ secured = false, port = servers.ports().ws }, function(result)
         made = result.client
      end)
      engine.wait(function() return made end)
      local heard = {}
      local function listener(payload)
         heard[#heard + 1] = payload
      end
      made.onMessage:addListener(listener)
      local results, calls = engine.recorder()
      made:connect(results)
      assert.is_true(engine.wait_count(calls, 1)[1].success)
      made:send("one", results)
      assert.is_true(engine.wait_count(calls, 2)[1].success)
      engine.wait_count(heard, 1)
      made.onMessage:removeListener(listener)
      made:send("two")
      local closed = 0
      made.onClosed:addListener(function()
         closed = closed + 1
      end)
      made:close()
      engine.wait(function() return closed == 1 end)
      assert.same({ { message = "one", type = "text" } }, heard)
   end)
end)
