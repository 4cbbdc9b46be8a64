--- What timers do when something goes wrong: wrong arguments, errors of callbacks, interrupts, forks, ends of states,
--- and a lack of memory, descriptors or threads.

local client = require "client"
local expect = require "expect"
local host = require "host"
local servers = require "servers"
local websocket = require "websocket"

local jit = rawget(_G, "jit")

local function check_nothing_is_set()
   assert.equal(0, websocket._host.expected())
end

describe("Wrong arguments of", function()
   after_each(check_nothing_is_set)

   for name, least in pairs({ after = "0", every = "0.001" }) do
      it(name .. " raise at the script's line and name the limits", function()
         local set = websocket[name]
         for _, case in ipairs({
            { -1, "-1" }, { -math.huge, "-math.huge" }, { math.huge, "math.huge" }, { 0 / 0, "nan" },
            { 1000000001, "1000000001" }, { -1e-9, "-1e-9" },
         }) do
            local text = expect.raised(function() set(case[1], print) end)
            local wanted = "seconds must be a number from " .. least .. " to 1000000000, got " .. case[2]
            assert.equal(wanted, text:match("^spec/timer_errors_spec.lua:%d+: (.*)$"), text)
         end
         local limits = "seconds must be a number from " .. least .. " to 1000000000, got "
         for _, value in ipairs({ "1", true, {}, print }) do
            assert.matches(limits .. type(value), expect.raised(set, value, print), 1, true)
         end
         assert.matches(limits .. "nil", expect.raised(set), 1, true)
         for _, value in ipairs({ "fn", 42, true, {}, coroutine.create(function() end) }) do
            assert.matches("fn must be a function or callable, got " .. type(value), expect.raised(set, 1, value))
         end
         assert.matches("fn must be a function or callable, got nil", expect.raised(set, 1))
      end)
   end

   it("every raise below a millisecond", function()
      for _, seconds in ipairs({ 0, 0.0009 }) do
         assert.matches("seconds must be a number from 0.001 to 1000000000, got " .. seconds,
            expect.raised(websocket.every, seconds, print))
      end
      websocket.every(0.001, print):cancel()
      websocket.every(1e9, print):cancel()
   end)

   it("cancel raise, and tell how it is called", function()
      local timer = websocket.after(60, print)
      local ws = websocket.new("ws://127.0.0.1:1/", function() end)
      for _, value in ipairs({ "timer", 42, {}, ws, io.stdout, websocket.userdata({}) }) do
         assert.matches("cancel must be called on a timer with a colon %(timer:cancel%), got " .. type(value),
            expect.raised(timer.cancel, value))
      end
      assert.matches("got nil", expect.raised(timer.cancel))
      assert.matches("must be called on a websocket", expect.raised(ws.close, timer))
      timer:cancel()
      ws:terminate()
      websocket.run()
   end)
end)

describe("An error in the callback of a timer", function()
   after_each(function() websocket.set_error_handler() end)
   after_each(function() websocket.set_abort_test() end)
   after_each(check_nothing_is_set)

   it("goes to the error handler, and the timer goes on", function()
      local reported = {}
      websocket.set_error_handler(function(problem) reported[#reported + 1] = problem end)
      websocket.after(0, function() error("once", 0) end)
      local count, timer = 0, nil
      timer = websocket.every(0.001, function()
         count = count + 1
         if count == 3 then
            timer:cancel()
         end
         error("turn " .. count, 0)
      end)
      websocket.run()
      assert.same({ "once", "turn 1", "turn 2", "turn 3" }, reported)
   end)

   it("leaves poll with raise and by the abort test, and the timer goes on", function()
      websocket.set_error_handler("raise")
      local timer = websocket.every(0.001, function() error("turn", 0) end)
      assert.equal("turn", expect.raised(websocket.run))
      websocket.set_abort_test(function(problem) return problem == "turn" end)
      local later
      client.await_queued()
      websocket.after(0, function() later = true end)
      assert.equal("turn", expect.raised(websocket.poll, math.huge))
      assert.is_nil(later)
      timer:cancel()
      assert.equal(1, websocket.poll())
      assert.is_true(later)
   end)

   it("is raised for a poll inside of it, and for a yield", function()
      local reported = {}
      websocket.set_error_handler(function(problem) reported[#reported + 1] = tostring(problem) end)
      websocket.after(0, function() websocket.poll() end)
      websocket.after(0, function() coroutine.yield() end)
      assert.equal(2, coroutine.wrap(function() return websocket.poll() end)())
      assert.equal(2, #reported)
      assert.matches("poll cannot be called inside a callback", reported[1])
   end)
end)

describe("An interrupt", function()
   after_each(check_nothing_is_set)

   it("loses no turn of a timer whose callback had not begun", function()
      local points, within = 0, 0
      for number = 1, 40 do
         local count, struck, left = 0, nil, number
         local function callback() count = count + 1 end
         if jit then
            jit.off(callback)
         end
         for _ = 1, 3 do
            websocket.after(0, callback)
         end
         local ok, problem = pcall(function()
            debug.sethook(function()
               left = left - 1
               if left == 0 then
                  debug.sethook()
                  struck = debug.getinfo(2, "f").func
                  error("interrupted!", 0)
               end
            end, "c")
            websocket.poll(math.huge)
            debug.sethook()
         end)
         debug.sethook()
         if not ok then
            points = points + 1
            assert.matches("interrupted!$", problem)
         end
         websocket.run()
         local lost = struck == callback and 1 or 0
         within = within + lost
         assert.equal(3 - lost, count, "interrupted at call " .. number)
      end
      assert(points > 5, points)
      assert(within > 0, "no interrupt came at the beginning of the callback")
   end)
end)

describe("The timers of a host", function()
   it("fire in the state that set them, on its thread", function()
      host.run("threads 3", [[
         local count, timer = 0, nil
         timer = websocket.every(0.001, function()
            count = count + 1
            if count == 50 then timer:cancel() end
         end)
         local once = 0
         for index = 1, 20 do
            websocket.after(index / 1000, function() once = once + 1 end)
         end
         websocket.run()
         assert(count == 50 and once == 20, count .. " " .. once)
      ]])
   end)

   it("neither delay the end of their state nor outlive it", function()
      host.run("again 20", [[
         await_usage(function(_, threads) return threads == 1 end)
         websocket.after(1e6, print)
         websocket.every(0.001, function()
            if number % 2 == 0 then host.close() end
         end)
         for _ = 1, 5 do
            websocket.poll(0.01)
         end
      ]])
   end)

   it("answer in a finaliser that runs when the engine has ended", function()
      local notes = servers.file("timer-" .. servers.token())
      host.run("run", "engine, timer = websocket, websocket.after(1e6, print)", { notes = notes }, [[
         -- Made before everything of the module, and so finalised after it.
         local function at_end()
            local file = assert(io.open(notes, "w"))
            local ok, problem = pcall(engine.after, 1, print)
            file:write(tostring(timer:cancel()), " ", tostring(timer), " ", tostring(ok), " ", tostring(problem), " ")
            file:write(type(engine.now()))
            file:close()
         end
         if newproxy then
            object = newproxy(true)
            getmetatable(object).__gc = at_end
         else
            object = setmetatable({}, { __gc = at_end })
         end
      ]])
      local file = assert(io.open(notes))
      assert.matches("^false websocket timer %(over%) false .*this Lua state is ending number$", file:read("*a"))
      file:close()
   end)

   it("are refused in the child of a fork, and go on in the parent", function()
      host.run("run", [[
         local fired = 0
         local timer = websocket.every(0.001, function() fired = fired + 1 end)
         local child = host.fork()
         if child == 0 then
            local file = assert(io.open(notes, "w"))
            for name, call in pairs({
               after = function() websocket.after(1, print) end,
               every = function() websocket.every(1, print) end,
               cancel = function() timer:cancel() end,
               poll = function() websocket.poll(math.huge) end,
               run = function() websocket.run() end,
            }) do
               local ok, problem = pcall(call)
               if ok or not problem:find("child of a fork") then
                  file:write(name, ": ", tostring(problem), "\n")
               end
            end
            local before = websocket.now()
            file:write(tostring(timer), " ", tostring(websocket.now() >= before), " ", fired)
            file:close()
            return
         end
         local status = host.wait(child)
         local file = assert(io.open(notes))
         local text = file:read("*a")
         assert(status == 0 and text == "websocket timer (every 0.001 s) true 0", text)
         poll_until(function() return fired > 3 end)
      ]], { notes = servers.file("fork-" .. servers.token()) })
   end)

   it("raise where the engine cannot start, and leave nothing behind", function()
      host.run("run", [[
         for _, refuse in ipairs({ host.files, host.threads }) do
            refuse(false)
            for _, set in ipairs({ websocket.after, websocket.every }) do
               local ok, problem = pcall(set, 1, print)
               assert(not ok and problem:find("the engine cannot start"), tostring(problem))
            end
            assert(websocket._host.expected() == 0 and websocket.poll(math.huge) == 0)
            refuse(true)
         end
         local fired
         websocket.after(0.001, function() fired = true end)
         websocket.run()
         assert(fired)
      ]])
   end)

   it("need no memory once they are over", function()
      host.run("run", [[
         local function turn()
            for _ = 1, 1000 do
               websocket.every(60, print):cancel()
            end
            local timers = {}
            for index = 1, 1000 do
               timers[index] = websocket.after(60 + index % 10, print)
            end
            for _, timer in ipairs(timers) do
               timer:cancel()
            end
            for _ = 1, 10 do
               websocket.after(0, function() end):cancel()
               websocket.after(0, function() end)
            end
            assert(websocket.poll() == 10)
            collectgarbage()
            collectgarbage()
         end
         for _ = 1, 10 do turn() end
         local before = select(3, host.usage())
         for _ = 1, 50 do turn() end
         local after = select(3, host.usage())
         -- 16 bytes of each timer would be 1.6 MB. When Lua collects, decides how large the table of objects becomes.
         assert(after < before + 262144, ("%d bytes more"):format(after - before))
         assert(websocket._host.expected() == 0)
      ]])
   end)

   it("fire once, and raise or are set as a whole, whichever allocation fails", function()
      host.run("run", [[
         local count, failed = 0, 0
         local function callback() count = count + 1 end
         websocket.set_error_handler(function(problem)
            assert(tostring(problem):find("memory"))
            count = count + 1
         end)
         for allocation = 1, 60 do
            for _, name in ipairs({ "after", "every" }) do
               collectgarbage()
               count = 0
               host.fail(allocation)
               local ok, timer = pcall(websocket[name], 0.001, callback)
               local failures = host.fail(0)
               failed = failed + failures
               assert(ok or failures > 0 and tostring(timer):find("memory"), tostring(timer))
               local expected = websocket._host.expected()
               assert(expected == (ok and 1 or 0), expected .. " timers")
               if ok then
                  host.fail(allocation)
                  local polled, problem = pcall(websocket.poll, 0)
                  failures = host.fail(0)
                  failed = failed + failures
                  assert(polled or failures > 0 and tostring(problem):find("memory"), tostring(problem))
                  poll_until(function() return count > 0 end, name)
                  assert(count == 1 or name == "every", "a second turn")
                  host.fail(allocation)
                  local cancelled
                  cancelled, problem = pcall(timer.cancel, timer)
                  failures = host.fail(0)
                  failed = failed + failures
                  assert(cancelled or failures > 0 and tostring(problem):find("memory"), tostring(problem))
                  timer:cancel()
               end
               assert(websocket._host.expected() == 0)
               websocket.poll()
            end
         end
         assert(failed > 10, failed .. " allocations failed")
      ]])
   end)
end)
