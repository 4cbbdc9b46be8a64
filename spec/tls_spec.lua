--- TLS: trusted certificates, client certificates, and how the transport can end.

local child = require "child"
local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"

-- Lua 5.1 has only the first; later versions have only the second.
local unpack = unpack or table.unpack

local function trusting(tls)
   local all = { ca_file = servers.file("ca.pem") }
   for name, value in pairs(tls or {}) do
      all[name] = value
   end
   return { tls = all }
end

local function insecurely()
   return { tls = { insecure = true } }
end

local function echoes(url, options)
   local recorder = client.open(url, options)
   recorder.ws:send("hello")
   assert.same({ "received", "hello", "text" }, client.wait(recorder, "received"))
   recorder.ws:close()
   assert.equal(1000, client.drain(recorder)[3])
end

local function refuses(port, options, pieces, host)
   pieces[#pieces + 1] = "TLS handshake with " .. (host or "127.0.0.1") .. ":" .. servers.ports()[port]
   local all = expect.with_secrets(options)
   return expect.refusal(client.connect(servers.url("/echo", { q = "hush" }, port, host), all), "tls", pieces)
end

describe("a private CA", function()
   after_each(client.finish)

   it("is trusted as a file", function()
      echoes(servers.url("/echo", nil, "wss"), trusting())
   end)

   it("is trusted as PEM text", function()
      echoes(servers.url("/echo", nil, "wss"), { tls = { ca = servers.text("ca.pem") } })
   end)

   it("is trusted with TLS 1.2, by name and on IPv6", function()
      echoes(servers.url("/echo", nil, "wss_tls12"), trusting())
      echoes(servers.url("/echo", nil, "wss", "localhost"), trusting())
      if servers.ports().wss6 then
         echoes(servers.url("/echo", nil, "wss6"), trusting())
      end
   end)

   it("is not trusted without the option", function()
      refuses("wss", nil, { "the certificate's issuer is unknown" })
   end)

   it("replaces every other root", function()
      refuses("wss", { tls = { ca_file = servers.file("other-ca.pem") } }, { "the certificate's issuer is unknown" })
      echoes(servers.url("/echo", nil, "wss_unknown_ca"), { tls = { ca_file = servers.file("other-ca.pem") } })
   end)
end)

describe("a server's certificate", function()
   after_each(client.finish)

   local cases = {
      wss_unknown_ca = "the certificate's issuer is unknown",
      wss_self_signed = "the certificate's issuer is unknown",
      wss_expired = "the certificate has expired",
      wss_not_yet_valid = "the certificate is not yet valid",
      wss_wrong_host = "the certificate is not valid for 127.0.0.1, it is for ",
      wss_name_only = "the certificate is not valid for 127.0.0.1, it is for ",
      wss_old = "the server speaks neither TLS 1.2 nor TLS 1.3",
   }
   for port, text in pairs(cases) do
      it("of " .. port .. " fails with tls and the precise cause", function()
         local info = refuses(port, trusting(), { text })
         assert.is_nil(info.status)
      end)
   end

   it("is verified for the host of the URL", function()
      echoes(servers.url("/echo", nil, "wss_name_only", "localhost"), trusting())
      refuses("wss_wrong_host", trusting(), { "is not valid for localhost", "wrong.example" }, "localhost")
   end)

   it("is verified for server_name in its place", function()
      echoes(servers.url("/echo", nil, "wss_wrong_host"), trusting({ server_name = "wrong.example" }))
      echoes(servers.url("/echo", nil, "wss_name_only"), trusting({ server_name = "localhost" }))
      refuses("wss", trusting({ server_name = "wrong.example" }), { "is not valid for wrong.example" })
   end)

   it("does not matter with insecure on loopback", function()
      for _, port in ipairs({ "wss", "wss_unknown_ca", "wss_self_signed", "wss_expired", "wss_not_yet_valid",
         "wss_wrong_host", "wss_name_only" }) do
         echoes(servers.url("/echo", nil, port), insecurely())
      end
      echoes(servers.url("/echo", nil, "wss_expired", "localhost"), insecurely())
      if servers.ports().wss6 then
         echoes(servers.url("/echo", nil, "wss6"), insecurely())
      end
   end)
end)

describe("insecure", function()
   after_each(client.finish)

   it("raises for an address that is not loopback", function()
      for _, host in ipairs({ "192.0.2.1", "[2001:db8::1]", "0.0.0.0" }) do
         expect.raises("wss://" .. host .. ":81/?q=hush", insecurely(), { "insecure", "loopback" })
      end
   end)

   it("fails with tls for a name that leads elsewhere", function()
      local result = child.run([[
         local client = require "client"
         local last = client.drain(client.connect("wss://far.invalid:81/?q=hush", { tls = { insecure = true } }))
         io.write(last[1], " ", last[3], " ", last[2])
      ]], child.with_resolver())
      expect.holds(result.output, { "fail tls ", "loopback", "far.invalid:81" })
      expect.has_no_secrets(result.output)
   end)

   it("dials the loopback addresses of a name alone", function()
      local result = child.run(string.format([[
         local client = require "client"
         local recorder = client.open("wss://both.invalid:%d/echo", { tls = { insecure = true } })
         recorder.ws:send("hello")
         io.write(client.wait(recorder, "received")[2])
         client.finish()
      ]], servers.ports().wss), child.with_resolver())
      assert.equal("hello", result.output)
   end)
end)

describe("a client's certificate", function()
   after_each(client.finish)

   local function identity(name)
      return trusting({ cert_file = servers.file(name .. ".pem"), key_file = servers.file(name .. ".key") })
   end

   it("opens if the server asks for one", function()
      echoes(servers.url("/echo", nil, "wss_client_cert"), identity("client"))
   end)

   it("that is missing fails with tls and a text that names it", function()
      expect.refusal(client.connect(servers.url("/echo", nil, "wss_client_cert"), trusting()), "tls",
         { "the server wants a client certificate", "127.0.0.1:" .. servers.ports().wss_client_cert })
   end)

   it("of another CA fails with tls and the server's alert", function()
      expect.refusal(client.connect(servers.url("/echo", nil, "wss_client_cert"), identity("stranger")), "tls",
         { "the server sent the alert", "127.0.0.1:" .. servers.ports().wss_client_cert })
   end)
end)

describe("TLS options", function()
   local url = "wss://127.0.0.1:81/"

   it("that name a bad file raise, with option, path and cause", function()
      local missing = servers.file("missing.pem")
      local text = servers.write("text.pem", "no PEM at all\n")
      for _, path in ipairs({ missing, text }) do
         expect.raises(url, { tls = { ca_file = path } }, { "tls.ca_file", path })
         expect.raises(url, { tls = { cert_file = path, key_file = servers.file("client.key") } },
            { "tls.cert_file", path })
         expect.raises(url, { tls = { cert_file = servers.file("client.pem"), key_file = path } },
            { "tls.key_file", path })
      end
      expect.raises(url, { tls = { ca_file = missing } }, { "no such file" })
      expect.raises(url, { tls = { ca_file = text } }, { "no certificate in PEM form" })
   end)

   it("that hold no certificate raise", function()
      expect.raises(url, { tls = { ca = "no PEM at all" } }, { "tls.ca", "no certificate in PEM form" })
      expect.raises(url, { tls = { ca = "" } }, { "tls.ca" })
   end)

   it("that contradict each other raise an error", function()
      local ca, cert, key = servers.file("ca.pem"), servers.file("client.pem"), servers.file("client.key")
      expect.raises(url, { tls = { ca_file = ca, ca = servers.text("ca.pem") } }, { "tls.ca", "tls.ca_file" })
      expect.raises(url, { tls = { cert_file = cert } }, { "tls.cert_file", "tls.key_file" })
      expect.raises(url, { tls = { key_file = key } }, { "tls.cert_file", "tls.key_file" })
      expect.raises(url, { tls = { cert_file = cert, key_file = servers.file("stranger.key") } },
         { "tls.key_file", "does not fit" })
      expect.raises(url, { tls = { server_name = "not a name" } }, { "tls.server_name" })
   end)

   it("of an unknown name or a wrong type raise", function()
      expect.raises(url, { tls = { cafile = "x" } }, { "cafile", "ca_file" })
      expect.raises(url, { tls = { insecure = "yes" } }, { "tls.insecure" })
      expect.raises(url, { tls = { ca_file = 1 } }, { "tls.ca_file" })
      expect.raises(url, { tls = "ca.pem" }, { "tls" })
   end)

   it("are checked for ws, too", function()
      expect.raises("ws://127.0.0.1:81/", { tls = { ca_file = servers.file("missing.pem") } }, { "tls.ca_file" })
   end)
end)

describe("the environment", function()
   local function connects(env)
      for _, name in ipairs({ "SSL_CERT_FILE", "SSL_CERT_DIR" }) do
         env[name] = env[name] or false
      end
      return child.run(string.format([[
         local client = require "client"
         local last = client.connect(%q, { open_timeout = 10 })
         client.wait(last, function() return #last.events > 0 end)
         local event = last.events[1]
         io.write(event[1], " ", tostring(event[3]), " ", tostring(event[2]))
         client.finish()
      ]], servers.url("/echo", { q = "hush" }, "wss")), env).output
   end

   it("names trusted roots by SSL_CERT_FILE", function()
      assert.equal("open nil nil", connects({ SSL_CERT_FILE = servers.file("ca.pem") }))
      expect.holds(connects({ SSL_CERT_FILE = servers.file("other-ca.pem") }), { "fail tls ", "issuer is unknown" })
   end)

   it("that names roots which cannot be used fails with tls, naming the path", function()
      local empty, no_pem = servers.write("empty.pem", ""), servers.write("text.pem", "no PEM\n")
      for _, path in ipairs({ servers.file("missing.pem"), empty, no_pem }) do
         local text = connects({ SSL_CERT_FILE = path })
         expect.holds(text, { "fail tls ", "SSL_CERT_FILE", path, "127.0.0.1:" .. servers.ports().wss })
         expect.has_no_secrets(text)
      end
      local folder = servers.file("reports")
      expect.holds(connects({ SSL_CERT_DIR = folder }), { "fail tls ", "SSL_CERT_DIR", folder })
   end)

   it("does not matter to a connection with roots of its own", function()
      local result = child.run(string.format([[
         local client = require "client"
         client.open(%q, { tls = { ca_file = %q } })
         io.write("open")
         client.finish()
      ]], servers.url("/echo", nil, "wss"), servers.file("ca.pem")), { SSL_CERT_FILE = servers.file("missing.pem") })
      assert.equal("open", result.output)
   end)
end)

describe("a server on wss", function()
   after_each(client.finish)

   it("that speaks no TLS fails with tls", function()
      local function speaks_none(number)
         local recorder = client.connect(servers.url_at(number, "/?q=hush", nil, "wss"), trusting())
         expect.refusal(recorder, "tls", { "the server does not speak TLS", "127.0.0.1:" .. number })
      end
      speaks_none(servers.ports().garbage)
      speaks_none(servers.node().ws)
   end)

   it("that ends the stream or resets inside the handshake fails with tls", function()
      for _, port in ipairs({ "eof", "reset" }) do
         local recorder = client.connect(servers.url_at(servers.ports()[port], "/", nil, "wss"), trusting())
         local code = client.drain(recorder)[3]
         -- A reset may arrive before connect() has reported success.
         expect.refusal(recorder, port == "reset" and code == "connect" and code or "tls",
            { "127.0.0.1:" .. servers.ports()[port] })
      end
   end)

   it("that stalls inside the handshake fails with timeout", function()
      local options = trusting()
      options.open_timeout = 1
      local info = expect.refusal(client.connect(servers.url("/?q=hush", nil, "wss_stall"), options), "timeout",
         { "TLS handshake with 127.0.0.1:" .. servers.ports().wss_stall, "timed out after 1 s" })
      assert.equal("timeout", info.by)
   end)

   it("that resets after the handshake fails with handshake", function()
      expect.refusal(client.connect(servers.url("/", nil, "wss_reset"), trusting()), "handshake",
         { "127.0.0.1:" .. servers.ports().wss_reset })
   end)
end)

describe("the end of the stream", function()
   after_each(client.finish)

   local function after(list)
      return client.connect(servers.script({ "status101", steps.text("first"), unpack(list) }, nil, "wss"), trusting())
   end

   it("without close_notify after the peer's Close is closed with its code", function()
      local recorder = after({ steps.close(4001, "bye"), "cut" })
      local info = expect.closed(recorder, 4001, "bye")
      assert.same({ "peer", 4001 }, { info.by, info.received_code })
      assert.equal("open received closed", client.names(recorder))
   end)

   it("without close_notify before it is closed with 1006", function()
      local recorder = after({ "cut" })
      local info = expect.closed(recorder, 1006)
      assert.same({ "transport", false }, { info.by, info.clean })
      expect.holds(info.text, { "ended the stream without a Close", "127.0.0.1:" .. servers.ports().wss })
      assert.equal("open received closed", client.names(recorder))
   end)

   it("with close_notify before the peer's Close is closed with 1006", function()
      expect.closed(after({ "fin" }), 1006)
   end)

   it("by a reset after the peer's Close is closed with its code", function()
      local recorder = after({ steps.close(4002), "await-close", "rst" })
      local info = expect.closed(recorder, 4002)
      assert.is_true(info.clean)
      recorder = after({ steps.close(4003), "rst" })
      assert.equal("peer", expect.closed(recorder, 4003).by)
      assert.equal("open received closed", client.names(recorder))
   end)

   it("by a reset before it fails with reset", function()
      local recorder = after({ "await:messages:1", "rst" })
      client.wait(recorder, "received")
      recorder.ws:send("now")
      local info = expect.fail(recorder, "reset", { "127.0.0.1:" .. servers.ports().wss })
      assert.equal("transport", info.by)
      assert.equal("open received fail", client.names(recorder))
   end)
end)
