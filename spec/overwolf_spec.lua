local client = require "client"
local engine = require "engine"
local expect = require "expect"
local overwolf_app = require "overwolf_app"
local servers = require "servers"
local websocket = require "websocket"
local overwolf = require "websocket.overwolf"

local create = overwolf_app.create
local names = overwolf_app.names
local open = overwolf_app.open
local record = overwolf_app.record
local result_of = overwolf_app.result_of
local wait_closed = overwolf_app.wait_closed

describe("the Overwolf shape", function()
   before_each(engine.watch)
   after_each(engine.finish)

   describe("makes a client", function()
      it("for its port on 127.0.0.1, by ws and by wss", function()
         create({ port = 1 }).connect()
         assert.equal("ws://127.0.0.1:1/", engine.made().url)
         create({ port = 65535, secured = true }).connect()
         assert.equal("wss://127.0.0.1:65535/", engine.made().url)
      end)

      it("and answers with both spellings of success", function()
         local ow, result = create()
         assert.same({ success = true, status = "success", client = ow }, result)
      end)

      it("and answers a wrong port with an error in both spellings, which names what was given", function()
         for port, shown in pairs {
            [0] = "0", [65536] = "65536", [-1] = "-1", [80.5] = "80.5", ["61234"] = '"61234"', [true] = "a boolean",
            [math.huge] = "math.huge", [{}] = "a table",
         } do
            local _, result = create { port = port }
            assert.is_false(result.success)
            assert.equal("error", result.status)
            assert.equal("params.port must be an integer of 1 to 65535, got " .. shown, result.error)
            assert.is_nil(result.client)
         end
         local _, result = create { port = 0 / 0 }
         assert.equal("params.port must be an integer of 1 to 65535, got nan", result.error)
      end)

      it("for a port that is a float without a fraction", function()
         create({ port = servers.ports().ws * 1.0 }).connect()
         assert.equal("ws://127.0.0.1:" .. servers.ports().ws .. "/", engine.made().url)
      end)

      it("and answers with an error for other wrong parameters", function()
         for name, params in pairs {
            ["params.secured"] = { secured = "yes" },
            ["params.credentials"] = { credentials = "me" },
            ["params.credentials.username"] = { credentials = { password = "x" } },
            ["params.credentials.password"] = { credentials = { username = "x" } },
            ["params.protocols"] = { protocols = "chat" },
         } do
            local _, result = create(params)
            assert.is_false(result.success)
            assert.equal(name, result.error:match("^(%S+) must be a"))
         end
         local function with(...)
            return result_of(overwolf.web.createWebSocket, ...).error
         end
         assert.matches("^params must be a table", with("text"))
         assert.matches("^params%.secured must be", with({ port = 1 }))
         assert.matches("^params%.port must be", with({ secured = true }))
      end)

      it("whose class raises and names createWebSocket", function()
         local class = overwolf.web.websocket
         for _, fn in ipairs { class.connect, class.send, class.close, class.onOpen.addListener,
            class.onMessage.removeListener, class.onError.addListener, class.onClosed.addListener } do
            assert.error_matches(fn, "overwolf%.web%.createWebSocket")
         end
         assert.equal(class, getmetatable((create())).__index)
      end)

      it("and answers with an error for protocols that are no list", function()
         local function problem_with(protocols)
            local _, result = create { protocols = protocols }
            return result.error
         end
         assert.equal("params.protocols: list of strings expected, got a table with a string as key",
            problem_with { chat = "a" })
         assert.equal("params.protocols: list of strings expected, element 1 is missing", problem_with { [2] = "a" })
      end)

      it("and raises for a wrong callback, at the line that gave it", function()
         local ow = create()
         local web = overwolf.web
         for _, wrong in ipairs {
            function() web.createWebSocket({ secured = false, port = 1 }, "callback") end,
            function() web:createWebSocket({}, 5) end,
            function() ow.connect(1) end,
            function() ow:connect(1) end,
            function() ow.send("x", {}) end,
            function() ow:send("x", 5) end,
         } do
            assert.matches("^callback must be a function or callable, got ", expect.raised_here(wrong))
         end
         for _, wrong in ipairs {
            function() ow.onOpen.addListener(nil) end,
            function() ow.onOpen:addListener(5) end,
         } do
            assert.matches("^listener must be a function or callable, got ", expect.raised_here(wrong))
         end
         assert.matches("createWebSocket", expect.raised_here(function() web.websocket.connect() end))
      end)

      it("without callbacks anywhere", function()
         overwolf.web.createWebSocket({ secured = false, port = 0 })
         overwolf.web.createWebSocket({ secured = false, port = 1 }, nil)
         local ow, log = open()
         ow.connect()
         ow.send(1)
         ow.send("echo")
         engine.wait_count(log, 2)
         ow.close()
         wait_closed(log)
         ow.send("late")
         assert.equal("onOpen onMessage onClosed", names(log))
      end)
   end)

   it("has the enums of Overwolf's page, with the types that onMessage gets", function()
      local enums = overwolf.web.enums
      assert.same({ Ping = "ping", Binary = "binary", Text = "text" }, enums.MessageType)
      assert.same({ GET = "GET", HEAD = "HEAD", POST = "POST", PUT = "PUT", DELETE = "DELETE", PATCH = "PATCH" },
         enums.HttpRequestMethods)
      local ow, log = open()
      ow.send("echo")
      engine.wait_count(log, 2)
      assert.equal(enums.MessageType.Text, log[2][2].type)
   end)

   describe("connects", function()
      it("and calls back with success once, before onOpen", function()
         local ow = create()
         local order = {}
         ow.onOpen.addListener(function(payload)
            order[#order + 1] = { "onOpen", payload }
         end)
         ow.connect(function(result)
            order[#order + 1] = { "connect", result }
         end)
         assert.equal(0, #order)
         engine.wait_count(order, 2)
         ow.close()
         websocket.run()
         assert.same({ { "connect", { success = true, status = "success" } }, { "onOpen", {} } }, order)
      end)

      it("and calls back with the error once, before onError and onClosed with 1006", function()
         local ow = create { port = servers.ports().refused }
         local log = record(ow)
         ow.connect(function(result)
            log[#log + 1] = { "connect", result }
         end)
         wait_closed(log)
         assert.equal("connect onError onClosed", names(log))
         assert.is_false(log[1][2].success)
         assert.equal(log[1][2].error, log[2][2].message)
         local exception = log[2][2].exception
         assert.equal("table", type(exception))
         assert.same({ "connect", log[2][2].message }, { exception.code, exception.message })
         assert.equal("Error: " .. exception.message, tostring(exception))
         assert.same({ code = 1006, reason = "" }, log[3][2])
      end)

      it("but not twice while connecting, open or closing, nor before onClosed", function()
         local ow = create()
         local log = record(ow)
         local function refused()
            local result = result_of(ow.connect)
            assert.is_false(result.success)
            assert.matches("already listening", result.error)
         end
         ow.connect()
         refused()
         engine.wait_count(log, 1)
         refused()
         ow.close()
         refused()
         wait_closed(log)
         assert.equal(1, engine.count())
      end)

      it("but not in onError, before onClosed", function()
         local ow = create { port = servers.ports().refused }
         local log = record(ow)
         local callback, calls = engine.recorder()
         ow.onError.addListener(function()
            ow.connect(callback)
         end)
         ow.connect()
         wait_closed(log)
         assert.matches("already listening", engine.wait_count(calls, 1)[1].error)
      end)

      it("again after onClosed and in it, with its listeners kept", function()
         local ow, log = open()
         local again = true
         ow.onClosed.addListener(function()
            if again then
               again = false
               ow.connect()
            end
         end)
         ow.close()
         engine.wait_count(log, 3)
         ow.send("second")
         engine.wait_count(log, 4)
         ow.close()
         engine.wait_count(log, 5)
         assert.is_true(result_of(ow.connect).success)
         engine.wait_count(log, 6)
         assert.equal("onOpen onClosed onOpen onMessage onClosed onOpen", names(log))
         assert.equal(3, engine.count())
      end)

      it("with the credentials as Basic authorization and the protocols on the wire", function()
         engine.elsewhere = servers.url("/headers", { protocol = "two" })
         local _, log = open { credentials = { username = "riot", password = "s3cret" }, protocols = { "one", "two" } }
         local head = engine.wait_count(log, 2)[2].message
         assert.matches("\nAuthorization: Basic cmlvdDpzM2NyZXQ=\r", head)
         assert.matches("\nSec%-WebSocket%-Protocol: one, two\r", head)
         assert.equal("two", engine.made().ws:protocol())
      end)

      it("and answers with the error of the engine where that refuses", function()
         local result = result_of(create({ credentials = { username = "a:b", password = "" } }).connect)
         assert.is_false(result.success)
         assert.matches("colon", result.error)
         local ow = create({ protocols = { "no token" } })
         local log = record(ow)
         assert.matches("subprotocol", result_of(ow.connect).error)
         assert.equal("", names(log))
         assert.matches("ca_flie", result_of(create(nil, { ca_flie = 1 }).connect).error)
      end)

      it("with further options of the engine", function()
         engine.elsewhere = servers.url "/headers"
         local _, log = open(nil, { headers = { ["X-Mine"] = "yes" } })
         assert.matches("\nX%-Mine: yes\r", engine.wait_count(log, 2)[2].message)
      end)
   end)

   describe("by wss", function()
      it("accepts a self-signed certificate on loopback, which the engine refuses by default", function()
         local _, log = open { secured = true, port = servers.ports().wss_self_signed }
         assert.equal("onOpen", names(log))
         local recorder = client.connect(servers.url("/", nil, "wss_self_signed"))
         assert.equal("tls", client.drain(recorder)[3])
      end)

      it("turns the check of the certificate off, which the engine allows on loopback alone", function()
         local ow = create { secured = true }
         engine.elsewhere = "wss://192.0.2.1/"
         assert.matches("tls%.insecure is for loopback addresses alone", result_of(ow.connect).error)
      end)

      it("never goes beyond 127.0.0.1, whatever else the parameters name", function()
         create({ secured = true, port = 1, host = "192.0.2.1", url = "wss://192.0.2.1/" }).connect()
         assert.equal("wss://127.0.0.1:1/", engine.made().url)
      end)

      it("checks the certificate where the options ask for it", function()
         local ow = create({ secured = true, port = servers.ports().wss_self_signed }, { tls = { insecure = false } })
         local log = record(ow)
         ow.connect()
         wait_closed(log)
         assert.equal("tls", log[1][2].exception.code)
      end)

      it("checks the certificate where the options say what to trust, or name a proxy", function()
         local wrong = ("07"):rep(32)
         local file = servers.file "ca.pem"
         local text = assert(io.open(file)):read "*a"
         for _, tls in ipairs { { ca_file = file }, { ca = text }, { fingerprint = wrong } } do
            local ow = create({ secured = true, port = servers.ports().wss_self_signed }, { tls = tls })
            local log = record(ow)
            ow.connect()
            wait_closed(log)
            assert.equal("tls", log[1][2].exception.code)
         end
         local params = { secured = true, port = servers.ports().wss }
         local _, log = open(params, { tls = { ca_file = file }, proxy = false })
         assert.equal("onOpen", names(log))
         local ow = create(params, { proxy = "http://127.0.0.1:1" })
         log = record(ow)
         ow.connect()
         wait_closed(log)
         assert.equal("proxy", log[1][2].exception.code)
      end)

      it("keeps the other TLS options", function()
         local options = { tls = { cert_file = servers.file "client.pem", key_file = servers.file "client.key" } }
         local _, log = open({ secured = true, port = servers.ports().wss_client_cert }, options)
         assert.equal("onOpen", names(log))
         assert.is_nil(options.tls.insecure)
      end)
   end)

   it("calls listeners in order, each once, and accepts the removal of an absent one", function()
      local ow = create()
      local order = {}
      local function first() order[#order + 1] = "first" end
      local function second() order[#order + 1] = "second" end
      ow.onOpen.removeListener(first)
      ow.onOpen.addListener(first)
      ow.onOpen.addListener(second)
      ow.onOpen.addListener(first)
      ow.connect()
      engine.wait_count(order, 2)
      assert.same({ "first", "second" }, order)
   end)
end)
