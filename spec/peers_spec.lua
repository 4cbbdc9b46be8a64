--- Servers of other projects: Python's websockets and Node's ws.

local client = require "client"
local expect = require "expect"
local servers = require "servers"

local peers = { ["Python's websockets"] = servers.python, ["Node's ws"] = servers.node }

for name, ports_of in pairs(peers) do
   for _, scheme in ipairs({ "ws", "wss" }) do
      describe(name .. " over " .. scheme, function()
         after_each(client.finish)

         local function open(path, query, options)
            local all = { tls = { ca_file = servers.file("ca.pem") } }
            for key, value in pairs(options or {}) do
               all[key] = value
            end
            return client.open(servers.url_at(ports_of()[scheme], path, query, scheme), all)
         end

         it("echoes text and binary of every form of length", function()
            local recorder = open("/echo")
            for _, size in ipairs({ 0, 1, 125, 126, 65535, 65536, 1024 * 1024 }) do
               local text = ("t\195\169xt "):rep(math.ceil(size / 6)):sub(1, size)
               -- No character is cut.
               text = text:gsub("\195$", "x")
               recorder.ws:send(text)
               local event = client.wait(recorder, "received")
               assert.is_true(event[2] == text, "text of " .. size .. " bytes came back as " .. #event[2])
               assert.equal("text", event[3])
               local binary = ("\0\255b"):rep(math.ceil(size / 3)):sub(1, size)
               recorder.ws:send(binary, true)
               event = client.wait(recorder, "received")
               assert.is_true(event[2] == binary, size .. " bytes came back as " .. #event[2])
               assert.equal("binary", event[3])
            end
         end)

         it("echoes many messages in order", function()
            local recorder = open("/echo")
            for index = 1, 500 do
               recorder.ws:send("message " .. index)
            end
            client.wait(recorder, function()
               return #client.messages(recorder) == 500
            end)
            for index, payload in ipairs(client.messages(recorder)) do
               assert.equal("message " .. index, payload)
            end
         end)

         it("answers a ping", function()
            local recorder = open("/echo")
            recorder.ws:ping("are you there")
            assert.same({ "pong", "are you there" }, client.wait(recorder, "pong"))
         end)

         it("answers keepalive", function()
            local recorder = open("/echo", nil, { ping_interval = 0.05 })
            local latency = client.poll_until(function()
               return recorder.ws:latency()
            end)
            assert.is_true(latency > 0 and latency < 5, tostring(latency))
            assert.equal("open", client.names(recorder))
         end)

         it("answers our Close with its code and reason", function()
            local recorder = open("/echo")
            recorder.ws:close(4321, "enough")
            local info = expect.closed(recorder, 4321, "enough")
            assert.same({ true, "us", 4321, 4321 }, { info.clean, info.by, info.sent_code, info.received_code })
         end)

         it("answers our Close without a code", function()
            local recorder = open("/echo")
            recorder.ws:close(1005)
            local last = client.drain(recorder)
            local info = recorder.ws:end_info()
            -- Node's ws answers with an empty body, Python's websockets too.
            assert.same({ "closed", 1005, true }, { last[1], last[3], info.clean })
         end)

         it("closes, and its code and reason are reported", function()
            local recorder = open("/close", { code = 4002, reason = "server is tired" })
            local info = expect.closed(recorder, 4002, "server is tired")
            assert.same({ true, "peer", 4002, 4002 }, { info.clean, info.by, info.sent_code, info.received_code })
         end)

         it("agrees on a subprotocol", function()
            local recorder = open("/echo", nil, { protocols = { "other", "echo" }, require_protocol = true })
            assert.equal("echo", recorder.ws:protocol())
         end)

         it("may choose none", function()
            local recorder = open("/echo", nil, { protocols = "other" })
            assert.equal("", recorder.ws:protocol())
            recorder.ws:send("hello")
            assert.equal("hello", client.wait(recorder, "received")[2])
         end)

         it("agrees on no extension, as none is offered", function()
            assert.equal("", open("/echo").ws:extensions())
         end)

         local alone = { client_no_context_takeover = true, server_no_context_takeover = true, threshold = 0 }
         local compressions = {
            ["as it offers it"] = { true, "^permessage%-deflate" },
            ["without context takeover"] = { alone, "server_no_context_takeover" },
            ["in short windows"] = { { client_max_window_bits = 9, server_max_window_bits = 9, threshold = 0 },
               "server_max_window_bits=9" },
            ["at its best"] = { { threshold = 0, level = 9 }, "^permessage%-deflate" },
            ["at its fastest"] = { { threshold = 0, level = 1 }, "^permessage%-deflate" },
         }
         for how, compression in pairs(compressions) do
            it("compresses " .. how .. ", and everything comes back", function()
               local recorder = open("/echo", nil, { compression = compression[1] })
               assert.matches(compression[2], recorder.ws:extensions())
               local sizes = { 0, 1, 63, 64, 200, 2000, 70000, 1000000, 5 }
               for round, size in ipairs(sizes) do
                  -- Alike enough to compress, in this message and with others.
                  local text = {}
                  for index = 1, math.ceil(size / 12) do
                     text[index] = ("{\"n\":%05d},"):format(index * round * 7919 % 100000)
                  end
                  local message = table.concat(text):sub(1, size)
                  recorder.ws:send(message, round % 2 == 0, { compress = round ~= 5 })
                  local event = client.wait(recorder, "received")
                  assert.is_true(event[2] == message, #message .. " bytes came back as " .. #event[2])
                  assert.equal(round % 2 == 0 and "binary" or "text", event[3])
               end
               recorder.ws:close()
               assert.equal(1000, client.drain(recorder)[3])
            end)
         end
      end)
   end
end
