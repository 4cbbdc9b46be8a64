-- The method close of websocket.whatwg's WebSocket: its arguments, and what it sends.
local client = require "client"
local page = require "whatwg_client"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

local NAN = 0 / 0

describe("the code of close", function()
   after_each(page.finish)

   local function try(recorder, ...)
      return page.raised(recorder.ws.close, recorder.ws, ...)
   end

   it("is 1000 or 3000-4999, else InvalidAccessError", function()
      local recorder = page.open(servers.url("/echo"))
      for _, code in ipairs({
         0, -1, 1, 999, 1001, 1002, 1003, 1004, 1005, 1006, 1011, 1015, 2999, 5000, 65535, 65536 + 1000, 1e300, -1e300,
         math.huge, -math.huge, NAN, 999.4, 1000.6, 2999.4, 2999.5 - 1, 4999.6, 5000.5, "string", "", "999", true,
         false,
         {}, print,
      }) do
         assert.equal("InvalidAccessError", try(recorder, code).name, tostring(code))
         assert.equal("InvalidAccessError", try(recorder, code, "reason").name, tostring(code))
         assert.equal(1, recorder.ws.readyState)
      end
   end)

   for _, case in ipairs({
      { 1000, 1000 }, { 3000, 3000 }, { 3001, 3001 }, { 4999, 4999 }, { 1000.0, 1000 }, { "1000", 1000 },
      { " 3000 ", 3000 }, { "0xBB8", 3000 }, { "4e3", 4000 }, { 999.5, 1000 }, { 1000.5, 1000 }, { 2999.5, 3000 },
      { 3000.5, 3000 },
      { 3001.5, 3002 }, { 4999.4, 4999 }, { 4998.5, 4998 },
   }) do
      it(("goes out as %d for %s"):format(case[2], tostring(case[1])), function()
         local token = servers.token()
         local recorder = page.open(servers.url("/echo", { token = token }))
         recorder.ws:close(case[1])
         local ended = page.drain(recorder)
         assert.equal(case[2], ended.code)
         assert.equal(tostring(case[2]), tostring(ended.code))
         assert.is_true(ended.wasClean)
         assert.equal(case[2], client.report(token, "close").close)
      end)
   end

   it("is checked before the reason", function()
      local recorder = page.open(servers.url("/echo"))
      assert.equal("InvalidAccessError", try(recorder, 1001, ("x"):rep(124)).name)
      assert.equal("InvalidAccessError", try(recorder, 0, {}).name)
   end)

   it("is checked in every state", function()
      local recorder = page.connect(servers.url("/echo"))
      assert.equal("InvalidAccessError", try(recorder, 1001).name)
      assert.equal(0, recorder.ws.readyState)
      recorder.ws:close()
      assert.equal("InvalidAccessError", try(recorder, 1001).name)
      page.drain(recorder)
      assert.equal("InvalidAccessError", try(recorder, 1001).name)
      assert.equal("SyntaxError", try(recorder, 1000, ("x"):rep(124)).name)
   end)
end)

describe("the reason of close", function()
   after_each(page.finish)

   it("is SyntaxError over 123 bytes of UTF-8, with a code or nil", function()
      local recorder = page.open(servers.url("/echo"))
      local ws = recorder.ws
      for _, reason in ipairs({ ("x"):rep(124), ("é"):rep(62), ("x"):rep(121) .. "\255" }) do
         for _, code in ipairs({ 1000, 3000, false }) do
            assert.equal("SyntaxError", page.raised(ws.close, ws, code or nil, reason).name)
         end
      end
      assert.equal(1, ws.readyState)
   end)

   for what, case in pairs({
      ["123 bytes"] = { ("x"):rep(123) },
      ["123 bytes of two each, and one"] = { ("é"):rep(61) .. "x" },
      ["nothing"] = { "" },
      ["a number, as tostring gives it"] = { 12, "12" },
      ["ill-formed UTF-8, mended before it is counted"] = {
         ("x"):rep(120) .. "\255", ("x"):rep(120) .. "\239\191\189",
      },
   }) do
      it("may be " .. what, function()
         local token = servers.token()
         local recorder = page.open(servers.url("/echo", { token = token }))
         recorder.ws:close(3000, case[1])
         local ended = page.drain(recorder)
         assert.equal(case[2] or case[1], ended.reason)
         assert.equal(case[2] or case[1], tostring(client.report(token, "close").reason or ""))
      end)
   end

   it("is TypeError where it is neither a string nor a number", function()
      local ws = page.open(servers.url("/echo")).ws
      for _, reason in ipairs({ true, {}, print }) do
         assert.equal("TypeError", page.raised(ws.close, ws, 1000, reason).name)
      end
   end)

   it("goes out with 1000 where there is no code", function()
      local token = servers.token()
      local recorder = page.open(servers.url("/echo", { token = token }))
      recorder.ws:close(nil, "done")
      local ended = page.drain(recorder)
      assert.same({ 1000, "done", true }, { ended.code, ended.reason, ended.wasClean })
      assert.equal(1000, client.report(token, "close").close)
   end)
end)

describe("close", function()
   after_each(page.finish)

   for what, arguments in pairs({
      ["no arguments"] = {}, ["nil"] = { nil }, ["nil twice"] = { nil, nil },
      ["an empty reason without a code"] = { nil, "" },
   }) do
      it("sends a Close frame without a body for " .. what, function()
         local token = servers.token()
         local recorder = page.open(servers.url("/count-messages", { token = token }))
         recorder.ws:close((unpack or table.unpack)(arguments, 1, 2)) -- luacheck: compat
         local ended = page.drain(recorder)
         assert.same({ 1005, "", true }, { ended.code, ended.reason, ended.wasClean })
         local frame = client.report(token, "frame.1")["frame.1"]
         assert.truthy(frame:find("opcode=8 fin=1 rsv=0 masked=1 length=0", 1, true))
      end)
   end

   it("lets messages that were sent before go out first", function()
      local token = servers.token()
      local recorder = page.open(servers.url("/count-messages", { token = token }))
      for index = 1, 20 do
         recorder.ws:send("message " .. index)
      end
      recorder.ws:close(1000)
      page.drain(recorder)
      local record = client.report(token, "close")
      assert.same({ 20, "message 20" }, { record.messages, record.last })
   end)

   it("has no effect when it is closing or closed", function()
      local token = servers.token()
      local recorder = page.open(servers.url("/echo", { token = token }))
      recorder.ws:close(3000, "first")
      recorder.ws:close(4000, "second")
      local ended = page.drain(recorder)
      assert.same({ 3000, "first" }, { ended.code, ended.reason })
      recorder.ws:close(4000, "third")
      assert.equal(3, recorder.ws.readyState)
      assert.equal(0, websocket.connections())
      assert.equal(0, websocket.poll())
      assert.equal("open close", page.names(recorder))
      assert.equal(3000, client.report(token, "close").close)
   end)

   it("returns nothing", function()
      local recorder = page.open(servers.url("/echo"))
      assert.equal(0, select("#", recorder.ws:send("x")))
      assert.equal(0, select("#", recorder.ws:close()))
      assert.equal(0, select("#", recorder.ws:close()))
   end)

   it("while connecting ends with error and close 1006, in a later poll", function()
      for _, port in ipairs({ "ws", "silent", "nowhere" }) do
         local recorder = page.connect(servers.url("/echo", nil, port), nil, { open_timeout = 60 })
         recorder.ws:close(3000, "early")
         assert.same({ 2, "" }, { recorder.ws.readyState, page.names(recorder) })
         local ended = page.drain(recorder)
         assert.equal("error close", page.names(recorder))
         assert.same({ 3, 3 }, recorder.states)
         assert.same({ 1006, "", false }, { ended.code, ended.reason, ended.wasClean })
      end
   end)

   it("while connecting fails the connection even where it is open and the event is not dispatched yet", function()
      local token = servers.token()
      local program = { "status101", steps.text("hello"), "log:sent", "await-eof" }
      local recorder = page.connect(servers.script(program, token))
      servers.await(token, "log.1")
      client.await_queued()
      recorder.ws:close()
      assert.equal(1006, page.drain(recorder).code)
      assert.equal("error close", page.names(recorder))
      assert.equal("", recorder.ws.protocol)
   end)

   it("of port 0 leaves the state CLOSING until the end is dispatched", function()
      local recorder = page.connect("ws://127.0.0.1:0/")
      recorder.ws:close()
      assert.equal(2, recorder.ws.readyState)
      page.drain(recorder)
      assert.equal("error close", page.names(recorder))
   end)
end)
