local client = require "client"
local expect = require "expect"
local servers = require "servers"
local websocket = require "websocket"

-- Attempts that follow each other quickly.
local function quick(more)
   local reconnect = { min_delay = 0.01, max_delay = 0.01 }
   for name, value in pairs(more or {}) do
      reconnect[name] = value
   end
   return { reconnect = reconnect }
end

describe("reconnecting", function()
   after_each(function()
      websocket.set_error_handler(nil)
      client.finish()
   end)

   it("opens a lost connection again, on the same object", function()
      local recorder = client.open(servers.url("/reset", { after = 1 }), quick())
      for _ = 1, 3 do
         recorder.ws:send("lose it")
         local event = client.wait(recorder, "reconnecting")
         assert.equal("connecting", recorder.ws:status())
         assert.is_nil(recorder.ws:end_info())
         local detail = event[3]
         assert.equal("reset", detail.error)
         assert.equal(1006, detail.code)
         assert.equal(0, detail.lost_messages)
         assert.equal(0, detail.lost_bytes)
         assert.is_true(detail.delay > 0 and detail.delay <= 0.01)
         assert.truthy(event[2]:find("connection to 127.0.0.1:", 1, true), event[2])
         client.wait(recorder, "open")
         assert.equal("open", recorder.ws:status())
      end
   end)

   it("tells the peer's code and reason, and counts the attempts", function()
      local recorder = client.connect(servers.url("/close", { code = 1012, reason = "restarting" }), quick())
      for attempt = 1, 3 do
         local event = client.wait(recorder, "reconnecting")
         assert.equal(attempt, event[3].attempt)
         assert.equal(1012, event[3].code)
         assert.equal("restarting", event[3].reason)
         assert.is_nil(event[3].error)
         assert.equal("the peer closed the connection with 1012", event[2])
      end
   end)

   it("sends what was sent meanwhile after the next open, in order", function()
      local token = servers.token()
      local url = servers.url("/close", { code = 1001, after = 6, token = token })
      local recorder
      recorder = client.connect(url, quick(), function(_, event)
         if event == "reconnecting" then
            for number = 1, 5 do
               assert.equal(recorder.ws, recorder.ws:send("meanwhile " .. number))
            end
         end
      end)
      for number = 1, 6 do
         recorder.ws:send("first " .. number)
      end
      local record = client.report(token, "messages:11")
      assert.equal(11, record.messages)
      assert.equal("meanwhile 5", record.last)
      recorder.ws:close()
      client.drain(recorder)
      expect.refused("closed", recorder.ws:send("late"))
   end)

   it("ends after a code, a status or a failure that does not heal", function()
      local cases = {
         { servers.url("/close", { code = 1000 }), "closed", 1000 },
         { servers.url("/close", { code = 1008 }), "closed", 1008 },
         { servers.url("/close", { code = 4001 }), "closed", 4001 },
         { servers.url("/status", { code = 401 }), "fail", "http_status" },
         { servers.url("/status", { code = 404 }), "fail", "http_status" },
         { servers.url("/", nil, "garbage"), "fail", "handshake" },
         { servers.url("/", nil, "wss_unknown_ca"), "fail", "tls" },
      }
      for _, case in ipairs(cases) do
         local recorder = client.connect(case[1], quick())
         local last = client.drain(recorder)
         assert.equal(case[2], last[1], case[1])
         assert.equal(case[3], last[3], case[1])
         assert.is_nil(client.names(recorder):find("reconnecting", 1, true), case[1])
      end
   end)

   it("tries again after a status that heals, and ends with the last failure", function()
      for _, status in ipairs({ 408, 429, 500, 503 }) do
         local recorder = client.connect(servers.url("/status", { code = status }), quick({ max_retries = 2 }))
         local last = client.drain(recorder)
         assert.equal("reconnecting reconnecting fail", client.names(recorder))
         assert.equal("http_status", last[3])
         assert.equal(status, recorder.ws:response().status)
      end
   end)

   it("obeys Retry-After", function()
      local url = servers.url("/status", { code = 503, header = "Retry-After: 7" })
      local recorder = client.connect(url, quick())
      assert.equal(7, client.wait(recorder, "reconnecting")[3].delay)
      recorder.ws:close()
      assert.equal("closed", client.drain(recorder)[1])
   end)

   it("tries again where the transport ends before the server has answered", function()
      for _, port in ipairs({ "eof", "reset", "wss_reset" }) do
         local recorder = client.connect(servers.url("/", nil, port), {
            tls = { ca_file = servers.file("ca.pem") },
            reconnect = { min_delay = 0.01, max_delay = 0.01, max_retries = 1 },
         })
         client.drain(recorder)
         assert.equal("reconnecting fail", client.names(recorder), port)
      end
   end)

   it("tries again where no server listens", function()
      local recorder = client.connect(servers.url("/", nil, "refused"), quick({ max_retries = 1 }))
      assert.equal("fail", client.drain(recorder)[1])
      assert.equal("reconnecting fail", client.names(recorder))
      assert.equal("connect", recorder.ws:end_info().error)
   end)

   it("stops when the script closes, in any phase", function()
      local url = servers.url("/", nil, "refused")
      local never = client.connect(url, quick())
      never.ws:close()
      assert.equal("closed", client.drain(never)[1])
      assert.equal("closed", client.names(never))

      local waiting = client.connect(url, { reconnect = { min_delay = 1000, max_delay = 1000 } })
      client.wait(waiting, "reconnecting")
      waiting.ws:close()
      assert.equal("closing", waiting.ws:status())
      client.drain(waiting)
      assert.equal("reconnecting closed", client.names(waiting))

      local inside
      inside = client.connect(url, quick(), function(_, event)
         if event == "reconnecting" then
            inside.ws:close()
         end
      end)
      client.drain(inside)
      assert.equal("reconnecting closed", client.names(inside))

      local open = client.open(servers.url("/echo"), quick())
      open.ws:close()
      client.drain(open)
      assert.equal("open closed", client.names(open))
   end)

   it("shows nothing but the end after the script has closed", function()
      -- The connection is lost, and the script closes before it is told.
      local recorder = client.open(servers.url("/drop", { after = 1 }), quick())
      recorder.ws:send("lose it")
      client.await_queued()
      recorder.ws:close()
      local last = client.drain(recorder)
      assert.equal("closed", last[1])
      assert.equal("open closed", client.names(recorder))
   end)

   it("shows nothing of later connections after the script has closed", function()
      -- Each connection brings a message and ends, and several have done so before the script closes.
      local recorder
      recorder = client.connect(servers.url("/push", { count = 1, ["then"] = "eof" }), quick(), function(_, event)
         if event == "open" then
            local deadline = client.now() + 0.5
            repeat until client.now() > deadline
            recorder.ws:close()
         end
      end)
      client.drain(recorder)
      local names = client.names(recorder)
      assert.is_true(names == "open closed" or names == "open received closed", names)
      assert.equal(1006, recorder.ws:end_info().code)
   end)

   it("has the answer to each attempt that was refused", function()
      local recorder
      local statuses = {}
      recorder = client.connect(servers.url("/status", { code = 503 }), quick({ max_retries = 2 }), function(_, event)
         if event == "reconnecting" then
            statuses[#statuses + 1] = recorder.ws:response().status
         end
      end)
      client.drain(recorder)
      assert.same({ 503, 503 }, statuses)
   end)

   it("refuses wrong options", function()
      local function raised(reconnect)
         return expect.raised(websocket.new, servers.url("/", nil, "refused"), print, { reconnect = reconnect })
      end
      assert.truthy(raised(1):find("option reconnect must be a boolean or a table, got number", 1, true))
      for name, values in pairs({
         min_delay = { 0, -1, "1", math.huge, 0 / 0, false },
         max_delay = { 0, {} },
         factor = { 0.9, 101, "2", 0 / 0 },
         jitter = { -0.1, 1.1, true },
         max_retries = { -1, 1.5, "3" },
         stable_after = { 0, "x" },
         before = { 1, "x", {}, true },
      }) do
         for _, value in ipairs(values) do
            local text = raised({ [name] = value })
            assert.truthy(text:find("option reconnect." .. name .. " must be", 1, true), text)
         end
      end
      assert.truthy(raised({ min_delay = 60 }):find("must be at most reconnect.max_delay, which is 30 s", 1, true))
      assert.truthy(raised({ retries = 3 }):find('the nearest known is "reconnect.max_retries"', 1, true))
   end)

   it("is off by default, and with false", function()
      for _, options in ipairs({ {}, { reconnect = false } }) do
         local recorder = client.connect(servers.url("/", nil, "refused"), options)
         client.drain(recorder)
         assert.equal("fail", client.names(recorder))
      end
   end)
end)
