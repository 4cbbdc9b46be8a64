local client = require "client"
local engine = require "engine"
local miniprogram = require "miniprogram"
local servers = require "servers"
local steps = require "steps"

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

   describe("websocket-send", function()
      local function frame(kind, data)
         local token = servers.token()
         local id = open(servers.script({ "status101", "await:messages:1", "await-eof" }, token))
         assert.same({}, call("websocket-send", { id = id, type = kind, data = data }))
         return client.report(token, "messages:1")["frame.1"]
      end

      it("sends a text", function()
         assert.matches("^opcode=1 .* data=68c3a9$", frame("text", "hé"))
      end)

      it("sends an arraybuffer with 0 and 255, also from floats", function()
         assert.matches("^opcode=2 .* data=00ff7f$", frame("arraybuffer", { 0, 255, 127 }))
      end)

      it("sends an empty list as an empty message", function()
         assert.matches("^opcode=2 .* length=0 ", frame("arraybuffer", {}))
      end)

      it("sends nothing where an argument is wrong", function()
         local token = servers.token()
         local id = open(servers.url("/echo", { token = token }))
         for _, case in ipairs {
            { "arraybuffer", { 1, 256 }, "element 2 is not a byte" },
            { "arraybuffer", { -1 }, "element 1 is not a byte" },
            { "arraybuffer", { 1.5 }, "element 1 is not a byte" },
            { "arraybuffer", { "1" }, "element 1 is not a byte" },
            { "arraybuffer", "text", "list of bytes expected, got string" },
            { "text", { 1 }, "must be a string, got table" },
            { "text", "a\255", "not valid UTF%-8" }, { "blob", "x", '", got "blob"$' },
         } do
            local text, code = refused("websocket-send", { id = id, type = case[1], data = case[2] })
            assert.matches(case[3], text)
            assert.equal("invalid_argument", code)
         end
         call("websocket-close", { id = id })
         wait_for(id, "close")
         assert.is_nil(client.report(token, "close").messages)
      end)

      it("sends nothing to an id that is unknown, connecting, closing or ended", function()
         local function code_of(id)
            return select(2, refused("websocket-send", { id = id, type = "text", data = "x" }))
         end
         assert.equal("unknown_id", code_of("websocket-0"))
         local id = create()
         assert.equal("not_open", code_of(id))
         wait_for(id, "open")
         call("websocket-close", { id = id })
         assert.equal("not_open", code_of(id))
         wait_for(id, "close")
         assert.equal("unknown_id", code_of(id))
         assert.equal("unknown_id", select(2, refused("websocket-close", { id = id })))
      end)

      it("refuses a message that would exceed max_buffered", function()
         miniprogram.start { max_buffered = 1 }
         local id = open(servers.url "/stall")
         local payload = { id = id, type = "text", data = ("x"):rep(16 * 1024 * 1024) }
         assert.same({}, miniprogram.host:call("websocket-send", payload))
         assert.equal("buffer_full", select(2, refused("websocket-send", payload)))
         assert.equal("open", names(id))
      end)
   end)

   describe("websocket-close", function()
      local function closed_with(payload)
         local token = servers.token()
         payload.id = open(servers.url("/echo", { token = token }))
         assert.same({}, call("websocket-close", payload))
         local reported = wait_for(payload.id, "close")
         local record = client.report(token, "close")
         assert.equal(record.close, reported.code)
         return record.close, record.reason
      end

      it("sends 1000 by default", function()
         assert.equal(1000, (closed_with {}))
      end)

      it("sends every code that may be sent, also from floats, with its reason", function()
         for _, code in ipairs { 1000, 1003, 1007, 1013, 3000, 4999 } do
            local sent, reason = closed_with { code = code, reason = "hé" }
            assert.equal(code, sent)
            assert.equal("hé", reason)
         end
      end)

      it("refuses other codes, 1005 among them", function()
         local id = open()
         for _, code in ipairs { 0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5, 0 / 0, math.huge } do
            local problem, kind = refused("websocket-close", { id = id, code = code })
            assert.equal("invalid_argument", kind)
            assert.matches("close code", problem)
         end
         assert.same({}, call("websocket-send", { id = id, type = "text", data = "still open" }))
      end)

      it("takes a reason of 123 bytes in UTF-8, and refuses 124 and what is not UTF-8", function()
         local id = open()
         local most = ("é"):rep(61) .. "x"
         assert.equal("invalid_argument", select(2, refused("websocket-close", { id = id, reason = most .. "y" })))
         assert.equal("invalid_argument", select(2, refused("websocket-close", { id = id, reason = "\255" })))
         local _, reason = closed_with { reason = most }
         assert.equal(most, reason)
      end)

      it("causes close 1006 without error while the connection is connecting", function()
         local id = create(servers.url("/", nil, "silent"))
         assert.same({}, call("websocket-close", { id = id }))
         assert.same({ code = 1006, reason = "" }, wait_for(id, "close"))
         assert.equal("close", names(id))
      end)

      it("delivers the messages that arrive after it until the end", function()
         local id = open(servers.script { "status101", "await-close", steps.text "late", steps.close(1000) })
         call("websocket-close", { id = id })
         wait_for(id, "close")
         assert.equal("open message close", names(id))
      end)
   end)

   describe("websocket-event", function()
      it("reports open with the headers of the response as UTF-8, repeated ones joined", function()
         local id = open(servers.url("/echo", { header = {
            "X-One: 1", "X-Two: a", "x-two: b", "Set-Cookie: c=1", "Set-Cookie: d=2",
         } }))
         local headers = wait_for(id, "open").headers
         assert.equal("1", headers["x-one"])
         assert.equal("a, b", headers["x-two"])
         assert.equal("c=1, d=2", headers["set-cookie"])
         assert.equal("websocket", headers["upgrade"]:lower())
         local lines = steps.switching("X-Latin: \233")
         local latin = open(servers.script { steps.head(lines), "await-eof" })
         assert.equal("\239\191\189", wait_for(latin, "open").headers["x-latin"])
      end)

      it("reports texts and arraybuffers, with 0 and 255", function()
         local id = open(servers.script { "status101", steps.text "hé", steps.binary "\0\255", steps.binary "" })
         wait_for(id, "close")
         local messages = {}
         for _, event in ipairs(miniprogram.log) do
            if event.name == "message" then
               messages[#messages + 1] = event.payload
            end
         end
         assert.same({
            { type = "text", data = "hé" },
            { type = "arraybuffer", data = { 0, 255 } },
            { type = "arraybuffer", data = {} },
         }, messages)
      end)

      it("reports the server's Close by close alone, with its code and reason", function()
         local id = create(servers.url("/close", { code = 4002, reason = "bye" }))
         assert.same({ code = 4002, reason = "bye" }, wait_for(id, "close"))
         assert.equal("open close", names(id))
      end)

      it("reports an end of the stream by close 1006 alone", function()
         local id = create(servers.url("/drop", { after = 0 }))
         assert.same({ code = 1006, reason = "" }, wait_for(id, "close"))
         assert.equal("open close", names(id))
      end)

      it("reports a failure by error, then close 1006", function()
         local id = create(servers.url("/", nil, "refused"))
         assert.same({ code = 1006, reason = "" }, wait_for(id, "close"))
         assert.equal("error close", names(id))
         assert.is_string(wait_for(id, "error").errMsg)
      end)

      it("reports a violation of the protocol by error, then close 1006", function()
         local id = create(servers.script { "status101", steps.frame(0x83, "x"), "await-close" })
         assert.same({ code = 1006, reason = "" }, wait_for(id, "close"))
         assert.equal("open error close", names(id))
         assert.matches("reserved opcode", wait_for(id, "error").errMsg)
      end)

      it("does not report pings and pongs", function()
         miniprogram.start { report_pings = true, report_closing = true }
         local id = create(servers.script {
            "status101", steps.frame(0x89, "ping"), steps.frame(0x8a, "pong"), steps.close(1000), "await-close",
         })
         wait_for(id, "close")
         assert.equal("open close", names(id))
      end)
   end)
end)
