--- Unix sockets, `connect_to` and `local_address`, with Node's ws as the server on the socket.

local child = require "child"
local client = require "client"
local expect = require "expect"
local servers = require "servers"
local websocket = require "websocket"

-- The path of the socket at which Node's ws listens.
local function socket()
   servers.node()
   return servers.file("node.sock")
end

describe("a URL of a Unix socket", function()
   after_each(client.finish)

   it("opens as in Node's ws, whose Host is localhost", function()
      for url, resource in pairs({
         ["ws+unix://" .. socket() .. ":/request?x=1"] = "/request?x=1",
         ["ws+unix:" .. socket() .. ":/request"] = "/request",
      }) do
         local recorder = client.open(url)
         assert.equal("GET " .. resource .. " localhost", client.wait(recorder, "received")[2])
      end
   end)

   it("is what url and tostring show", function()
      local recorder = client.open("ws+unix:" .. socket() .. ":/request?q=hush")
      assert.equal("ws+unix://" .. socket() .. ":/request?q=hush", recorder.ws:url())
      local text = tostring(recorder.ws)
      expect.holds(text, { "ws+unix://" .. socket() })
      assert.is_nil(text:find("hush", 1, true), text)
   end)

   it("echoes text and binary, also in compressed messages", function()
      local recorder = client.open("ws+unix://" .. socket(), { compression = true })
      for _, size in ipairs({ 0, 1, 65536, 4 * 1024 * 1024 }) do
         local text = ("0123456789abcdef"):rep(math.floor(size / 16))
         recorder.ws:send(text, size > 1)
         assert.is_true(client.wait(recorder, "received")[2] == text)
      end
      recorder.ws:close(4321, "enough")
      expect.closed(recorder, 4321, "enough")
   end)

   it("fails with connect where nothing listens", function()
      local recorder = client.connect("ws+unix:///nonexistent/a.sock:/?q=hush")
      expect.refusal(recorder, "connect", { "no such file or directory", "unix:\"/nonexistent/a.sock\"" })
   end)

   it("raises where it names no socket", function()
      for _, url in ipairs({ "ws+unix:", "ws+unix://", "ws+unix://host/a", "ws+unix:a", "ws+unix:///a:b",
         "ws+unix:///a%00", "ws+unix:///a b", "ws+unix:///a:/#f", "unix:///a" }) do
         expect.raises(url, nil, { "invalid URL: " })
      end
      expect.raises("ws+unix:///" .. ("a"):rep(108), nil, { "has 109 bytes, limit 107" })
      expect.raises("ws+unix:///a", { proxy = "http://proxy" }, { "Unix socket", "option proxy" })
      expect.raises("ws+unix:///a", { local_address = "127.0.0.1" }, { "Unix socket", "option local_address" })
      expect.raises("ws+unix:///a", { connect_to = "127.0.0.1:1" }, { "Unix socket", "option connect_to" })
   end)

   it("whose peer has gone never raises SIGPIPE", function()
      for _ = 1, 5 do
         local result = child.run(string.format([[
            local websocket = require "websocket"
            local ws = websocket.new("ws+unix:%s:/gone", function(event, message, detail, ws)
               print(event, detail)
            end, { max_buffered = 1024 * 1024 * 1024 })
            while ws:status() == "connecting" do websocket.poll(0.1) end
            local payload = ("x"):rep(256 * 1024)
            for _ = 1, 400 do ws:send(payload, true) end
            websocket.run()
         ]], socket()))
         assert.equal(0, result.status, result.output)
         local last = result.output:match("([^\n]*)\n$") or ""
         assert.is_truthy(last:match("^fail\treset") or last:match("^closed\t1006"), result.output)
      end
   end)
end)

if package.config:sub(1, 1) == "\\" then
   describe("a system without Unix sockets", function()
      it("is named where a URL or connect_to wants one", function()
         local words = { "names a Unix socket, and these are not available on this system" }
         expect.raises("ws+unix:///a:/", nil, words)
         expect.raises("ws://127.0.0.1:1/", { connect_to = "unix:/a" }, words)
      end)
   end)
end

describe("the option connect_to", function()
   after_each(client.finish)

   it("dials a Unix socket, and the Host stays that of the URL", function()
      local recorder = client.open("ws://host.example:81/request", { connect_to = "unix:" .. socket() })
      assert.equal("GET /request host.example:81", client.wait(recorder, "received")[2])
      assert.equal("ws://host.example:81/request", recorder.ws:url())
   end)

   it("dials an address, and the certificate must be that of the URL's host", function()
      local ports = servers.ports()
      local all = { connect_to = "127.0.0.1:" .. ports.wss_name_only, tls = { ca_file = servers.file("ca.pem") } }
      client.open("wss://localhost:1/echo", all)
      expect.refusal(client.connect("wss://127.0.0.1:1/echo", all), "tls", { "127.0.0.1:1" })
   end)

   it("raises for what is neither host:port nor unix:/path", function()
      for _, target in ipairs({ "", "host", "host:", "host:0", "host:65536", ":80", "ws://host:80", "unix:", "unix:a",
         "unix:/a\0b", "host:80/", "u:hush@host:80" }) do
         local text = expect.raised(websocket.new, "ws://host/", print, { connect_to = target })
         expect.holds(text, { "option connect_to must be \"host:port\" or \"unix:/path\"" })
         assert.is_nil(text:find("hush", 1, true), text)
      end
   end)
end)

describe("the option local_address", function()
   after_each(client.finish)

   it("is the address from which the connection comes", function()
      client.open(servers.url("/echo"), { local_address = "127.0.0.1" })
      local recorder = client.connect(servers.url("/echo"), { local_address = "192.0.2.77" })
      expect.refusal(recorder, "connect", { "local_address 192.0.2.77: " })
   end)

   it("raises for what is no IP address or of another family than the URL's", function()
      for _, address in ipairs({ "", "eth0", "localhost", "127.0.0.1:80", "[::1]" }) do
         local text = "option local_address must be an IP address"
         expect.raises(servers.url("/echo"), { local_address = address }, { text })
      end
      expect.raises("ws://127.0.0.1/", { local_address = "::1" }, { "option local_address ::1 is of another family" })
   end)
end)
