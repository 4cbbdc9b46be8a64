local client = require "client"
local engine = require "engine"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"
local scripting = require "websocket.scripting"

local WebSocket, Data = scripting.WebSocket, scripting.Data

-- Calls a function that must raise, and returns the error's text.
local function raised(fn, ...)
   local ok, problem = pcall(fn, ...)
   assert.is_false(ok)
   assert.equal("string", type(problem.name))
   assert.equal("string", type(problem.message))
   return tostring(problem)
end

describe("the Scripting shape", function()
   before_each(engine.watch)
   after_each(engine.finish)

   -- Records what the properties are called with, as `{n, name, ...}`.
   local function record(ws)
      local log = {}
      for _, name in ipairs { "onopen", "onerror", "onmessage", "onclose" } do
         ws[name] = function(...)
            log[#log + 1] = { n = select("#", ...), name, ... }
         end
      end
      return log
   end

   local function connect(url, options)
      local ws = WebSocket(url, options)
      return ws, record(ws)
   end

   local function open(url, options)
      local ws, log = connect(url, options)
      assert.same({ n = 0, "onopen" }, engine.wait_count(log, 1))
      return ws, log
   end

   local function names(log)
      local list = {}
      for index, entry in ipairs(log) do
         list[index] = entry[1]
      end
      return table.concat(list, " ")
   end

   local function wait_closed(log)
      return engine.wait(function()
         return #log > 0 and log[#log][1] == "onclose" and log[#log]
      end)
   end

   describe("a WebSocket", function()
      it("raises for a wrong URL and for a missing one", function()
         for _, url in ipairs { "", "nothing", "http://127.0.0.1/", "ws://", "ws://127.0.0.1/#here" } do
            assert.matches("^TypeError: ", raised(WebSocket, url))
         end
         assert.equal("TypeError: url must be a string, got nil", raised(WebSocket))
         assert.equal("TypeError: url must be a string, got number", raised(WebSocket, 1))
         assert.equal(0, engine.count())
      end)

      it("has its url, which writing does not change", function()
         local url = servers.url "/echo"
         local ws = WebSocket(url)
         assert.equal(url, ws.url)
         ws.url = "ws://elsewhere/"
         assert.equal(url, ws.url)
      end)

      it("passes its options to the engine", function()
         local _, log = open(servers.url "/headers", { headers = { ["X-Mine"] = "yes" } })
         assert.matches("\nX%-Mine: yes\r", engine.wait_count(log, 2)[2])
         assert.matches("ca_flie", raised(WebSocket, "ws://127.0.0.1/", { ca_flie = 1 }))
      end)

      it("has nil in all four properties at first, and then what was set", function()
         local ws = WebSocket(servers.url "/echo")
         for _, name in ipairs { "onopen", "onerror", "onmessage", "onclose" } do
            assert.is_nil(ws[name])
            ws[name] = print
            assert.equal(print, ws[name])
            ws[name] = nil
            assert.is_nil(ws[name])
            assert.matches("^TypeError: " .. name, raised(function() ws[name] = "print" end))
         end
      end)

      it("keeps its methods when a script sets them, and keeps other names that a script sets", function()
         local ws = WebSocket(servers.url "/echo")
         local send = ws.send
         ws.send, ws.mine = print, 1
         assert.equal(send, ws.send)
         assert.equal(1, ws.mine)
      end)

      it("raises an error that asks for a colon when a method is called with a dot", function()
         local ws = WebSocket(servers.url "/echo")
         for _, name in ipairs { "send", "close", "addEventListener", "removeEventListener" } do
            assert.equal(("TypeError: call ws:%s(...) with a colon"):format(name), raised(ws[name], "open", print))
            assert.equal(("TypeError: call ws:%s(...) with a colon"):format(name), raised(ws[name]))
         end
      end)
   end)

   describe("reports", function()
      it("open without arguments, messages with one, and close with one, nil for no reason", function()
         local ws, log = open(servers.url "/echo")
         ws:send("hé")
         assert.same({ n = 1, "onmessage", "hé" }, engine.wait_count(log, 2))
         ws:close()
         assert.same({ n = 1, "onclose", nil }, wait_closed(log))
         assert.equal("onopen onmessage onclose", names(log))
      end)

      it("a binary message as Data", function()
         local _, log = open(servers.script { "status101", steps.binary "\0\255" })
         local message = engine.wait_count(log, 2)[2]
         assert.is_true(Data.is(message))
         assert.same({ 0, 255 }, message:getBytes())
      end)

      it("the server's reason by close", function()
         local _, log = connect(servers.url("/close", { code = 4000, reason = "bye" }))
         assert.same({ n = 1, "onclose", "bye" }, wait_closed(log))
      end)

      it("an end of the stream by close alone", function()
         local _, log = connect(servers.url("/drop", { after = 0 }))
         assert.same({ n = 1, "onclose", nil }, wait_closed(log))
         assert.equal("onopen onclose", names(log))
      end)

      it("a failure by an error with name, message and text, then close with nil", function()
         local _, log = connect(servers.url("/", nil, "refused"))
         assert.same({ n = 1, "onclose", nil }, wait_closed(log))
         assert.equal("onerror onclose", names(log))
         assert.equal(1, log[1].n)
         local problem = log[1][2]
         assert.equal("Error", problem.name)
         assert.equal("connect", problem.code)
         assert.equal("Error: " .. problem.message, tostring(problem))
      end)

      it("a violation of the protocol by an error, then close with nil", function()
         local _, log = connect(servers.script { "status101", steps.frame(0x83, "x"), "await-close" })
         assert.same({ n = 1, "onclose", nil }, wait_closed(log))
         assert.equal("onopen onerror onclose", names(log))
         assert.matches("reserved opcode", log[2][2].message)
      end)

      it("no pings and pongs", function()
         local program = {
            "status101", steps.frame(0x89, "p"), steps.frame(0x8a, "p"), steps.close(1000), "await-close",
         }
         local _, log = connect(servers.script(program), { report_pings = true, report_closing = true })
         wait_closed(log)
         assert.equal("onopen onclose", names(log))
      end)
   end)

   describe("listens", function()
      it("to all four events, with the arguments of the properties", function()
         local log = {}
         local function listen(ws)
            for _, name in ipairs { "open", "error", "message", "close" } do
               ws:addEventListener(name, function(...)
                  log[#log + 1] = { n = select("#", ...), name, (...) }
               end)
            end
         end
         listen(WebSocket(servers.script { "status101", steps.text "hi", steps.close(1000, "bye"), "await-close" }))
         engine.wait_count(log, 3)
         assert.same({ { n = 0, "open" }, { n = 1, "message", "hi" }, { n = 1, "close", "bye" } }, log)
         listen(WebSocket(servers.url("/", nil, "refused")))
         engine.wait_count(log, 5)
         assert.equal(1, log[4].n)
         assert.equal("connect", log[4][2].code)
         assert.same({ n = 1, "close", nil }, log[5])
      end)

      it("not after a listener was removed, for all four events", function()
         local count = 0
         local function listener() count = count + 1 end
         for _, url in ipairs {
            servers.script { "status101", steps.text "hi", steps.close(1000), "await-close" },
            servers.url("/", nil, "refused"),
         } do
            local ws = WebSocket(url)
            for _, name in ipairs { "open", "error", "message", "close" } do
               ws:removeEventListener(name, listener)
               ws:addEventListener(name, listener)
               ws:removeEventListener(name, listener)
            end
         end
         websocket.run()
         assert.equal(0, count)
      end)

      it("by the property first, then by the listeners in order", function()
         local ws, order = WebSocket(servers.url "/echo"), {}
         local function logger(name)
            return function() order[#order + 1] = name end
         end
         local first = logger "first"
         ws:addEventListener("open", first)
         ws:addEventListener("open", logger "second")
         ws:addEventListener("open", first)
         ws.onopen = logger "property"
         engine.wait_count(order, 3)
         assert.same({ "property", "first", "second" }, order)
      end)

      it("not by a property that was cleared", function()
         local ws, log = connect(servers.url "/echo")
         ws.onopen = nil
         local opened
         ws:addEventListener("open", function() opened = true end)
         engine.wait(function() return opened end)
         assert.same({}, log)
      end)

      it("to no event of another name, and with nothing that cannot be called", function()
         local ws = WebSocket(servers.url "/echo")
         for _, method in ipairs { ws.addEventListener, ws.removeEventListener } do
            assert.matches('^TypeError: unknown event: "onopen"', raised(method, ws, "onopen", print))
            assert.matches("^TypeError: unknown event: nil", raised(method, ws, nil, print))
            assert.matches("^TypeError: unknown event: a table,", raised(method, ws, {}, print))
         end
         assert.matches("^TypeError: listener must be", raised(ws.addEventListener, ws, "open", nil))
      end)
   end)

   describe("sends", function()
      local function frame(message)
         local token = servers.token()
         local ws = open(servers.script({ "status101", "await:messages:1", "await-eof" }, token))
         ws:send(message)
         return client.report(token, "messages:1")["frame.1"]
      end

      it("a string as text", function()
         assert.matches("^opcode=1 .* data=68c3a9$", frame "hé")
      end)

      it("a Data as a binary frame", function()
         assert.matches("^opcode=2 .* data=00ff$", frame(Data.fromIntArray { 0, 255 }))
      end)

      it("nothing else, and no text that is not UTF-8", function()
         local token = servers.token()
         local ws, log = open(servers.url("/echo", { token = token }))
         for _, message in ipairs { 1, true, {}, print } do
            assert.matches("^TypeError: message must be a string or a Data", raised(ws.send, ws, message))
         end
         assert.matches("^TypeError: message must be", raised(ws.send, ws))
         assert.matches("^TypeError: message is not valid UTF%-8", raised(ws.send, ws, "a\255"))
         ws:close()
         wait_closed(log)
         assert.is_nil(client.report(token, "close").messages)
      end)

      it("at open the messages that were sent before, in order", function()
         local ws, log = connect(servers.url "/echo")
         ws:send("one")
         ws:send("two")
         engine.wait_count(log, 3)
         assert.same({ { n = 0, "onopen" }, { n = 1, "onmessage", "one" }, { n = 1, "onmessage", "two" } }, log)
      end)

      it("nothing after close and after the end, without an error", function()
         local token = servers.token()
         local ws, log = open(servers.url("/echo", { token = token }))
         ws:close()
         ws:send("late")
         wait_closed(log)
         ws:send("later")
         websocket.run()
         assert.equal("onopen onclose", names(log))
         assert.is_nil(client.report(token, "close").messages)
      end)

      it("nothing that would exceed max_buffered: onerror is called in a later poll, the connection stays", function()
         local program = { "sleep:1000", "status101", "await:messages:1", steps.text "got it", "await-eof" }
         local ws, log = connect(servers.script(program), { max_buffered = 1 })
         local heard
         ws:addEventListener("error", function(problem) heard = problem end)
         ws:send("taken")
         ws:send("dropped")
         assert.equal(0, #log)
         engine.wait_count(log, 3)
         assert.equal(heard, log[1][2])
         assert.equal("buffer_full", heard.code)
         assert.matches("^Error: send buffer full", tostring(heard))
         assert.same({ n = 1, "onmessage", "got it" }, log[3])
         assert.equal("onerror onopen onmessage", names(log))
      end)
   end)

   describe("closes", function()
      local function closed_with(...)
         local token = servers.token()
         local ws, log = open(servers.url("/echo", { token = token }))
         ws:close(...)
         wait_closed(log)
         local report = client.report(token, "close")
         return report.close, report.reason
      end

      it("with 1000 by default, with a reason or without", function()
         assert.equal(1000, (closed_with()))
         local code, reason = closed_with(nil, "bye")
         assert.equal(1000, code)
         assert.equal("bye", reason)
      end)

      it("with 1000 to 1003, also from floats", function()
         for code = 1000, 1003 do
            assert.equal(code, (closed_with(code * 1.0)))
         end
      end)

      it("with no other code", function()
         local ws, log = open(servers.url "/echo")
         for _, code in ipairs { 0, 999, 1004, 1005, 1006, 3000, 4999, 1000.5, 0 / 0, math.huge, "1000", true } do
            assert.matches("^RangeError: close code must be 1000 to 1003, got ", raised(ws.close, ws, code))
         end
         assert.equal("RangeError: close code must be 1000 to 1003, got a table", raised(ws.close, ws, {}))
         assert.equal('RangeError: close code must be 1000 to 1003, got "1000"', raised(ws.close, ws, "1000"))
         ws:send("still open")
         assert.same({ n = 1, "onmessage", "still open" }, engine.wait_count(log, 2))
      end)

      it("with a reason of at most 123 bytes of UTF-8", function()
         local most = ("é"):rep(61) .. "x"
         assert.equal(most, select(2, closed_with(1001, most)))
         local ws = WebSocket(servers.url "/echo")
         assert.matches("^RangeError: close reason too long: 124 bytes", raised(ws.close, ws, 1000, most .. "y"))
         assert.matches("^TypeError: close reason is not valid UTF%-8", raised(ws.close, ws, 1000, "\255"))
         assert.matches("^TypeError: close reason must be a string", raised(ws.close, ws, 1000, 1))
      end)

      it("once: a second close, and one after the end, has no effect", function()
         local token = servers.token()
         local ws, log = open(servers.url("/echo", { token = token }))
         ws:close(1001)
         ws:close(1002)
         wait_closed(log)
         ws:close(1003)
         websocket.run()
         assert.equal(1001, client.report(token, "close").close)
         assert.equal("onopen onclose", names(log))
      end)

      it("while connecting, with onclose(nil) alone", function()
         local ws, log = connect(servers.url("/", nil, "silent"))
         ws:close(1000, "mine")
         assert.same({ n = 1, "onclose", nil }, wait_closed(log))
         assert.equal("onclose", names(log))
      end)

      it("and still delivers the messages that arrive before the server's Close", function()
         local ws, log = open(servers.script { "status101", "await-close", steps.text "late", steps.close(1000) })
         ws:close()
         wait_closed(log)
         assert.equal("onopen onmessage onclose", names(log))
      end)
   end)
end)
