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

   describe("planned by the script", function()
      local function planned(before, more)
         local options = quick(more)
         options.reconnect.before = before
         return options
      end

      it("goes to the URL and with the headers that it gets", function()
         local token = servers.token()
         local attempts = {}
         local recorder = client.connect(servers.url("/", nil, "refused"), planned(function(attempt)
            attempts[#attempts + 1] = attempt
            return servers.url("/headers", { token = token }), { ["X-Token"] = "fresh " .. attempt }
         end))
         local head = client.wait(recorder, "received")[2]
         assert.truthy(head:find("X-Token: fresh 1", 1, true), head)
         assert.same({ 1 }, attempts)
         assert.equal(servers.url("/headers", { token = token }), recorder.ws:url())
      end)

      it("keeps what is nil, with the credentials of the URL", function()
         local token = servers.token()
         local url = servers.url("/drop", { after = 1, token = token }):gsub("//", "//user:pass@", 1)
         local answers = {
            function() return url, { ["X-Token"] = "first" } end,
            function() return nil, { ["X-Token"] = "second" } end,
            function() end,
            function() return url end,
         }
         local recorder = client.connect(servers.url("/", nil, "refused"), planned(function(attempt)
            return answers[attempt]()
         end))
         for attempt, sent in ipairs({ "first", "second", "second", "second" }) do
            client.wait(recorder, "open")
            local head = client.report(token, "connections:" .. attempt).request
            assert.truthy(head:find("X-Token: " .. sent, 1, true), head)
            assert.truthy(head:find("Authorization: Basic dXNlcjpwYXNz", 1, true), head)
            if attempt < 4 then
               recorder.ws:send("lose it")
            end
         end
         recorder.ws:close()
      end)

      it("counts an attempt as failed where it raises or returns what cannot be used", function()
         local url = servers.url("/headers")
         local problems = {}
         websocket.set_error_handler(function(problem) problems[#problems + 1] = tostring(problem) end)
         local results = {
            function() error("no token", 0) end,
            function() return "http://127.0.0.1/" end,
            function() return 7 end,
            function() return nil, { Upgrade = "x" } end,
            function() return nil, "no table" end,
            function() coroutine.yield() end,
            function() return url end,
         }
         local options = planned(function(attempt) return results[attempt]() end)
         local recorder = client.connect(servers.url("/", nil, "refused"), options)
         client.wait(recorder, "open")
         assert.equal(6, #problems)
         assert.equal("no token", problems[1])
         local prefix = "reconnect.before returned what cannot be used: "
         assert.equal(prefix .. 'invalid URL: unknown scheme "http", must be "ws" or "wss"', problems[2])
         assert.equal(prefix .. "url must be a string, got number", problems[3])
         assert.truthy(problems[4]:find(prefix, 1, true), problems[4])
         assert.equal(prefix .. "headers must be a table, got string", problems[5])
         assert.truthy(problems[6]:find("yield", 1, true), problems[6])
         local texts = {}
         for _, event in ipairs(recorder.events) do
            if event[1] == "reconnecting" then
               texts[#texts + 1] = event[2]
            end
         end
         assert.truthy(texts[2]:find("^reconnect.before gave no plan; before that: no address of the host"), texts[2])
      end)

      it("counts an attempt as failed where an error leaves poll", function()
         websocket.set_abort_test(function(problem) return problem == "stop the script" end)
         local recorder = client.connect(servers.url("/", nil, "refused"), planned(function(attempt)
            if attempt == 1 then
               error("stop the script", 0)
            end
         end, { max_retries = 2 }))
         local ok, problem = pcall(client.drain, recorder)
         websocket.set_abort_test(nil)
         assert.is_false(ok)
         assert.equal("stop the script", problem)
         client.drain(recorder)
         assert.equal("reconnecting reconnecting fail", client.names(recorder))
      end)

      it("of several connections in one poll counts each attempt that an error of a hook cuts off as failed", function()
         if not debug.getinfo(1, "u").nparams then
            pending("this Lua does not tell what a hook needs to know")
         end
         websocket.set_error_handler(function() end)
         local planned_twice, recorders = {}, {}
         for index = 1, 2 do
            recorders[index] = client.connect(servers.url("/", nil, "refused"), planned(function(attempt)
               planned_twice[index] = attempt == 2
            end))
            client.wait(recorders[index], "reconnecting")
         end
         -- Both attempts wait for the same poll. The function that plans has three parameters.
         local deadline = client.now() + 1
         repeat until client.now() > deadline
         debug.sethook(function()
            local info = debug.getinfo(2, "Su")
            if info.source == "=websocket" and info.nparams == 3 then
               error("hook", 0)
            end
         end, "call")
         pcall(websocket.poll)
         debug.sethook()
         client.poll_until(function() return planned_twice[1] and planned_twice[2] end)
         assert.same({ true, true }, planned_twice)
         for _, recorder in ipairs(recorders) do
            recorder.ws:close()
         end
      end)

      it("may close the connection itself", function()
         local recorder
         recorder = client.connect(servers.url("/", nil, "refused"), planned(function() recorder.ws:close() end))
         client.drain(recorder)
         assert.equal("reconnecting closed", client.names(recorder))
      end)

      it("is called inside poll alone, and counts as one callback", function()
         local called = 0
         local recorder = client.connect(servers.url("/", nil, "refused"), planned(function() called = called + 1 end))
         client.wait(recorder, "reconnecting")
         client.await_queued()
         assert.equal(0, called)
         assert.equal(1, websocket.poll())
         assert.equal(1, called)
         recorder.ws:close()
      end)
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
