local client = require "client"
local expect = require "expect"
local servers = require "servers"
local websocket = require "websocket"

describe("the logger", function()
   local lines

   local function log_lines()
      lines = {}
      websocket.set_logger(function(level, text, ws)
         lines[#lines + 1] = { level = level, text = text, ws = ws }
      end)
   end

   local function find(pattern)
      for _, line in ipairs(lines) do
         if line.text:find(pattern) then
            return line
         end
      end
      local texts = {}
      for index, line in ipairs(lines) do
         texts[index] = line.level .. " " .. line.text
      end
      error(("no line has %q:\n%s"):format(pattern, table.concat(texts, "\n")), 2)
   end

   after_each(function()
      websocket.set_logger(nil)
      websocket.set_error_handler(nil)
      client.finish()
   end)

   it("tells why connections end, with the connection", function()
      log_lines()
      local closed = client.connect(servers.url("/close", { code = 1000, reason = "secret reason" }))
      client.drain(closed)
      local line = find "^ended by peer with 1000$"
      assert.equal("info", line.level)
      assert.equal(closed.ws, line.ws)
      assert.equal("info", find("^the peer sent Close with 1000$").level)
      local failed = client.connect(servers.url("/", nil, "refused"))
      client.drain(failed)
      line = find "^failed %(connect%): "
      assert.equal("warning", line.level)
      assert.equal(failed.ws, line.ws)
      for _, one in ipairs(lines) do
         assert.is_nil(one.text:find("secret", 1, true), one.text)
      end
   end)

   it("tells of keepalive pings and their answers", function()
      log_lines()
      client.open(servers.url("/echo"), { ping_interval = 0.05 })
      assert.truthy(client.poll_until(function()
         return pcall(find, "^the ping was answered after [%d.]+ ms$")
      end))
      assert.equal("debug", find("^a keepalive ping is due$").level)
   end)

   it("tells how a connection is opened, without anything secret", function()
      log_lines()
      local url = servers.url("/echo", { token = "secret", protocol = "secret" }, "wss")
      url = url:gsub("//", "//secret:secret@", 1)
      local recorder = client.open(url, {
         headers = { ["X-Secret"] = "secret" },
         protocols = "secret",
         tls = { ca_file = servers.file("ca.pem") },
      })
      recorder.ws:send("secret")
      client.wait(recorder, "received")
      local authority = "127%.0%.0%.1:%d+"
      find("^TCP connection to " .. authority .. "$")
      find("^connected to " .. authority .. " from " .. authority)
      find("^TLS handshake with " .. authority .. "$")
      find "^TLS 1%.3 with TLS13_[%w_]+, a %w+ session$"
      find("^opening handshake with " .. authority .. "$")
      find "^the server answered with status 101$"
      assert.equal("info", find("^open: connection to " .. authority .. " with a subprotocol and no extension$").level)
      for _, one in ipairs(lines) do
         assert.is_nil(one.text:lower():find("secret", 1, true), one.text)
      end
   end)

   it("tells the addresses of a name", function()
      log_lines()
      client.open(servers.url("/echo", nil, "ws", "localhost"))
      find "^name resolution for localhost:%d+$"
      find "^localhost:%d+ has the addresses .*127%.0%.0%.1:%d+"
   end)

   it("tells of the proxy, of redirects and of the extension", function()
      log_lines()
      local refused = servers.ports().refused
      local failed = client.connect(servers.url("/echo"), { proxy = "http://user:secret@127.0.0.1:" .. refused })
      client.drain(failed)
      find("^TCP connection to proxy 127%.0%.0%.1:" .. refused .. "$")
      local target = servers.url("/count-messages", { extensions = "permessage-deflate" })
      local url = servers.url("/status", { code = 307, header = "Location: " .. target })
      client.open(url, { max_redirects = 1, compression = true })
      find "^the server answered with status 307$"
      assert.equal("info", find("^redirected to 127%.0%.0%.1:%d+$").level)
      find '^open: connection to 127%.0%.0%.1:%d+ with no subprotocol and "permessage%-deflate"$'
      for _, one in ipairs(lines) do
         assert.is_nil(one.text:find("secret", 1, true), one.text)
      end
   end)

   it("tells of attempts to reconnect", function()
      log_lines()
      local options = { reconnect = { min_delay = 0.01, max_delay = 0.01, max_retries = 1 } }
      client.drain(client.connect(servers.url("/", nil, "refused"), options))
      assert.equal("warning", find("^attempt 1 in 0%.0%d+ s: no address of the host accepted").level)
   end)

   it("is silent by default, after nil, and in place of an earlier one", function()
      log_lines()
      local first = lines
      log_lines()
      client.drain(client.connect(servers.url("/close", { code = 1000 })))
      assert.same({}, first)
      local count = #lines
      assert.is_true(count > 0)
      websocket.set_logger(nil)
      local recorder = client.connect(servers.url("/close", { code = 1000 }))
      client.drain(recorder)
      assert.equal(count, #lines)
   end)

   it("is not called for lines that wait when it is removed", function()
      log_lines()
      local recorder = client.connect(servers.url("/", nil, "refused"))
      client.await_queued()
      websocket.set_logger(nil)
      client.drain(recorder)
      assert.same({}, lines)
   end)

   it("has its errors handled as those of callbacks", function()
      local problems = {}
      websocket.set_error_handler(function(problem) problems[#problems + 1] = problem end)
      websocket.set_logger(function() error("logger", 0) end)
      local recorder = client.connect(servers.url("/close", { code = 1000 }))
      client.drain(recorder)
      assert.is_true(#problems > 0)
      assert.equal("logger", problems[1])
      assert.equal("open closed", client.names(recorder))
   end)

   it("refuses what cannot be called", function()
      for _, value in ipairs({ 1, "x", {}, true }) do
         local text = expect.raised(websocket.set_logger, value)
         assert.truthy(text:find("logger must be a function or callable", 1, true), text)
      end
   end)
end)
