--- TLS with servers that are trusted by the fingerprint of their certificate.

local client = require "client"
local expect = require "expect"
local servers = require "servers"

--- The line that openssl prints for the certificate of the port `wss_self_signed`.
local function line()
   return servers.text("self-signed.fingerprint")
end

local function accepting(fingerprint, more)
   local tls = { fingerprint = fingerprint }
   for name, value in pairs(more or {}) do
      tls[name] = value
   end
   return { tls = tls }
end

local function echoes(port, options, host)
   local recorder = client.open(servers.url("/echo", nil, port, host), options)
   recorder.ws:send("hello")
   assert.same({ "received", "hello", "text" }, client.wait(recorder, "received"))
   recorder.ws:close()
   assert.equal(1000, client.drain(recorder)[3])
end

local other = ("07"):rep(32)

describe("a fingerprint", function()
   after_each(client.finish)

   it("is accepted as openssl prints it, as digits alone, and in a list", function()
      local colons = line():match("=(%S+)")
      local digits = colons:gsub(":", "")
      for _, form in ipairs({ line(), line():gsub("sha256", "SHA256"), colons, digits, digits:lower() }) do
         echoes("wss_self_signed", accepting(form))
      end
      echoes("wss_self_signed", accepting({ other, line() }))
   end)

   it("makes the host's name irrelevant", function()
      echoes("wss_self_signed", accepting(line(), { server_name = "living_room.example" }), "localhost")
   end)

   it("lets no other certificate pass, and the text tells the one that was seen", function()
      local seen = line():match("=(%S+)")
      local options = expect.with_secrets(accepting(other))
      local recorder = client.connect(servers.url("/echo", { q = "hush" }, "wss_self_signed"), options)
      expect.refusal(recorder, "tls", { "SHA-256 fingerprint " .. seen, "option tls.fingerprint does not contain",
         "TLS handshake with 127.0.0.1:" .. servers.ports().wss_self_signed })
      -- A certificate that a trusted CA has signed is another one, too.
      for _, port in ipairs({ "wss", "wss_tls12" }) do
         expect.refusal(client.connect(servers.url("/echo", nil, port), accepting(line())), "tls",
            { "SHA-256 fingerprint ", "option tls.fingerprint does not contain" })
      end
   end)

   it("that was seen in the text can be used", function()
      for _, port in ipairs({ "wss_expired", "wss_not_yet_valid", "wss_wrong_host", "wss_unknown_ca", "wss_tls12" }) do
         local text = client.drain(client.connect(servers.url("/echo", nil, port), accepting(other)))[2]
         echoes(port, accepting(text:match("fingerprint (%S-),")))
      end
   end)

   it("is not remembered by a session for other options", function()
      echoes("wss_self_signed", accepting(line()))
      expect.refusal(client.connect(servers.url("/echo", nil, "wss_self_signed"), accepting(other)), "tls",
         { "option tls.fingerprint does not contain" })
      expect.refusal(client.connect(servers.url("/echo", nil, "wss_self_signed"), nil), "tls",
         { "the certificate's issuer is unknown" })
   end)
end)

describe("a wrong fingerprint", function()
   local url = "wss://192.0.2.1:81/?q=hush"

   it("raises, with the number of its digits", function()
      for digits, pieces in pairs({
         [0] = { "has 0 hexadecimal digits, must have 64 (SHA-256)" },
         [63] = { "has 63 hexadecimal digits, must have 64 (SHA-256)" },
         [40] = { "has 40 hexadecimal digits, as a SHA-1 fingerprint has, must have 64 (SHA-256)" },
      }) do
         pieces[#pieces + 1] = "tls.fingerprint"
         pieces[#pieces + 1] = "openssl x509 -noout -fingerprint -sha256"
         expect.raises(url, accepting(("a"):rep(digits)), pieces)
         expect.raises(url, accepting({ other, ("a"):rep(digits) }), pieces)
      end
   end)

   it("raises, with the character that does not belong there", function()
      expect.raises(url, accepting("sha256/" .. other), { "tls.fingerprint", [[holds "s", which is neither]] })
   end)

   it("raises if it is no string or an empty list", function()
      expect.raises(url, accepting(7), { "tls.fingerprint", "string", "number" })
      expect.raises(url, accepting({ 7 }), { "tls.fingerprint", "number" })
      expect.raises(url, accepting({}), { "option tls.fingerprint must not be an empty list" })
   end)

   it("raises together with other ways to trust a server", function()
      for name, value in pairs({ ca = servers.text("ca.pem"), ca_file = servers.file("ca.pem"), insecure = true }) do
         expect.raises(url, accepting(other, { [name] = value }),
            { "options tls.fingerprint and tls." .. name .. " exclude each other" })
      end
   end)
end)
