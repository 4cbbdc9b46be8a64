-- How a script plans the attempts to open a lost connection again.
local client = require "client"
local servers = require "servers"
local websocket = require "websocket"

describe("reconnect.before", function()
   local function planned(before, more)
      local reconnect = { min_delay = 0.01, max_delay = 0.01, before = before }
      for name, value in pairs(more or {}) do
         reconnect[name] = value
      end
      return { reconnect = reconnect }
   end

   after_each(function()
      websocket.set_error_handler(nil)
      client.finish()
   end)

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
            planned_twice[index] = planned_twice[index] or attempt == 2
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
