-- What `require "websocket"` returns: the compiled core, and the loop that dispatches its events. waiting.lua and
-- receiving.lua have what scripts need that are written from top to bottom, loops.lua what other programs' loops need.
--
-- The loop is Lua because Ctrl-C reaches a script only between Lua instructions: every wait comes back here about four
-- times a second. types.lua describes all of it for language servers.
--
-- Those functions of `host` that can fail, and those given to `guard`, return `true, results...` or `false, text`; the
-- guard raises the text at the script's line. Every global is local from loading on, because a script may change its
-- globals.

local websocket = require "websocket.core"
if websocket == true then -- Windows only: without Lua's functions the module can raise no error itself
   error("websocket.core finds no functions of its version of Lua in this process: it is built for another version"
      .. " than " .. _VERSION .. ", or this program exports none, or another Lua of this process uses it", 0)
end
local host = websocket._host
if host.is_whole then
   return websocket -- loaded before, by a program that has emptied package.loaded
end

-- Requires a file of this folder. On Lua 5.1 a load that has failed for lack of memory leaves a mark, for which all
-- later ones fail; a part is a function.
local function part(name)
   local package = rawget(_G, "package")
   if package and type(package.loaded[name]) ~= "function" then
      package.loaded[name] = nil
   end
   return require(name)
end

local make_waiting = part "websocket.waiting"
local make_receiving = part "websocket.receiving"
local make_loops = part "websocket.loops"

local delivery, is_callable = host.delivery, host.is_callable
local guard, nestable, yielding_guard = host.guard, host.nestable, host.yielding_guard
local begin_turn, dispatch, expected, is_dispatching, since, wait =
   host.begin_turn, host.dispatch, host.expected, host.is_dispatching, host.since, host.wait
local huge, match, rawget, setmetatable, type = math.huge, string.match, rawget, setmetatable, type
local debug = rawget(_G, "debug")

-- Tracebacks of callbacks leave out the functions of this folder.
local source = debug and debug.getinfo and debug.getinfo(1, "S").source or ""
delivery.set_folder(match(source, "^@(.*)init%.lua$"))

--- The longest wait in seconds, so that Lua's own handler of Ctrl-C can act. The engine ends a slice at a multiple of
--- 64 ms, so it is four of them.
local SLICE = 0.26

-- Errors of callbacks

--- Calls `handler(error, traceback)` for each callback that raises, in place of writing to stderr. With "raise", `poll`
--- and `run` raise the first error of a turn, as it is, after the turn's other callbacks; further ones are written.
--- @param handler? function|"raise" nil restores the default
websocket.set_error_handler = guard(delivery.set_error_handler)

--- Sets the test of errors that must leave `poll` and `run` at once, as Ctrl-C does: those by which a host stops a
--- script. What was not dispatched then stays for the next poll.
--- @param fn? fun(error: any): boolean nil removes it; one that raises has said no, and its error is reported
websocket.set_abort_test = guard(delivery.set_abort_test)

--- Tells whether an error must leave `poll` at once: it is Ctrl-C's, or the abort test says so. For code that catches
--- errors between a callback and `poll`.
--- @param problem any
--- @return boolean
websocket.is_abort = guard(delivery.is_abort)

--- Calls `fn(...)` as `poll` calls a callback: an error goes to the error handler, and the caller goes on. For code
--- that shares one callback among several functions.
--- @param fn function
websocket.call = guard(delivery.call)

-- The loop

-- Returns a time-out in seconds, or nil and a text.
local function seconds(value, default)
   if value == nil then
      return default
   elseif type(value) ~= "number" then
      return nil, "timeout must be a number of seconds, got " .. type(value)
   elseif value ~= value then
      return nil, "timeout must be a number of seconds, got nan" -- tostring shows the sign on some machines
   end
   return value > 0 and value or 0
end

-- What loops.lua and waiting.lua have; set below, because they need `poll`.
local loops, waiting

-- An error has left the last dispatch.
local was_cut = false

-- Waits up to `timeout` seconds for something, and dispatches once. Returns `true` and the number of callbacks.
local function poll(timeout, max)
   local ok, problem = begin_turn(max)
   if not ok then
      return false, problem
   end
   delivery.cut_turn() -- of the turn before, if an interrupt struck outside of its callbacks
   if was_cut then
      waiting.look_again()
      was_cut = false
   end
   while true do
      if timeout == huge and expected() == 0 then
         timeout = 0 -- without a connection or a timer nothing can come
      end
      local slice = timeout < SLICE and timeout or SLICE
      local ready, start = wait(slice, timeout > slice)
      if ready then
         was_cut = true
         local ran, leaves = dispatch(max)
         was_cut = leaves ~= nil
         if not ran then
            return false, leaves
         end
         loops.rest()
         delivery.end_turn(leaves)
         if ran > 0 then
            return true, ran
         end
      end
      timeout = timeout - since(start)
      if timeout <= 0 then
         return true, 0
      end
   end
end

-- Returns the text for a call that only makes sense outside of callbacks, or nil.
local function problem_within(name)
   if is_dispatching() then
      return name .. " cannot be called inside a callback: return and let the next poll go on, or defer a function"
   end
end

--- Runs the callbacks of waiting events on this thread.
--- @param timeout? number seconds to wait for the first event; default 0; math.huge waits while something can come
--- @param max? integer the most callbacks to run, 1 to 2^53; the others wait for the next poll; default no bound
--- @return integer n callbacks run
websocket.poll = guard(function(timeout, max)
   local problem
   timeout, problem = seconds(timeout, 0)
   problem = problem or problem_within("poll")
   if problem then
      return false, problem
   end
   waiting.forget()
   local ok, ran = poll(timeout, max)
   return ok, ran
end)

local is_stopped = false

-- Tells whether a poll could run a callback, now or later; returns `true` and that.
local function has_work()
   if expected() > 0 then
      return true, true
   end
   return host.waits()
end

--- Polls until no connection is alive, no timer is set, no spawned function waits and nothing is deferred, or
--- `websocket.stop` is called in a callback.
websocket.run = guard(function()
   local problem = problem_within("run")
   if problem then
      return false, problem
   end
   waiting.forget()
   is_stopped = false
   while not is_stopped do
      local ok, answer = has_work()
      if not ok then
         return false, answer
      elseif not answer then
         break
      end
      ok, problem = poll(huge)
      if not ok then
         return false, problem
      end
   end
   return true
end)

--- Ends the `websocket.run` that is running, after the callbacks of this turn.
function websocket.stop()
   is_stopped = true
end

-- What makes something come

-- Makes a function of one that has something come: a loop that is attached then watches.
local function beginning(raw)
   return function(...)
      local ok, made = loops.begin() -- first, because an adapter may raise
      if not ok then
         return false, made
      end
      ok, made = raw(...)
      if not ok then
         loops.rest()
      end
      return ok, made
   end
end

local new, after, every = beginning(host.new), beginning(host.after), beginning(host.every)

local cancel = host.cancel

--- Cancels a timer; tells whether it was set.
host.timer_methods.cancel = guard(function(timer)
   local ok, was_set = cancel(timer)
   if ok and was_set and not is_dispatching() then
      loops.rest() -- no dispatch will follow, if it was the last
   end
   return ok, was_set
end)

local defer = beginning(function(fn)
   if not is_callable(fn) then
      return false, "fn must be a function or callable, got " .. type(fn)
   end
   return host.defer(fn)
end)

--- Opens a connection in the background. types.lua describes these.
websocket.new, websocket.after, websocket.every, websocket.defer = guard(new), guard(after), guard(every), guard(defer)

local engine = {
   after = nestable(after),
   defer = nestable(defer),
   expected = expected,
   fail = delivery.fail,
   fileno = nestable(host.fileno),
   how_far = nestable(host.how_far),
   is_callable = is_callable,
   is_dispatching = is_dispatching,
   new = nestable(new),
   now = websocket.now,
   poll = nestable(poll),
   take = host.take,
   waits = nestable(host.waits),
}
waiting = make_waiting(engine)
loops = make_loops(engine, waiting)
local receiving = make_receiving(engine, waiting)
host.on_arrival(receiving.arrived)

websocket.connect, websocket.sleep = yielding_guard(receiving.connect), yielding_guard(waiting.sleep)
host.methods.opened = yielding_guard(receiving.opened)
host.methods.receive = yielding_guard(receiving.receive)
host.methods.messages = yielding_guard(receiving.messages)
websocket.spawn = guard(waiting.spawn)
websocket.fileno, websocket.next_timeout = guard(host.fileno), guard(host.next_timeout)
websocket.attach, websocket.detach = guard(loops.attach), guard(loops.detach)

--- Calls `fn(level, text, ws)` in `poll` for each line that tells what connections do. Lines hold no headers, query
--- strings, credentials or payload.
--- @param fn? fun(level: "debug"|"info"|"warning", text: string, ws: websocket.Connection) nil ends that
websocket.set_logger = guard(function(fn)
   if fn ~= nil and not is_callable(fn) then
      return false, "logger must be a function or callable, got " .. type(fn)
   end
   return host.set_logger(fn)
end)

--- Returns how many polls have begun.
--- @return integer
websocket.turn = guard(host.turn)

-- Flushing

--- How long a coroutine sleeps between two looks at what is written, in seconds: from the first to the last.
local FIRST_LOOK, LAST_LOOK = 0.001, 0.016

local wait_written = nestable(host.wait_written)

-- Waits until the transport has taken everything that was sent. Runs no callback, unless it is called in a coroutine,
-- which yields.
host.methods.flush = yielding_guard(function(ws, timeout)
   local problem
   timeout, problem = seconds(timeout, 10)
   if problem then
      return false, problem
   end
   local yields = not waiting.runs_loop()
   local look = FIRST_LOOK
   local ok, state, known_losses = wait_written(ws, 0) -- as they were before this wait
   while ok do
      local slice = timeout < SLICE and timeout or SLICE
      local _, losses
      if yields then
         slice = timeout < look and timeout or look
         look = look < LAST_LOOK and 2 * look or look
         if state == "waiting" then
            ok, problem = waiting.pause(slice)
            if not ok then
               return false, "flush " .. problem
            end
         end
      end
      ok, state, _, losses = wait_written(ws, yields and 0 or slice)
      if not ok then
         break
      elseif losses ~= known_losses then
         return true, nil, "messages were lost with the connection", "reset"
      elseif state == "written" then
         return true, ws
      elseif state == "ended" then
         return true, nil, "connection closed before everything was written", "closed"
      end
      timeout = timeout - slice
      if timeout <= 0 then
         return true, nil, "timed out before everything was written", "timeout"
      end
   end
   return false, state
end)

-- For shapes

--- Tells whether a value can be called: a function, or anything whose metatable has `__call`.
--- @param value any
--- @return boolean
websocket.is_callable = is_callable

--- Makes a full userdata with the given metatable and no contents, for objects that scripts must see as userdata. Its
--- finaliser runs on every Lua, if the metatable has `__gc` when this is called.
--- @param metatable table
--- @return userdata
websocket.userdata = guard(function(metatable)
   if type(metatable) ~= "table" then
      return false, "metatable must be a table, got " .. type(metatable)
   end
   local made = host.new_userdata(metatable)
   if made == nil then
      return false, "metatable must be one of the script's own, not one that C code knows its userdata by"
   end
   return true, made
end)

-- For scripts of other libraries

-- What lua-websockets has in its module: opcodes (RFC 6455 section 11.8), and clients, which are loaded when they are
-- touched.
local opcodes = { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 }
local modules = { client = "websocket.client" }
local require = require

setmetatable(websocket, {
   __index = function(_, name)
      return opcodes[name] or modules[name] and require(modules[name])
   end,
})

host.is_whole = true -- set last, so that a load that ran out of memory is repeated
return websocket
