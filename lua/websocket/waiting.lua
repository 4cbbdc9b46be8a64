-- How code that is written from top to bottom waits: it yields inside a coroutine, and runs the loop elsewhere.
--
-- Comes in: `engine`, the functions of the loop that init.lua has. Goes out: `spawn`, `sleep`, and `wait`, by which
-- receiving.lua waits. Knows nothing of connections.
--
-- Whoever waits makes a signal, a table, and hands it to `wait`; whoever has news calls `notify` with it. Three kinds
-- of code wait, each in its own way: a coroutine of `spawn` yields to us, a coroutine of another scheduler yields to
-- that one if its adapter is attached, and all else runs the loop until the signal comes.

local huge, setmetatable, type = math.huge, setmetatable, type
local ipairs, pairs, pcall, rawget, select = ipairs, pairs, pcall, rawget, select
local tostring, xpcall = tostring, xpcall
local unpack = table.unpack or rawget(_G, "unpack")
-- A host may give its scripts no library of coroutines.
local coroutine = rawget(_G, "coroutine") or { running = function() end }

-- Returns a function of Lua's own. nginx puts others in their place, which belong to its requests: they raise where a
-- worker begins, and crash it in a callback. It keeps Lua's under these names.
local function original(name)
   return rawget(coroutine, "_" .. name) or coroutine[name]
end

local create, resume, status, yield = original("create"), original("resume"), original("status"), original("yield")
local running = coroutine.running
local is_yieldable = coroutine.isyieldable -- of Lua 5.3 and later, and of LuaJIT

-- In Lua 5.1 a function that a `for` calls cannot yield. It is not tried here, because that needs a coroutine.
local yields_in_for = is_yieldable ~= nil or _VERSION ~= "Lua 5.1"

local WEAK_KEYS = { __mode = "k" }

--- The longest time in seconds for which a timer can be set.
local LONGEST = 1e9

local IN_CALLBACK = "cannot wait inside a callback: do that in a function that websocket.spawn has started"
local IN_C_FUNCTION = "cannot wait here: a C function, such as table.sort, or pcall in Lua 5.1, stands between this"
   .. " call and the function of the coroutine"

local IN_ANOTHER = "cannot wait in a coroutine that runs inside of another one: start its function with websocket.spawn"

-- Without `isyieldable` a look at the functions that are running tells most of it. The C functions through which a
-- coroutine can yield there: none in Lua 5.1.
local getinfo = rawget(_G, "debug") and debug.getinfo
local passes = yields_in_for and { [pcall] = true, [xpcall] = true } or {}

-- Tells whether the coroutine that runs can yield, as far as this Lua knows.
local function can_yield()
   if is_yieldable then
      return is_yieldable()
   end
   local level = 2
   local info = getinfo and getinfo(level, "Sf")
   while info do
      if info.what == "C" and not passes[info.func] then
         return false
      end
      level = level + 1
      info = getinfo(level, "Sf")
   end
   return true
end

local function make(engine)
   local after, defer, fail, is_callable, is_dispatching, now, poll =
      engine.after, engine.defer, engine.fail, engine.is_callable, engine.is_dispatching, engine.now, engine.poll

   local M = {}

   -- The coroutines that `spawn` has started.
   local spawned = setmetatable({}, WEAK_KEYS)

   -- The signal for which each coroutine waits.
   local awaited = setmetatable({}, WEAK_KEYS)

   -- The signal for which code outside of these runs the loop.
   local run_for

   -- The adapter of the host's loop, if one is attached; loops.lua sets it.
   local adapter

   -- Returns the coroutine that runs, or nil outside of any.
   local function current()
      local thread, is_main = running()
      return not is_main and thread or nil
   end

   -- Ends the wait of a coroutine, if it waits.
   local function end_wait(thread)
      local signal = awaited[thread]
      if signal then
         awaited[thread] = nil
         signal.go_on = nil
         if signal.timer then
            signal.timer:cancel()
         end
      end
   end

   -- The coroutine that `step` runs.
   local stepping

   -- Runs a coroutine until it waits or ends.
   local function step(thread, ...)
      local before = stepping
      stepping = thread
      local ok, problem = resume(thread, ...)
      stepping = before
      if status(thread) == "dead" then
         end_wait(thread) -- one that an error has ended before it began
      end
      if not ok then
         fail(thread, problem)
      end
   end

   --- Tells whoever waits for a signal that it has come.
   function M.notify(signal)
      signal.is_set = true
      local go_on = signal.go_on
      if go_on then
         go_on()
      end
   end

   --- Tells whether the code that made a signal still waits for it. An error may have ended the wait.
   function M.is_awaited(signal)
      local thread = signal.thread
      if thread then
         return awaited[thread] == signal and status(thread) == "suspended"
      end
      return run_for == signal and is_dispatching()
   end

   --- Has each coroutine look in the next poll whether that for which it waits has come: an error that has left the
   --- last poll may have struck on the way to one of them.
   function M.look_again()
      local signals = {}
      for _, signal in pairs(awaited) do
         signals[#signals + 1] = signal
      end
      if signals[1] then
         defer(function()
            for _, signal in ipairs(signals) do
               if signal.go_on then
                  signal.go_on(true)
               end
            end
         end)
      end
   end

   --- Notes that the loop is run by the script itself, so that no wait runs it.
   function M.forget()
      run_for = nil
   end

   --- Sets the adapter, or removes it.
   function M.set_adapter(new)
      adapter = new
   end

   -- Yields until the signal has come or the time has passed. `suspend(timeout)` yields, and may return for any reason;
   -- `wake(thread)` has the coroutine go on.
   local function yield_for(signal, thread, timeout, suspend, wake)
      end_wait(thread) -- an error may have ended the last one
      signal.thread = thread
      awaited[thread] = signal
      local is_over = false
      signal.go_on = function(again)
         if awaited[thread] == signal and (again or not is_over) then
            is_over = true
            if signal.timer then
               signal.timer:cancel() -- now, because another scheduler may let the coroutine go on much later
            end
            if status(thread) == "suspended" then -- and not closed by the script
               wake(thread)
            end
         end
      end
      if timeout and timeout <= LONGEST then
         local ok, made = after(timeout, signal.go_on)
         if not ok then
            end_wait(thread)
            return false, made
         end
         signal.timer = made
      end
      repeat suspend() until is_over
      end_wait(thread)
      return true
   end

   -- Polls until the signal has come or the time has passed, or nothing can come any more.
   local function run_loop(signal, timeout)
      run_for = signal
      local deadline = timeout and now() + timeout
      repeat
         local left = deadline and deadline - now() or huge
         local ok, ran = poll(left > 0 and left or 0)
         if not ok then
            return false, ran
         end
      until signal.is_set or deadline and now() >= deadline or not deadline and ran == 0
      run_for = nil
      return true
   end

   -- Tells whether the code that runs here is in a coroutine that the one which `step` runs has resumed. Its yields go
   -- there, and not to us.
   local function is_inside()
      return stepping ~= nil and status(stepping) == "normal"
   end

   -- Tells how the code that runs here can wait: returns its coroutine, and the functions by which that is suspended
   -- and goes on; or nothing if the loop is to be run.
   local function own_coroutine()
      local thread = current()
      if not thread then
         return nil
      elseif spawned[thread] then
         return thread, yield, step
      elseif adapter and not is_inside() and (not adapter.owns or adapter.owns(thread)) then
         return thread, adapter.suspend or yield, adapter.wake or step
      end
   end

   --- Waits for a signal, up to `timeout` seconds; nil waits without end. May return early without it.
   --- @return boolean ok
   --- @return string? problem why it cannot wait here
   function M.wait(signal, timeout)
      local thread, suspend, wake = own_coroutine()
      if thread and can_yield() then
         return yield_for(signal, thread, timeout, suspend, wake)
      elseif thread or is_dispatching() or is_inside() then
         return false, M.problem()
      end
      return run_loop(signal, timeout)
   end

   --- Tells whether a wait would run the loop here.
   function M.runs_loop()
      return not own_coroutine()
   end

   --- Says why code that runs here could not wait, or nil.
   function M.problem()
      if own_coroutine() then
         return not can_yield() and IN_C_FUNCTION or nil
      elseif is_inside() then
         return IN_ANOTHER
      end
      return is_dispatching() and IN_CALLBACK or nil
   end

   --- Says why a `for` cannot wait here, or nil.
   function M.problem_in_for()
      if not yields_in_for and own_coroutine() then
         return "a for loop cannot wait in a coroutine of Lua 5.1: call ws:receive() in a while loop instead"
      end
   end

   function M.spawn(fn, ...)
      if not is_callable(fn) then
         return false, "fn must be a function or callable, got " .. type(fn)
      elseif not create then
         return false, "there is no library of coroutines to start a function with"
      end
      local thread = create(function(...) return fn(...) end) -- which may be a C function, which Lua 5.1 refuses
      local count, arguments = select("#", ...), { ... }
      spawned[thread] = true
      local ok, problem = defer(function() step(thread, unpack(arguments, 1, count)) end)
      if not ok then
         return false, problem
      end
      return true, thread
   end

   --- Waits for some time.
   --- @return boolean ok
   --- @return string? problem why it cannot wait here
   function M.pause(seconds)
      local deadline = now() + seconds
      repeat
         local left = deadline - now()
         local ok, problem = M.wait({}, left > 0 and left or 0)
         if not ok then
            return false, problem
         end
      until now() >= deadline
      return true
   end

   function M.sleep(seconds)
      if type(seconds) ~= "number" or not (seconds >= 0 and seconds <= LONGEST) then
         local got = type(seconds) ~= "number" and type(seconds) or seconds ~= seconds and "nan" or tostring(seconds)
         return false, "seconds must be a number from 0 to 1e9, got " .. got
      end
      local ok, problem = M.pause(seconds)
      return ok, not ok and "sleep " .. problem or nil
   end

   return M
end

return make
