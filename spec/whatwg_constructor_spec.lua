-- The constructor of websocket.whatwg's WebSocket: URLs, subprotocols, options, and the classes themselves.
local client = require "client"
local page = require "whatwg_client"
local servers = require "servers"
local whatwg = require "websocket.whatwg"

local WebSocket = whatwg.WebSocket

describe("websocket.whatwg", function()
   it("has its classes and sets no global", function()
      local before = {}
      for name in pairs(_G) do
         before[name] = true
      end
      for name in pairs(package.loaded) do
         if name:find("^websocket%.whatwg") or name:find("^websocket%.shape") then
            package.loaded[name] = nil
         end
      end
      local fresh = require "websocket.whatwg"
      local names = {}
      for name in pairs(fresh) do
         names[#names + 1] = name
      end
      table.sort(names)
      assert.equal("AbortController AbortSignal ArrayBuffer Blob CloseEvent Event EventTarget MessageEvent WebSocket",
         table.concat(names, " "))
      for name in pairs(_G) do
         assert.is_true(before[name], name)
      end
   end)

   it("recognises the objects of each class by is", function()
      local objects = {
         EventTarget = whatwg.EventTarget(),
         Event = whatwg.Event("x"),
         MessageEvent = whatwg.MessageEvent("x"),
         CloseEvent = whatwg.CloseEvent("x"),
         Blob = whatwg.Blob(),
         ArrayBuffer = whatwg.ArrayBuffer(""),
         AbortController = whatwg.AbortController(),
         AbortSignal = whatwg.AbortController().signal,
      }
      local parents = { MessageEvent = "Event", CloseEvent = "Event", AbortSignal = "EventTarget" }
      for name, object in pairs(objects) do
         for other in pairs(objects) do
            assert.equal(name == other or parents[name] == other, whatwg[other].is(object), name .. " " .. other)
         end
         assert.is_false(WebSocket.is(object))
      end
      for _, value in ipairs({ 1, "x", true, {}, print, setmetatable({}, {}) }) do
         assert.is_false(WebSocket.is(value))
      end
      assert.is_false(WebSocket.is(nil))
   end)

   it("refuses to construct an AbortSignal", function()
      assert.equal("TypeError", page.raised(whatwg.AbortSignal).name)
   end)
end)

describe("WebSocket(url)", function()
   after_each(page.finish)

   for given, url in pairs({
      ["ws://LOCALHOST:80"] = "ws://localhost/",
      ["WS://localhost:81"] = "ws://localhost:81/",
      ["wss://localhost:443/x"] = "wss://localhost/x",
      ["wss://localhost:80/x"] = "wss://localhost:80/x",
      ["http://localhost"] = "ws://localhost/",
      ["http://localhost:80/"] = "ws://localhost/",
      ["http://localhost:443/"] = "ws://localhost:443/",
      ["https://localhost:443/a"] = "wss://localhost/a",
      ["HTTPS://localhost:8443/a"] = "wss://localhost:8443/a",
      ["  ws://localhost/ a b\t\n"] = "ws://localhost/%20a%20b",
      ["ws://localhost/a?b c&d"] = "ws://localhost/a?b%20c&d",
      ["ws:\\\\localhost\\x"] = "ws://localhost/x",
      ["ws://localhost?x"] = "ws://localhost/?x",
      ["ws://localhost/a/../b/./c"] = "ws://localhost/b/c",
      ["ws://127.1/"] = "ws://127.0.0.1/",
      ["ws://user:pass@localhost/"] = "ws://user:pass@localhost/",
      ["ws://localhost/é"] = "ws://localhost/%C3%A9",
      ["ws://localhost/\255"] = "ws://localhost/%EF%BF%BD",
   }) do
      it(("serialises %q"):format(given), function()
         local recorder = page.connect(given)
         assert.equal(url, recorder.ws.url)
         assert.equal(0, recorder.ws.readyState)
         assert.is_true(WebSocket.is(recorder.ws))
         assert.is_true(whatwg.EventTarget.is(recorder.ws))
      end)
   end

   for _, url in ipairs({
      "", "localhost", "/path", "//localhost/", "?query", "#", "ws:", "ws://", "ws://a b/", "ws://localhost:65536/",
      "ws://localhost:x/", "ws://[::1/", "ws://user@/", "ftp://localhost/", "mailto:a@localhost", "about:blank",
      "wsx://localhost/", "file:///tmp", "ws://localhost/#", "ws://localhost/#f", "http://localhost/#",
      "wss://localhost#",
   }) do
      it(("raises SyntaxError for %q"):format(url), function()
         assert.equal("SyntaxError", page.raised(WebSocket, url).name)
      end)
   end

   it("raises TypeError for a missing url and for one that is not a string", function()
      assert.equal("TypeError", page.raised(WebSocket).name)
      assert.equal("TypeError", page.raised(WebSocket, nil).name)
      for _, value in ipairs({ true, {}, print }) do
         assert.equal("TypeError", page.raised(WebSocket, value).name)
      end
   end)

   it("connects to an http URL", function()
      local url = servers.url("/echo"):gsub("^ws", "http")
      local recorder = page.open(url)
      assert.equal((url:gsub("^http", "ws")), recorder.ws.url)
   end)

   it("connects to an https URL by wss", function()
      local url = servers.url("/echo", nil, "wss"):gsub("^wss", "https")
      local recorder = page.open(url, nil, { tls = { ca_file = servers.file("ca.pem") } })
      assert.equal("wss", recorder.ws.url:match("^%a+"))
   end)

   it("keeps user and password in url and sends them as Basic authorization", function()
      local url = servers.url("/auth", { user = "us er", password = "p@ss" }):gsub("^ws://", "ws://us%%20er:p%%40ss@")
      local recorder = page.open(url)
      assert.equal(url, recorder.ws.url)
   end)

   it("fails at port 0, where no server can be", function()
      local recorder = page.connect("ws://127.0.0.1:0/")
      assert.equal("ws://127.0.0.1:0/", recorder.ws.url)
      assert.equal("", page.names(recorder))
      assert.equal(1006, page.drain(recorder).code)
      assert.equal("error close", page.names(recorder))
   end)
end)

describe("WebSocket(url, protocols)", function()
   after_each(page.finish)

   local function offered(protocols)
      local choose = type(protocols) == "table" and protocols[#protocols] or protocols
      local recorder = page.open(servers.url("/protocol", { choose = choose }), protocols)
      return recorder.ws.protocol
   end

   it("offers one or several, and has the one that the server chose", function()
      assert.equal("chat", offered("chat"))
      assert.equal("b", offered({ "a", "b" }))
      local every = "!#$%&'*+-.^_`|~09AZaz"
      assert.equal(every, offered(every))
   end)

   it("offers them in order", function()
      local token = servers.token()
      page.connect(servers.url("/count-messages", { token = token, protocol = "two" }), { "one", "two", "three" })
      local record = client.report(token, "request")
      assert.truthy(record.request:lower():find("sec%-websocket%-protocol: one, ?two, ?three"))
   end)

   it("offers none for nil and for an empty list", function()
      for _, protocols in ipairs({ false, {} }) do
         local token = servers.token()
         page.open(servers.url("/count-messages", { token = token }), protocols or nil)
         local record = client.report(token, "request")
         assert.is_nil(record.request:lower():find("sec%-websocket%-protocol", 1))
      end
   end)

   for _, token in ipairs({
      "", " ", "a b", "a\tb", "a,b", "a;b", "a:b", "a/b", "a=b", "a(b", "a)b", "a<b", "a>b", "a@b", "a[b", "a]b", "a{b",
      "a}b", "a?b", "a\\b", 'a"b', "a\0b", "a\127b", "é", "a\r\nb", "\31",
   }) do
      it(("raises SyntaxError for the token %q"):format(token), function()
         assert.equal("SyntaxError", page.raised(WebSocket, "ws://127.0.0.1:1/", token).name)
         assert.equal("SyntaxError", page.raised(WebSocket, "ws://127.0.0.1:1/", { "fine", token }).name)
      end)
   end

   it("shows a wrong token on one line, and no more than its beginning", function()
      local function message(token)
         return page.raised(WebSocket, "ws://127.0.0.1:1/", token).message
      end
      assert.equal([[invalid subprotocol: "a\nb"]], message("a\nb"))
      assert.equal(('invalid subprotocol: "%s"...'):format((" "):rep(100)), message((" "):rep(1000)))
   end)

   it("raises SyntaxError for one that is offered twice, in any case of letters", function()
      assert.equal("SyntaxError", page.raised(WebSocket, "ws://127.0.0.1:1/", { "a", "b", "a" }).name)
      assert.equal("SyntaxError", page.raised(WebSocket, "ws://127.0.0.1:1/", { "chat", "CHAT" }).name)
   end)

   it("raises TypeError for what is neither a string nor a list of strings", function()
      for _, value in ipairs({ true, print, { {} }, { true }, { x = "a" }, { "a", x = "b" }, { [2] = "a" } }) do
         assert.equal("TypeError", page.raised(WebSocket, "ws://127.0.0.1:1/", value).name)
      end
      assert.equal("list of subprotocols expected, got a table with a string as key",
         page.raised(WebSocket, "ws://127.0.0.1:1/", { close_timeout = 2 }).message)
   end)

   for what, choice in pairs({ ["was not offered"] = "other", ["is missing"] = {} }) do
      it("fails where the reply's subprotocol " .. what, function()
         local recorder = page.connect(servers.url("/protocol", { choose = choice }), { "chat" })
         local ended = page.drain(recorder)
         assert.equal("error close", page.names(recorder))
         assert.equal(1006, ended.code)
         assert.equal("", recorder.ws.protocol)
      end)
   end

   it("fails where the server chooses one and none was offered", function()
      local recorder = page.connect(servers.url("/protocol", { choose = "chat" }))
      page.drain(recorder)
      assert.equal("error close", page.names(recorder))
   end)
end)

describe("WebSocket(url, protocols, options)", function()
   after_each(page.finish)

   it("passes options to the engine, with protocols nil", function()
      local token = servers.token()
      page.open(servers.url("/count-messages", { token = token }), nil, { headers = { ["X-Own"] = "yes" } })
      assert.truthy(client.report(token, "request").request:lower():find("x%-own: yes"))
   end)

   it("leaves the script's table as it is", function()
      local options = { close_timeout = 2 }
      page.connect("ws://127.0.0.1:1/", { "a" }, options)
      assert.same({ close_timeout = 2 }, options)
   end)

   it("raises TypeError for an option that the engine refuses, and for one that the class sets itself", function()
      for _, options in ipairs({
         { nonsense = 1 }, { close_timeout = "x" }, { protocols = "a" }, { require_protocol = true },
         { report_closing = true }, { report_pings = true }, "x", true,
      }) do
         assert.equal("TypeError", page.raised(WebSocket, "ws://127.0.0.1:1/", nil, options).name)
      end
      assert.truthy(page.raised(WebSocket, "ws://127.0.0.1:1/", nil, { nonsense = 1 }).message:find("nonsense"))
   end)
end)
