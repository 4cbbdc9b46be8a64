--- The request of the opening handshake as the server receives it: headers, credentials, origin, subprotocols.

local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

-- Connects to a server that sends the request's head, and returns it as a list of `{name, value}`.
local function requested(options, url)
   local recorder = client.open(url or servers.url("/headers"), options)
   local head = client.wait(recorder, "received")[2]
   local lines = {}
   for name, value in head:gmatch("\r\n([^:\r\n]+): ?([^\r\n]*)") do
      lines[#lines + 1] = { name, value }
   end
   recorder.ws:close()
   client.drain(recorder)
   return lines, head:match("^[^\r\n]*")
end

-- Returns every value of a name, in any case, in the order of the request.
local function values(lines, name)
   local found = {}
   for _, line in ipairs(lines) do
      if line[1]:lower() == name then
         found[#found + 1] = line[2]
      end
   end
   return found
end

describe("a request", function()
   after_each(client.finish)

   it("has each header that RFC 6455 requires exactly once", function()
      local lines, first = requested(nil, servers.url("/headers", { q = "a b" }))
      assert.equal("GET /headers?q=a%20b HTTP/1.1", first)
      assert.same({ "127.0.0.1:" .. servers.ports().ws }, values(lines, "host"))
      assert.same({ "websocket" }, values(lines, "upgrade"))
      assert.same({ "Upgrade" }, values(lines, "connection"))
      assert.same({ "13" }, values(lines, "sec-websocket-version"))
      local key = values(lines, "sec-websocket-key")
      assert.equal(1, #key)
      -- 16 bytes in base64.
      assert.truthy(key[1]:match("^[%w+/]+==$") and #key[1] == 24, key[1])
      assert.are_not.equal(key[1], values(requested(), "sec-websocket-key")[1])
   end)

   it("has no other header without options but User-Agent", function()
      assert.equal(6, #requested())
      assert.same({ (websocket._VERSION:gsub(" ", "/")) }, values(requested(), "user-agent"))
      for _, name in ipairs({ "origin", "authorization", "sec-websocket-protocol", "sec-websocket-extensions" }) do
         assert.same({}, values(requested(), name))
      end
   end)

   it("has the User-Agent of the option, or none where that is false", function()
      assert.same({ "mine/1" }, values(requested({ headers = { ["user-agent"] = "mine/1" } }), "user-agent"))
      assert.equal(5, #requested({ headers = { ["User-Agent"] = false } }))
      for _, name in ipairs({ "Host", "X-Other", "Connection" }) do
         expect.raises(servers.url("/headers"), { headers = { [name] = false } },
            { "header \"" .. name .. "\" cannot be removed by false, only \"User-Agent\" can" })
      end
      local wrong = { headers = { ["User-Agent"] = true } }
      expect.raises(servers.url("/headers"), wrong, { "must be a string, got boolean" })
   end)

   it("has the headers of the option with their names as given", function()
      local lines = requested({ headers = { ["X-Custom"] = "a value", Cookie = "a=1; b=2", ["x-empty"] = "" } })
      assert.same({ "a value" }, values(lines, "x-custom"))
      assert.same({ "a=1; b=2" }, values(lines, "cookie"))
      assert.same({ "" }, values(lines, "x-empty"))
      local names = {}
      for _, line in ipairs(lines) do
         names[line[1]] = true
      end
      assert.is_true(names["X-Custom"] and names.Cookie and names["x-empty"])
   end)

   it("has a line for each value of a list, in its order", function()
      local lines = requested({ headers = { ["X-Many"] = { "one", "two", "three" }, Cookie = { "a=1", "b=2" } } })
      assert.same({ "one", "two", "three" }, values(lines, "x-many"))
      assert.same({ "a=1", "b=2" }, values(lines, "cookie"))
   end)

   it("carries values that are not ASCII as they are", function()
      local lines = requested({ headers = { ["X-Name"] = "J\195\188rgen\tM" } })
      assert.same({ "J\195\188rgen\tM" }, values(lines, "x-name"))
   end)

   it("names the Host of the option in place of the URL's", function()
      for _, name in ipairs({ "Host", "host" }) do
         local request = requested({ headers = { [name] = "other.example:8080" } })
         assert.same({ "other.example:8080" }, values(request, "host"))
      end
   end)

   it("names the host of the URL", function()
      local port = servers.ports().ws
      local lines = requested(nil, servers.url("/headers", nil, "ws", "LocalHost"))
      assert.same({ "localhost:" .. port }, values(lines, "host"))
      if servers.ports().ws6 then
         lines = requested(nil, servers.url("/headers", nil, "ws6"))
         assert.same({ "[::1]:" .. servers.ports().ws6 }, values(lines, "host"))
      end
   end)

   it("has the origin of the option", function()
      local lines = requested({ origin = "https://app.example" })
      assert.same({ "https://app.example" }, values(lines, "origin"))
      expect.raises(servers.url("/headers"), { origin = "https://a", headers = { Origin = "https://b" } }, { "rigin" })
   end)
end)

describe("credentials", function()
   after_each(client.finish)

   local function at(userinfo, query)
      local scheme, rest = servers.url("/auth", query):match("^(%w+://)(.*)$")
      return scheme .. userinfo .. "@" .. rest
   end

   it("of the option go out as Basic authorization", function()
      local lines = requested({ basic_auth = { user = "Aladdin", password = "open sesame" } })
      assert.same({ "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" }, values(lines, "authorization"))
   end)

   it("of the URL are percent-decoded", function()
      client.open(at("us%65r%40home:p%3Ass%2F%C3%A9", { user = "user@home", password = "p:ss/\195\169" }))
      client.open(at("user:", { user = "user", password = "" }))
      client.open(at("user", { user = "user", password = "" }))
      client.open(at(":secret", { user = "", password = "secret" }))
   end)

   it("of the option may be empty or contain colons and UTF-8", function()
      for _, password in ipairs({ "", "a:b", "\195\169\226\130\172" }) do
         client.open(servers.url("/auth", { user = "user", password = password }),
            { basic_auth = { user = "user", password = password } })
      end
   end)

   it("show in neither url() nor tostring()", function()
      local recorder = client.open(at("user:pass"))
      assert.equal(servers.url("/auth"), recorder.ws:url())
      assert.is_nil(tostring(recorder.ws):find("pass", 1, true))
   end)

   it("given twice raise", function()
      local basic_auth = { user = "hush-user", password = "hush-password" }
      local url = at("hush-user:hush-password")
      expect.raises(url, { basic_auth = basic_auth }, { "credentials are given twice" })
      expect.raises(url, { headers = { authorization = "Bearer hush" } }, { "credentials are given twice" })
      expect.raises(servers.url("/auth"), { basic_auth = basic_auth, headers = { Authorization = "Bearer hush" } },
         { "credentials are given twice" })
   end)

   it("of another scheme go as a header", function()
      assert.same({ "Bearer abc" }, values(requested({ headers = { Authorization = "Bearer abc" } }), "authorization"))
   end)
end)

describe("subprotocols", function()
   after_each(client.finish)

   local function opened(choose, options)
      return client.open(servers.url("/protocol", { choose = choose }), options)
   end

   it("are offered in one header, in their order", function()
      local lines = requested({ protocols = { "chat.v2", "chat.v1", "other" } })
      assert.same({ "chat.v2, chat.v1, other" }, values(lines, "sec-websocket-protocol"))
      assert.same({ "chat" }, values(requested({ protocols = "chat" }), "sec-websocket-protocol"))
      assert.same({}, values(requested({ protocols = {} }), "sec-websocket-protocol"))
   end)

   it("are returned by protocol() once the server has chosen", function()
      for _, options in ipairs({ { protocols = { "chat", "other" } }, { protocols = "chat" },
         { protocols = { "other", "chat" }, require_protocol = true } }) do
         assert.equal("chat", opened("chat", options).ws:protocol())
      end
   end)

   it("are none where the server chooses none", function()
      assert.equal("", opened(nil, { protocols = { "chat", "other" } }).ws:protocol())
      assert.equal("", opened().ws:protocol())
   end)

   local function refused(choose, options, text)
      local recorder = client.connect(servers.url("/protocol", { choose = choose }), expect.with_secrets(options))
      local info = expect.refusal(recorder, "handshake", { text, "127.0.0.1:" .. servers.ports().ws })
      assert.same({ "sec-websocket-protocol", 101 }, { info.header, info.status })
      return recorder
   end

   it("must be chosen with require_protocol", function()
      refused(nil, { protocols = "chat", require_protocol = true }, "chose none of the subprotocols")
   end)

   it("that were not offered are refused", function()
      local recorder = refused("other", { protocols = { "chat" } }, "not offered")
      assert.equal("other", recorder.ws:response().headers["sec-websocket-protocol"])
      refused("chat", nil, "not offered")
      -- Names are compared case-sensitively (RFC 6455 section 4.1).
      refused("Chat", { protocols = "chat" }, "not offered")
      refused("chat, other", { protocols = { "chat", "other" } }, "not offered")
   end)

   it("of which two are chosen are refused", function()
      refused({ "chat", "other" }, { protocols = { "chat", "other" } }, "more than one Sec-WebSocket-Protocol")
   end)

   for _, header in ipairs({ "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions" }) do
      it("in an empty " .. header .. " are refused", function()
         local recorder = client.connect(servers.script({ steps.head(steps.switching(header .. ": ")) }),
            { protocols = "chat", compression = true })
         local info = expect.refusal(recorder, "handshake", { "the response's " .. header .. " header is empty" })
         assert.equal(header:lower(), info.header)
      end)
   end
end)
