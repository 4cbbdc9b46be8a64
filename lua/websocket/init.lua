-- What `require "websocket"` returns: the compiled core, and the loop that dispatches its events.
--
-- The loop is Lua because Ctrl-C reaches a script only between Lua instructions: every wait comes back here at least
-- four times a second. types.lua describes all of it for language servers.

local websocket = require "websocket.core"
local host = websocket._host
if host.is_whole then
   return websocket -- loaded before, by a program that has emptied package.loaded
end

local callable = host.callable
local error, huge, type, tostring, xpcall = error, math.huge, type, tostring, xpcall

--- The longest wait in seconds that Lua's own handler of Ctrl-C has to bear.
local SLICE = 0.25

-- Errors of callbacks

-- A host may give its scripts no io.
local function write_error(_, traceback)
   local text = "websocket: error in a callback: " .. traceback
   if io and io.stderr then
      io.stderr:write(text, "\n")
   elseif print then
      print(text)
   end
end

local error_handler = write_error

--- Calls `handler(error, traceback)` for each callback that raises, in place of writing to stderr.
--- @param handler? function nil restores the default
function websocket.set_error_handler(handler)
   if handler ~= nil and not callable(handler) then
      error("error handler must be a function or callable, got " .. type(handler), 2)
   end
   error_handler = handler or write_error
end

-- Ctrl-C arrives as an error that lua.c's signal handler raises, at any instruction.
local function is_interrupt(problem)
   return type(problem) == "string" and problem:find("interrupted!$") ~= nil
end

-- The text of an error value, whose __tostring may raise in its turn.
local function text_of(problem)
   local ok, text = pcall(tostring, problem)
   return ok and type(text) == "string" and text or "(error object is a " .. type(problem) .. ")"
end

local function with_traceback(problem)
   if is_interrupt(problem) then
      return { problem = problem }
   end
   local text = text_of(problem)
   return { problem = problem, traceback = debug and debug.traceback(text, 2) or text }
end

-- xpcall of Lua 5.1 passes no arguments on.
local passes_arguments = select(2, xpcall(function(value) return value end, print, true))
local call = passes_arguments and xpcall
   or function(callback, handler, ...)
      local count, arguments = select("#", ...), { ... }
      return xpcall(function() return callback(unpack(arguments, 1, count)) end, handler)
   end

-- Tells the error handler of an error; returns an interrupt that came in the middle of it.
local function report(caught)
   local ok, problem = pcall(error_handler, caught.problem, caught.traceback)
   if ok then
      return nil
   end
   if is_interrupt(problem) then
      return problem
   end
   write_error(nil, caught.traceback)
   write_error(nil, "the error handler raised: " .. text_of(problem))
end

-- Deals with an error of a callback; returns nil, or the interrupt that must leave the loop.
local function deal_with(caught)
   if type(caught) ~= "table" then -- the handler itself failed, for instance for lack of memory
      caught = { problem = caught, traceback = tostring(caught) }
   end
   if is_interrupt(caught.problem) then
      return caught.problem
   end
   return report(caught)
end

-- Whether the callback that `deliver` was called for last has begun.
local begun = true

local function begin(callback, ...)
   begun = true
   return callback(...)
end

-- Runs one callback; returns nil, or the interrupt that must leave the loop. `dispatch` calls it across a C boundary,
-- so that a yield in a callback is an error, and not a poll that never comes back. Where it is cut off before the
-- callback begins, for lack of memory or by an interrupt, `dispatch` calls it again in the next poll.
local function deliver(callback, ...)
   begun = false
   local ok, caught = call(begin, with_traceback, callback, ...)
   if ok then
      return nil
   end
   if not begun then
      error(type(caught) == "table" and caught.problem or caught, 0)
   end
   return deal_with(caught)
end

--- Calls `fn(...)` as `poll` calls a callback: an error goes to the error handler, and the caller goes on. For code
--- that shares one callback among several functions.
--- @param fn function
function websocket.call(fn, ...)
   if not callable(fn) then
      error("fn must be a function or callable, got " .. type(fn), 2)
   end
   local ok, caught = call(fn, with_traceback, ...)
   local interrupt = not ok and deal_with(caught) or nil
   if interrupt ~= nil then
      error(interrupt, 0)
   end
end

-- The loop

-- Waits up to `timeout` seconds, and dispatches once.
local function poll(timeout)
   host.begin_turn()
   if timeout == huge and host.alive() == 0 then
      timeout = 0 -- nothing can come
   end
   while true do
      local ready, elapsed = host.wait(timeout < SLICE and timeout or SLICE)
      timeout = timeout - elapsed
      if ready then
         local ran, interrupt = host.dispatch(deliver, begun)
         if interrupt ~= nil then
            error(interrupt, 0)
         end
         if ran > 0 then
            return ran
         end
      end
      if timeout <= 0 then
         return 0
      end
   end
end

-- Takes a time in seconds; raises at the line of the script that gave it.
local function seconds(value)
   if type(value) ~= "number" then
      error("timeout must be a number of seconds, got " .. type(value), 3)
   end
   if value ~= value or value < 0 then
      error("timeout must be 0 or more seconds, got " .. tostring(value), 3)
   end
   return value
end

--- Runs the callbacks of waiting events on this thread.
--- @param timeout? number seconds to wait for the first event; default 0; math.huge waits while a connection is alive
--- @return integer n callbacks run; 0 when called from inside a callback
function websocket.poll(timeout)
   timeout = timeout == nil and 0 or seconds(timeout)
   if host.is_dispatching() then
      return 0
   end
   return poll(timeout)
end

local stopped = false

--- Polls until no connection is alive and nothing is deferred, or `websocket.stop` is called in a callback.
function websocket.run()
   if host.is_dispatching() then
      error("run cannot be called inside a callback", 2)
   end
   stopped = false
   while not stopped and (host.alive() > 0 or host.waits()) do
      poll(huge)
   end
end

--- Ends the `websocket.run` that is running, after the callbacks of this turn.
function websocket.stop()
   stopped = true
end

--- Runs `fn` in the next poll, in order with the events.
--- @param fn function called without arguments
function websocket.defer(fn)
   if not callable(fn) then
      error("fn must be a function or callable, got " .. type(fn), 2)
   end
   host.defer(fn)
end

--- Returns how many polls have begun.
--- @return integer
function websocket.turn()
   return host.turn()
end

--- Returns how many connections are alive: those whose end was not dispatched yet.
--- @return integer
function websocket.connections()
   return host.alive()
end

--- Makes a full userdata with the given metatable and no contents, for objects that scripts must see as userdata. Its
--- finaliser runs on every Lua, if the metatable has `__gc` when this is called.
--- @param metatable table
--- @return userdata
function websocket.userdata(metatable)
   if type(metatable) ~= "table" then
      error("metatable must be a table, got " .. type(metatable), 2)
   end
   return host.new_userdata(metatable)
end

-- Waits until all that was sent is with the transport; runs no callback.
function host.methods.flush(ws, timeout)
   timeout = timeout == nil and 10 or seconds(timeout)
   while true do
      local slice = timeout < SLICE and timeout or SLICE
      local state = host.wait_written(ws, slice)
      if state == "written" then
         return ws
      elseif state == "ended" then
         return nil, "connection closed before everything was written", "closed"
      end
      timeout = timeout - slice
      if timeout <= 0 then
         return nil, "timed out before everything was written", "timeout"
      end
   end
end

host.is_whole = true -- last: where there is no memory for all of it, it is loaded anew
return websocket
