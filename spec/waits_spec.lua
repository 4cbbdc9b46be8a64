--- Waits in coroutines that end before they should: by an error, by the script, or where nothing can yield.

local client = require "client"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

local IN_C_FUNCTION = " cannot wait here: a C function, such as table.sort, or pcall in Lua 5.1, stands between"

local is_plain_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

local function finish()
   websocket.set_error_handler(nil)
   websocket.close_all()
   assert(client.poll_until(function() return websocket.connections() == 0 end), "a connection did not end")
   client.finish()
end

-- Runs a function as a coroutine until all has ended; returns what the error handler got.
local function problems_of(fn, ...)
   local problems = {}
   websocket.set_error_handler(function(problem) problems[#problems + 1] = problem end)
   websocket.spawn(fn, ...)
   websocket.run()
   return problems
end

-- Calls a function from inside C functions, of which none can yield.
local function in_sort(fn)
   local first = true
   table.sort({ 2, 1 }, function(a, b)
      if first then
         first = false
         fn()
      end
      return a < b
   end)
end

describe("a coroutine that cannot yield", function()
   after_each(finish)

   it("raises in all that waits, and leaves no connection and no timer", function()
      local texts = {}
      local function note(fn)
         local ok, text = pcall(in_sort, fn)
         assert(not ok)
         texts[#texts + 1] = text
      end
      local problems = problems_of(function()
         note(function() websocket.sleep(1000) end)
         note(function() return (websocket.connect(servers.url("/echo"))) end)
         assert(websocket.connections() == 0)
         local ws = assert(websocket.connect(servers.url("/echo")))
         note(function() ws:receive(1000) end)
         note(function() ws:receive() end)
         ws:close()
      end)
      assert.same({}, problems)
      for index, name in ipairs({ "sleep", "connect", "receive", "receive" }) do
         assert.matches("waits_spec.lua:%d+: " .. name .. IN_C_FUNCTION, texts[index])
      end
   end)

   it("takes what has arrived, and nothing else, without a time", function()
      local got = {}
      assert.same({}, problems_of(function()
         local ws = assert(websocket.connect(servers.script({
            "status101", steps.text("one"), steps.text("two"), "await-close",
         })))
         assert(ws:receive(30) == "one")
         websocket.sleep(0.05)
         in_sort(function()
            got[1] = ws:receive(0)
            got[2] = select(3, ws:receive(0))
         end)
         ws:close()
      end))
      assert.same({ "two", "timeout" }, got)
   end)

   it("waits again after an error, in a metamethod", function()
      local got
      assert.same({}, problems_of(function()
         local ws = assert(websocket.connect(servers.url("/echo")))
         local lazy = setmetatable({}, { __index = function() return (ws:receive(0.01)) end })
         pcall(function() return lazy.field end) -- may yield from Lua 5.2 on
         ws:send("hello")
         got = ws:receive(30)
         ws:close()
      end))
      assert.equal("hello", got)
   end)

   it("leaves no timer where its function ends by such an error", function()
      local before = websocket.now()
      problems_of(function()
         local lazy = setmetatable({}, { __index = function() websocket.sleep(is_plain_51 and 1000 or 0) end })
         return lazy.field
      end)
      assert.is_true(websocket.now() - before < 500)
   end)
end)

describe("a coroutine that the script has closed", function()
   after_each(finish)

   it("is not resumed, and another may receive", function()
      if not coroutine.close then
         return -- Lua 5.4 has it
      end
      local ws, got
      local thread = websocket.spawn(function()
         ws = assert(websocket.connect(servers.url("/echo")))
         ws:receive(0.05)
      end)
      assert(client.poll_until(function() return ws end))
      assert.is_true(coroutine.close(thread))
      assert.same({}, problems_of(function()
         websocket.sleep(0.06)
         ws:send("hello")
         got = ws:receive(30)
         ws:close()
      end))
      assert.equal("hello", got)
   end)

   it("is not resumed by a message", function()
      if not coroutine.close then
         return
      end
      local ws
      local thread = websocket.spawn(function()
         ws = assert(websocket.connect(servers.url("/echo")))
         ws:receive()
      end)
      assert(client.poll_until(function() return ws end))
      assert.is_true(coroutine.close(thread))
      ws:send("hello")
      assert.same({}, problems_of(function() websocket.sleep(0.05) end, ws:close()))
      assert.same({ "hello", "text" }, { ws:receive() })
   end)
end)

describe("a coroutine that waits when an error leaves poll", function()
   after_each(function()
      websocket.set_abort_test(nil)
      finish()
   end)

   it("goes on, wherever the error has struck", function()
      websocket.set_abort_test(function(problem) return problem == "abort" end)
      local ws = assert(websocket.connect(servers.url("/echo")))
      for round = 1, 200 do
         local receiver = websocket.spawn(function() ws:receive(30) end)
         local sleeper = websocket.spawn(function() websocket.sleep(0.001) end)
         websocket.poll()
         ws:send("hello")
         client.await_queued()
         local count = 0
         local function strike()
            count = count + 1
            if count == round then
               debug.sethook()
               error("abort", 0)
            end
         end
         pcall(function()
            debug.sethook(strike, "", 1)
            websocket.poll()
            debug.sethook()
         end)
         debug.sethook()
         -- On LuaJIT the error may strike in a coroutine and end it.
         assert(client.poll_until(function()
            return coroutine.status(receiver) == "dead" and coroutine.status(sleeper) == "dead"
         end, 10), "a coroutine waits for ever")
      end
   end)
end)

describe("a closed connection", function()
   after_each(finish)

   it("delivers no message after one that it has dropped", function()
      local ws = assert(websocket.connect(servers.script({
         "status101", "await:messages:1", steps.binary(("a"):rep(500)), "sleep:50", steps.binary(("b"):rep(3000)),
         "sleep:50", steps.binary("c"), "reply-close",
      }), { max_queue = 2000 }))
      ws:send("go")
      ws:close()
      assert(client.poll_until(function() return websocket.connections() == 0 end))
      assert.equal(("a"):rep(500), (ws:receive()))
      assert.equal("closed", (select(3, ws:receive())))
   end)
end)
