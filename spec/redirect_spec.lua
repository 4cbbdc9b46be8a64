--- Redirects: those of the test server, and of nginx with TLS before it.

local client = require "client"
local expect = require "expect"
local servers = require "servers"

-- A URL that redirects to another.
local function to(location, code, port)
   return servers.url("/status", { code = code or 302, header = "Location: " .. location }, port)
end

local function options(max_redirects, more)
   local all = { max_redirects = max_redirects, tls = { ca_file = servers.file("ca.pem") } }
   for name, value in pairs(more or {}) do
      all[name] = value
   end
   return all
end

describe("a redirect", function()
   after_each(client.finish)

   for _, code in ipairs({ 301, 302, 303, 307, 308 }) do
      it("by " .. code .. " is followed, and the headers are sent again", function()
         local all = options(1, { headers = { Authorization = "Bearer t" } })
         local recorder = client.open(to("/headers?x=1", code), all)
         local head = client.wait(recorder, "received")[2]
         expect.holds(head, { "GET /headers?x=1 HTTP/1.1\r\n", "\r\nAuthorization: Bearer t\r\n" })
         assert.equal(101, recorder.ws:response().status)
      end)
   end

   it("is followed from ws to wss by an absolute URL of https", function()
      local location = servers.url("/echo", {}, "wss"):gsub("^wss", "https")
      local recorder = client.open(to(location), options(1))
      recorder.ws:send("hello")
      assert.equal("hello", client.wait(recorder, "received")[2])
      -- The URL is the one that the script gave.
      expect.holds(recorder.ws:url(), { "ws://127.0.0.1:" .. servers.ports().ws .. "/status" })
   end)

   it("to another origin takes no credentials along", function()
      local location = "https://127.0.0.1:" .. servers.ports().wss .. "/headers"
      local all = options(1, { basic_auth = { user = "user", password = "hush" },
         headers = { Cookie = "a=hush", ["Proxy-Authorization"] = "hush", Host = "hush.example", ["X-Kept"] = "yes" } })
      local recorder = client.open(to(location), all)
      local head = client.wait(recorder, "received")[2]
      expect.holds(head, { "\r\nX-Kept: yes\r\n", "\r\nHost: 127.0.0.1:" })
      assert.is_nil(head:find("hush", 1, true), head)
      assert.is_nil(head:lower():find("authorization", 1, true), head)
   end)

   it("is counted, and one too many fails with http_status", function()
      local url = "/echo"
      for _ = 1, 3 do
         url = to((url:gsub("^ws://[^/]*", "")))
      end
      client.open(url, options(3))
      local recorder = client.connect(url, options(2))
      expect.refusal(recorder, "http_status", { "302, a redirect to ws://127.0.0.1:", "after 2 redirects, the limit" })
      assert.equal(302, recorder.ws:response().status)
   end)

   it("from wss to ws is never followed", function()
      local token = servers.token()
      local url = to(servers.url("/echo", { token = token }), 302, "wss")
      local recorder = client.connect(url, options(5))
      expect.refusal(recorder, "http_status", { "status 302, a redirect to ws://127.0.0.1:", "leaves encryption" })
      assert.same({}, client.report(token))
   end)

   it("must end within open_timeout", function()
      local url = to("ws://127.0.0.1:" .. servers.ports().silent .. "/")
      local all = options(1, { open_timeout = 0.3 })
      expect.refusal(client.connect(url, all), "timeout", { "127.0.0.1:" .. servers.ports().silent })
   end)

   it("is not followed by default, and max_redirects is at most 20", function()
      expect.refusal(client.connect(to("/echo")), "http_status", { "302, a redirect to ws://127.0.0.1:" })
      expect.raises(servers.url("/echo"), { max_redirects = 21 }, { "option max_redirects", "0 to 20" })
   end)
end)

describe("nginx", function()
   after_each(client.finish)

   it("speaks TLS before the server, and messages pass in both directions", function()
      local url = servers.url_at(servers.daemon("nginx"), "/echo", {}, "wss")
      local recorder = client.open(url, options(0))
      for _, size in ipairs({ 0, 1, 65536, 1024 * 1024 }) do
         recorder.ws:send(("x"):rep(size))
         assert.equal(size, #client.wait(recorder, "received")[2])
      end
      recorder.ws:close(4000, "bye")
      expect.closed(recorder, 4000, "bye")
   end)

   it("redirects with 308, and its answer to an unknown upstream path is reported", function()
      local port = servers.daemon("nginx")
      local recorder = client.open(servers.url_at(port, "/moved", {}, "wss"), options(1))
      recorder.ws:send("hello")
      assert.equal("hello", client.wait(recorder, "received")[2])
      expect.refusal(client.connect(servers.url_at(port, "/unknown", {}, "wss"), options(1)), "http_status", { "404" })
   end)
end)
