--- TLS: the client's certificate and key as PEM text, beside files.

local client = require "client"
local expect = require "expect"
local servers = require "servers"

local function text(name)
   return servers.text(name)
end

--- Returns a certificate or key that the Rust tests use, too.
local function stored(name)
   return assert(servers.read_file("tests/support/certificates/" .. name))
end

local function echoes(identity)
   identity.ca_file = servers.file("ca.pem")
   local recorder = client.open(servers.url("/echo", nil, "wss_client_cert"), { tls = identity })
   recorder.ws:send("hello")
   assert.same({ "received", "hello", "text" }, client.wait(recorder, "received"))
   recorder.ws:close()
   assert.equal(1000, client.drain(recorder)[3])
end

describe("a client's certificate and key", function()
   after_each(client.finish)

   it("may be text", function()
      echoes({ cert = text("client.pem"), key = text("client.key") })
   end)

   it("may be one text and one file", function()
      echoes({ cert = text("client.pem"), key_file = servers.file("client.key") })
      echoes({ cert_file = servers.file("client.pem"), key = text("client.key") })
   end)

   it("may stand in one text", function()
      local both = text("client.key") .. text("client.pem")
      echoes({ cert = both, key = both })
   end)

   it("may be in PKCS #8, PKCS #1 and SEC 1 form", function()
      local url = "wss://127.0.0.1:81/"
      local certs = { ["pkcs8.key"] = "client.pem", ["sec1.key"] = "client.pem", ["pkcs1.key"] = "rsa.pem" }
      for key, cert in pairs(certs) do
         local recorder = client.connect(url, { tls = { cert = stored(cert), key = stored(key) } })
         assert.equal("connecting", recorder.ws:status())
         recorder.ws:terminate()
      end
   end)
end)

describe("a client's certificate or key as text", function()
   local url = "wss://127.0.0.1:81/"
   local function raises(tls, pieces)
      expect.raises(url, { tls = tls }, pieces)
   end

   it("raises without the other", function()
      for _, tls in ipairs({ { cert = text("client.pem") }, { key = text("client.key") } }) do
         raises(tls, { "tls.cert_file and tls.key_file must be given together, or tls.cert and tls.key" })
      end
   end)

   it("raises together with the file", function()
      local cert, key = text("client.pem"), text("client.key")
      raises({ cert = cert, key = key, key_file = servers.file("client.key") },
         { "options tls.key and tls.key_file exclude each other" })
      raises({ cert = cert, key = key, cert_file = servers.file("client.pem") },
         { "options tls.cert and tls.cert_file exclude each other" })
   end)

   it("raises if the key is encrypted", function()
      for _, name in ipairs({ "encrypted-pkcs8.key", "encrypted-sec1.key" }) do
         raises({ cert = stored("client.pem"), key = stored(name) },
            { "option tls.key is encrypted: decrypt it, for example with openssl pkey" })
         raises({ cert = stored("client.pem"), key_file = "tests/support/certificates/" .. name },
            { "option tls.key_file", "is encrypted: decrypt it, for example with openssl pkey" })
      end
   end)

   it("raises if the key does not fit, is none, or is of the wrong kind", function()
      local cert = text("client.pem")
      raises({ cert = cert, key = text("stranger.key") },
         { "option tls.key does not fit the certificate of option tls.cert" })
      raises({ cert = cert, key = "" }, { "option tls.key holds no private key in PEM form" })
      raises({ cert = "", key = text("client.key") }, { "option tls.cert holds no certificate in PEM form" })
      raises({ cert = cert, key = 7 }, { "tls.key", "string" })
   end)

   it("is never shown, not even where it was given as a path", function()
      local key = stored("sec1.key")
      local secret = key:match("\n(MHc[^\n]+)")
      local cert = stored("client.pem")
      for _, tls in ipairs({ { cert = cert, key_file = key }, { cert_file = key, key = key },
         { cert = cert, key = key:gsub("KEY%-%-%-%-%-\n", "KEY----", 1) } }) do
         local made, raised = pcall(require("websocket").new, url, print, { tls = tls })
         assert.is_false(made)
         assert.is_nil(tostring(raised):find(secret:sub(1, 12), 1, true))
      end
      raises({ cert = cert, key_file = key },
         { "option tls.key_file is PEM text, must be the path of a file: option tls.key takes the text" })
   end)
end)
