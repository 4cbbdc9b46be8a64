--- `spawn` and `sleep`: conversations that are written from top to bottom and run at the same time.

local child = require "child"
local client = require "client"
local expect = require "expect"
local servers = require "servers"
local websocket = require "websocket"

local function finish()
   websocket.set_error_handler(nil)
   client.finish()
end

-- Runs a function as a coroutine until all has ended; raises its error.
local function run(fn, ...)
   local problem
   websocket.set_error_handler(function(_, traceback) problem = problem or traceback end)
   websocket.spawn(fn, ...)
   websocket.run()
   websocket.set_error_handler(nil)
   assert(not problem, problem)
end

describe("spawn", function()
   after_each(finish)

   it("starts the function in the next poll, with its arguments", function()
      local got
      local thread = websocket.spawn(function(...) got = { select("#", ...), ... } end, 1, nil, "three", nil)
      assert.equal("thread", type(thread))
      assert.is_nil(got)
      websocket.poll()
      assert.same({ 4, 1, nil, "three" }, got)
      assert.equal("dead", coroutine.status(thread))
   end)

   it("holds many conversations at once", function()
      local done, most, alive = 0, 0, 0
      for number = 1, 20 do
         websocket.spawn(function()
            local ws = assert(websocket.connect(servers.url("/echo")))
            alive = alive + 1
            most = math.max(most, alive)
            for round = 1, 10 do
               local text = number .. ":" .. round
               ws:send(text)
               assert(ws:receive(30) == text)
               websocket.sleep(0.002)
            end
            alive = alive - 1
            ws:close()
            local _, _, code = ws:receive(30)
            assert(code == "closed")
            done = done + 1
         end)
      end
      websocket.run()
      assert.equal(20, done)
      assert.is_true(most > 10)
   end)

   it("gives each message to the coroutine that waits for it, in order", function()
      run(function()
         local ws = assert(websocket.connect(servers.url("/push", { count = 3000, size = 8, ["then"] = "close" })))
         local count = 0
         while true do
            local message, _, code, number = ws:receive()
            if not message then
               assert.same({ "closed", 1005 }, { code, number })
               break
            end
            count = count + 1
            assert.equal(("%d:"):format(count), message:match("^%d+:"))
         end
         assert.equal(3000, count)
      end)
   end)

   it("lets a wait end by its time, and go on", function()
      run(function()
         local ws = assert(websocket.connect(servers.url("/echo")))
         expect.refused("timeout", ws:receive(0.02))
         expect.refused("timeout", ws:receive(0))
         ws:send("hello")
         assert.same({ "hello", "text" }, { ws:receive(30) })
         ws:close()
      end)
   end)

   it("returns the code of a failure", function()
      run(function()
         expect.refused("connect", websocket.connect(servers.url("/", nil, "refused")))
      end)
   end)

   it("works in a callback", function()
      local got
      client.open(servers.url("/echo"), nil, function(recorder, event)
         if event == "open" then
            websocket.spawn(function()
               local ws = assert(websocket.connect(servers.url("/echo")))
               ws:send("inner")
               got = ws:receive()
               ws:close()
               recorder.ws:close()
            end)
         end
      end)
      websocket.run()
      assert.equal("inner", got)
   end)

   it("keeps run going only while something can come", function()
      websocket.spawn(function() coroutine.yield() end)
      websocket.run()
      assert.equal(0, websocket.poll(math.huge))
   end)

   it("leaves a yield that is not ours to the script", function()
      local thread, answer, after
      thread = websocket.spawn(function()
         local ws = assert(websocket.connect(servers.url("/echo")))
         answer = coroutine.yield("question")
         ws:send(answer)
         after = ws:receive(30)
         ws:close()
      end)
      client.poll_until(function()
         return coroutine.status(thread) == "suspended" and websocket.connections() == 1
            and websocket.connections("list")[1]:status() == "open"
      end)
      assert.is_true(coroutine.resume(thread, "answer"))
      websocket.run()
      assert.same({ "answer", "answer" }, { answer, after })
   end)

   it("is not confused by a resume of the script while it waits", function()
      local got
      local thread = websocket.spawn(function()
         local ws = assert(websocket.connect(servers.url("/echo")))
         got = { ws:receive(0.3) }
         ws:close()
      end)
      client.poll_until(function()
         return websocket.connections() == 1 and websocket.connections("list")[1]:status() == "open"
      end)
      assert.is_true(coroutine.resume(thread, "wrong"))
      assert.is_nil(got)
      websocket.run()
      assert.equal("timeout", got[3])
   end)

   it("gives an error to the error handler, with the traceback of the coroutine", function()
      local problems = {}
      websocket.set_error_handler(function(problem, traceback)
         problems[#problems + 1] = { problem, traceback }
      end)
      local function inner()
         websocket.sleep(0.001)
         error("oops", 0)
      end
      local value = {}
      websocket.spawn(function()
         inner()
         return 1
      end)
      websocket.spawn(function() error(value) end)
      local went_on
      websocket.spawn(function() went_on = true end)
      websocket.run()
      assert.is_true(went_on)
      assert.equal(value, problems[1][1])
      assert.equal("oops", problems[2][1])
      local _, lines = problems[2][2]:gsub("spawn_spec%.lua:%d+: in", "")
      assert.equal(2, lines, problems[2][2])
      assert.is_nil(problems[2][2]:find("waiting.lua", 1, true))
   end)

   it("lets an error leave poll as that of a callback does", function()
      websocket.set_error_handler("raise")
      websocket.spawn(function() error("stop", 0) end)
      assert.same({ false, "stop" }, { pcall(websocket.poll) })
      websocket.set_error_handler(nil)
      websocket.set_abort_test(function(problem) return problem == "abort" end)
      websocket.spawn(function() error("abort", 0) end)
      local results = { pcall(websocket.poll) }
      websocket.set_abort_test(nil)
      assert.same({ false, "abort" }, results)
   end)

   it("raises where two coroutines receive from one connection", function()
      local problem
      run(function()
         local ws = assert(websocket.connect(servers.url("/echo")))
         websocket.spawn(function()
            problem = expect.raised_here(function() local _ = ws:receive() end)
            ws:send("hello")
         end)
         assert.equal("hello", ws:receive())
         ws:close()
      end)
      assert.equal("receive: another coroutine receives from this connection already", problem)
   end)

   it("raises where the script itself receives from the connection", function()
      local ws = assert(websocket.connect(servers.url("/echo")))
      local problem
      websocket.spawn(function()
         problem = expect.raised_here(function() local _ = ws:receive() end)
         ws:send("hello")
      end)
      assert.equal("hello", ws:receive())
      assert.equal("receive: another coroutine receives from this connection already", problem)
   end)

   it("lets others go on while it flushes", function()
      local ticks, answer = 0, nil
      run(function()
         local timer = websocket.every(0.001, function() ticks = ticks + 1 end)
         local ws = assert(websocket.connect(servers.url("/stall"), { max_buffered = 2 ^ 30 }))
         ws:send(("x"):rep(3e7))
         expect.refused("timeout", ws:flush(0.2))
         timer:cancel()
         ws:terminate()
         local other = assert(websocket.connect(servers.url("/echo")))
         other:send("x")
         assert.equal(other, other:flush())
         answer = other:receive(30)
         other:close()
      end)
      assert.equal("x", answer)
      assert.is_true(ticks > 5)
   end)

   it("raises for what cannot be called", function()
      assert.equal("fn must be a function or callable, got nil",
         expect.raised_here(function() local _ = websocket.spawn() end))
      local called
      websocket.spawn(setmetatable({}, { __call = function(_, value) called = value end }), 7)
      websocket.poll()
      assert.equal(7, called)
   end)

   it("raises in a coroutine of the script's own inside a callback", function()
      local problem
      websocket.defer(function()
         coroutine.wrap(function()
            problem = expect.raised_here(function() websocket.sleep(1) end)
         end)()
      end)
      websocket.poll()
      assert.matches("cannot wait inside a callback", problem)
   end)

   it("raises in a coroutine of the script's own inside of a spawned one", function()
      local problem, loop
      local adapter = { name = "any", watch = function() end, unwatch = function() end }
      websocket.attach(adapter)
      finally(function() websocket.detach(adapter) end)
      run(function()
         loop = coroutine.wrap(function()
            problem = expect.raised_here(function() websocket.sleep(1) end)
            return "done"
         end)
         assert.equal("done", loop())
      end)
      assert.equal("sleep cannot wait in a coroutine that runs inside of another one: start its function with"
         .. " websocket.spawn", problem)
   end)

   it("iterates over messages, or says on Lua 5.1 that it cannot", function()
      local count, problem = 0, nil
      websocket.set_error_handler(function(text) problem = text end)
      websocket.spawn(function()
         local ws = assert(websocket.connect(servers.url("/push", { count = 5, size = 5, ["then"] = "close" })))
         websocket.sleep(0.05)
         for _ in ws:messages() do
            count = count + 1
         end
      end)
      websocket.run()
      if problem then
         assert.equal("Lua 5.1", _VERSION)
         assert.is_nil(rawget(_G, "jit"))
         assert.matches("call ws:receive%(%) in a while loop", problem)
      else
         assert.equal(5, count)
      end
   end)
end)

describe("sleep", function()
   after_each(finish)

   it("runs the loop in a plain script", function()
      local ticks = 0
      local timer = websocket.every(0.005, function() ticks = ticks + 1 end)
      local before = websocket.now()
      assert.equal(0, select("#", websocket.sleep(0.05)) - 1)
      timer:cancel()
      assert.is_true(websocket.now() - before >= 0.05)
      assert.is_true(ticks > 2)
   end)

   it("waits also where nothing can come", function()
      local before = websocket.now()
      websocket.sleep(0.03)
      assert.is_true(websocket.now() - before >= 0.03)
      websocket.sleep(0)
   end)

   it("raises for what is no time, and inside a callback", function()
      for _, case in ipairs({ { "1", "string" }, { -1, "-1" }, { 0 / 0, "nan" }, { 1e10, "10000000000" } }) do
         local text = expect.raised_here(function() websocket.sleep(case[1]) end)
         assert.matches("^seconds must be a number from 0 to 1e9, got ", text)
      end
      local problem
      websocket.defer(function() problem = expect.raised_here(function() websocket.sleep(0) end) end)
      websocket.poll()
      assert.matches("cannot wait inside a callback", problem)
   end)
end)

describe("Where a host has replaced the functions of coroutine, as nginx does", function()
   it("spawn, connect, receive and sleep work with Lua's own", function()
      local result = child.run(([[
         local nginx = coroutine
         for _, name in ipairs({ "create", "resume", "status", "wrap", "yield" }) do
            nginx["_" .. name] = nginx[name]
            nginx[name] = function() error("API disabled in the context of init_worker_by_lua*", 2) end
         end
         local websocket = require "websocket"
         websocket.spawn(function()
            local ws = assert(websocket.connect(%q))
            ws:send("hello")
            print(ws:receive())
            websocket.sleep(0.01)
            ws:close()
         end)
         websocket.run()
      ]]):format(servers.url("/echo")))
      assert.equal("hello\ttext\n", result.output)
      assert.equal(0, result.status)
   end)
end)
