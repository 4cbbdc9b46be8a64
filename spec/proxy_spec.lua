--- Proxies that others wrote: tinyproxy by CONNECT and danted by SOCKS, chosen by the option or by the environment.

local child = require "child"
local client = require "client"
local expect = require "expect"
local servers = require "servers"
local websocket = require "websocket"

local function tinyproxy()
   return "http://127.0.0.1:" .. servers.daemon("tinyproxy")
end

local function danted(scheme)
   return (scheme or "socks5") .. "://127.0.0.1:" .. servers.daemon("danted")
end

local function options(proxy)
   return { proxy = proxy, tls = { ca_file = servers.file("ca.pem") } }
end

-- Opens and echoes, and returns the recorder.
local function echo(url, all)
   local recorder = client.open(url, all)
   recorder.ws:send("hello")
   assert.equal("hello", client.wait(recorder, "received")[2])
   return recorder
end

local kinds = { ["tinyproxy by CONNECT"] = tinyproxy, ["danted by SOCKS with an address"] = danted,
   ["danted by SOCKS with a name"] = function() return danted("socks5h") end }

for name, proxy in pairs(kinds) do
   describe(name, function()
      after_each(client.finish)

      for _, port in ipairs({ "ws", "wss" }) do
         it("carries " .. port .. " to an address and to a name", function()
            echo(servers.url("/echo", {}, port), options(proxy()))
            echo(servers.url("/echo", {}, port, "localhost"), options(proxy()))
         end)

         it("carries " .. port .. " in both directions, much and at once", function()
            local recorder = client.open(servers.url("/echo", {}, port), options(proxy()))
            local large = ("0123456789abcdef"):rep(256 * 1024)
            recorder.ws:send(large)
            recorder.ws:send("after")
            assert.is_true(client.wait(recorder, "received")[2] == large)
            assert.equal("after", client.wait(recorder, "received")[2])
            recorder.ws:close(4000, "bye")
            expect.closed(recorder, 4000, "bye")
         end)
      end

      it("fails with proxy where the server refuses the connection", function()
         local recorder = client.connect(servers.url("/", { q = "hush" }, "refused"), options(proxy()))
         local address = "127.0.0.1:" .. servers.ports().refused
         expect.refusal(recorder, "proxy", { address, " by proxy 127.0.0.1:" })
         assert.is_nil(recorder.ws:response())
      end)
   end)
end

describe("tinyproxy", function()
   after_each(client.finish)

   it("sees CONNECT for ws and for wss", function()
      for _, port in ipairs({ "ws", "wss" }) do
         echo(servers.url("/echo", {}, port), options(tinyproxy()))
         local asked = client.poll_until(function()
            return servers.daemon_log("tinyproxy"):find("CONNECT 127.0.0.1:" .. servers.ports()[port], 1, true)
         end)
         assert.is_truthy(asked, servers.daemon_log("tinyproxy"))
      end
   end)

   it("accepts user and password of the option, percent-encoded", function()
      local port = servers.daemon("tinyproxy-auth")
      echo(servers.url("/echo"), options("http://user:p%61ssword@127.0.0.1:" .. port))
   end)

   it("refuses a wrong password, and no text shows it", function()
      local port = servers.daemon("tinyproxy-auth")
      for _, credentials in ipairs({ "", "user:hush@" }) do
         local proxy = "http://" .. credentials .. "127.0.0.1:" .. port
         local recorder = client.connect(servers.url("/echo", { q = "hush" }), options(proxy))
         -- tinyproxy says 401 where others say 407 as RFC 9110 demands, depending on its version.
         expect.refusal(recorder, "proxy", { "the proxy answered with status 40", "by proxy 127.0.0.1:" .. port })
      end
   end)
end)

describe("a proxy that cannot be used", function()
   after_each(client.finish)

   it("fails with proxy and its address", function()
      local refused = "127.0.0.1:" .. servers.ports().refused
      for _, scheme in ipairs({ "http", "https", "socks5", "socks5h" }) do
         local recorder = client.connect(servers.url("/echo"), options(scheme .. "://user:hush@" .. refused))
         expect.refusal(recorder, "proxy", { "TCP connection to proxy " .. refused, "connection refused" })
      end
   end)

   it("fails with proxy where it does not speak HTTP or SOCKS", function()
      local garbage = "127.0.0.1:" .. servers.ports().garbage
      for _, scheme in ipairs({ "http", "socks5" }) do
         local recorder = client.connect(servers.url("/echo"), options(scheme .. "://" .. garbage))
         expect.refusal(recorder, "proxy", { "by proxy " .. garbage })
      end
   end)

   it("times out where it is silent or slow", function()
      for _, port in ipairs({ "silent", "slow" }) do
         local all = options("http://127.0.0.1:" .. servers.ports()[port])
         all.open_timeout = 0.3
         expect.refusal(client.connect(servers.url("/echo"), all), "timeout",
            { "timed out after 0.3 s: CONNECT 127.0.0.1:" })
      end
   end)
end)

describe("the option proxy", function()
   after_each(client.finish)

   it("raises for what is no proxy, and shows no credentials", function()
      for _, proxy in ipairs({ "", "127.0.0.1:80", "ftp://user:hush@proxy", "http://user:hush@",
         "http://user:hush@proxy:0", "http://user:hush@proxy/path",
         "http://user:hu\r\nsh@proxy", "http://user:hu%0D%0Ash@proxy",
         "http://user:hush%00@proxy", "socks5://user@proxy" }) do
         local text = expect.raised(websocket.new, servers.url("/echo"), print, { proxy = proxy })
         expect.holds(text, { "option proxy " })
         assert.is_nil(text:find("hu", 1, true), text)
         assert.is_nil(text:find("user:", 1, true), text)
      end
      expect.raises(servers.url("/echo"), { proxy = true }, { "option proxy must be a string or false, got boolean" })
   end)

   it("raises together with tls.insecure", function()
      expect.raises(servers.url("/echo", {}, "wss"), { proxy = "http://proxy", tls = { insecure = true } },
         { "options proxy and tls.insecure exclude each other" })
   end)
end)

describe("the environment", function()
   -- `both.invalid` is ::1 and 127.0.0.1 in the child alone, so tinyproxy cannot resolve it, and danted need not.
   local function run(url, env, all)
      local variables = child.with_resolver()
      for _, name in ipairs({ "ws_proxy", "wss_proxy", "http_proxy", "https_proxy", "all_proxy", "no_proxy" }) do
         variables[name], variables[name:upper()] = false, false
      end
      variables.REQUEST_METHOD = false
      for name, value in pairs(env) do
         variables[name] = value
      end
      local result = child.run(string.format([[
         local websocket = require "websocket"
         local ok, text = pcall(websocket.new, %q, function(event, message, detail, ws)
            print(event, message, detail)
            if event == "open" then ws:close() end
         end, { proxy = %s, tls = { ca_file = %q } })
         if not ok then print("raised", text) end
         websocket.run()
      ]], url, tostring(all and all.proxy), servers.file("ca.pem")), variables)
      assert.equal(0, result.status, result.output)
      return result.output
   end

   local function url(port, host)
      return servers.url("/echo", {}, port or "ws", host or "both.invalid")
   end

   it("names the proxy for ws and wss in either case", function()
      -- The server's certificate is not for this name, so wss fails, but behind the proxy.
      for variable, port in pairs({ ws_proxy = "ws", WS_PROXY = "ws", http_proxy = "ws", HTTP_PROXY = "ws",
         wss_proxy = "wss", WSS_PROXY = "wss", https_proxy = "wss", HTTPS_PROXY = "wss" }) do
         expect.holds(run(url(port), { [variable] = tinyproxy() }), { "fail", "proxy answered with status 50" })
         local other = port == "ws" and "wss" or "ws"
         assert.is_nil(run(url(other), { [variable] = tinyproxy() }):find("by proxy", 1, true))
      end
      for _, variable in ipairs({ "all_proxy", "ALL_PROXY" }) do
         expect.holds(run(url(), { [variable] = danted() }), { "open", "closed" })
         expect.holds(run(url(), { [variable] = tinyproxy() }), { "fail", "by proxy" })
      end
   end)

   it("is ignored for the hosts of no_proxy, for this machine and with proxy = false", function()
      local with_port = "x, both.invalid:" .. servers.ports().ws
      for _, none in ipairs({ "*", "both.invalid", "invalid", ".invalid", with_port }) do
         for _, variable in ipairs({ "no_proxy", "NO_PROXY" }) do
            expect.holds(run(url(), { http_proxy = tinyproxy(), [variable] = none }), { "open", "closed" })
         end
      end
      expect.holds(run(url(), { http_proxy = tinyproxy(), no_proxy = "both.invalid:1" }), { "fail", "by proxy" })
      for _, host in ipairs({ "localhost", "127.0.0.1" }) do
         expect.holds(run(url("ws", host), { http_proxy = "http://127.0.0.1:1" }), { "open", "closed" })
      end
      expect.holds(run(url(), { http_proxy = tinyproxy() }, { proxy = false }), { "open", "closed" })
   end)

   it("is ignored where a request header could have set it", function()
      expect.holds(run(url(), { HTTP_PROXY = tinyproxy(), REQUEST_METHOD = "GET" }), { "open", "closed" })
      -- To Windows it is the same variable.
      local on_windows = package.config:sub(1, 1) == "\\"
      expect.holds(run(url(), { http_proxy = tinyproxy(), REQUEST_METHOD = "GET" }),
         on_windows and { "open", "closed" } or { "fail", "by proxy" })
   end)

   it("with a malformed variable raises, names it and hides its value", function()
      for _, value in ipairs({ "socks4://user:hush@proxy", "http://user:hush@:1", "hush hush", "http://hush\255" }) do
         local output = run(url(), { all_proxy = value })
         expect.holds(output, { "raised", "the environment variable all_proxy, which names the proxy, " })
         assert.is_nil(output:find("hush", 1, true), output)
         expect.holds(run(url("ws", "localhost"), { all_proxy = value }), { "open", "closed" })
      end
   end)
end)
