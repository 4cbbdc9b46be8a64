-- What becomes of the error of a callback. dispatch.rs calls the callbacks and has the table of cases.
--
-- Comes in: `is_callable`, `is_dispatching`, which tells whether a poll is calling back, and `described`, which returns
-- `true` and a value as error texts show it. Goes out: a table of functions for dispatch.rs and websocket/init.lua.
-- Every global is local from loading on; those that a host may leave out are read by rawget.

local is_callable, is_dispatching, described = ...

local error, pcall, rawget, select, tostring, type, xpcall = error, pcall, rawget, select, tostring, type, xpcall
local concat, find, gmatch, match, sub = table.concat, string.find, string.gmatch, string.match, string.sub
local io, debug, print = rawget(_G, "io"), rawget(_G, "debug"), rawget(_G, "print")
local unpack = table.unpack or rawget(_G, "unpack")
local traceback = debug and debug.traceback

local M = {}

--- What takes the place of a function as the error handler: `poll` raises.
local RAISE = "raise"

-- Texts and tracebacks

-- A host may give its scripts no io.
local function write_error(_, text)
   text = "websocket: error in a callback: " .. text
   if io and io.stderr then
      io.stderr:write(text, "\n")
   elseif print then
      print(text)
   end
end

-- Returns the text of an error value. Its `__tostring` may raise in its turn.
local function text_of(problem)
   local ok, text = pcall(tostring, problem)
   return ok and type(text) == "string" and text or "(error object is a " .. type(problem) .. ")"
end

-- The folder of the module's Lua files, as init.lua tells; nil before.
local folder

-- Tells whether a line of a traceback shows one of the module's own functions.
local function is_ours(line)
   local source = match(line, "^\t(.-):%d+:")
   if not source then
      return false
   elseif source == "websocket" then
      return true
   elseif not folder then
      return false
   elseif sub(source, 1, 3) ~= "..." then
      return sub(source, 1, #folder) == folder
   end
   -- Lua shows a long path by its end.
   for first = 1, #folder do
      if sub(source, 4, 4 + #folder - first) == sub(folder, first) then
         return true
      end
   end
   return false
end

-- Tells whether a line of a traceback shows no Lua code: a C function, or functions that a tail call has replaced.
local function is_without_code(line)
   return find(line, "^\t%[") ~= nil or find(line, "^\t%(.*tail call") ~= nil
end

-- Leaves the module's own functions out of a traceback, with the C functions between them: those above the script's,
-- which raised the error for it, and those between the callback and the script's call of `poll`. The traceback follows
-- an error text of `length` bytes, which may hold another one.
local function without_ours(text, length)
   local _, stop = find(text, "\nstack traceback:\n", length + 1, true)
   if not stop then
      return text
   end
   local kept, count, after_ours = {}, 0, false
   for line in gmatch(sub(text, stop + 1), "[^\n]+") do
      if is_ours(line) then
         while count > 0 and is_without_code(kept[count]) do
            kept[count], count = nil, count - 1
         end
         after_ours = true
      elseif not (after_ours and is_without_code(line)) then
         after_ours = false
         count = count + 1
         kept[count] = line
      end
   end
   return sub(text, 1, stop) .. concat(kept, "\n")
end

-- Which errors leave `poll` at once

-- Ctrl-C arrives as an error that the signal handler of lua.c raises, at any instruction.
local function is_interrupt(problem)
   return type(problem) == "string" and find(problem, "interrupted!$") ~= nil
end

-- The message handler: makes a table of an error, and of a traceback where anybody wants one.
local function with_traceback(problem)
   if is_interrupt(problem) then
      return { problem = problem }
   end
   local text = text_of(problem)
   return { problem = problem, traceback = traceback and traceback(text, 2) or text, length = #text }
end

-- xpcall of Lua 5.1 passes no arguments on.
local passes_arguments = select(2, xpcall(function(value) return value end, type, true))
local call = passes_arguments and xpcall
   or function(callback, handler, ...)
      local count, arguments = select("#", ...), { ... }
      return xpcall(function() return callback(unpack(arguments, 1, count)) end, handler)
   end

-- Makes `{ problem, traceback }` of what `call` returns. That is another value if `with_traceback` itself failed, for
-- instance for lack of memory.
local function caught_of(value)
   if type(value) ~= "table" then
      return { problem = value, traceback = text_of(value) }
   end
   value.traceback = value.traceback and without_ours(value.traceback, value.length)
   return value
end

local error_handler = write_error

-- The first error of this turn, which `poll` raises when the turn's callbacks have run.
local held

-- Hands an error to the error handler. Returns the handler's own error, if it raises, as `{ problem = ... }`.
local function hand_over(caught)
   if error_handler ~= RAISE then
      local ok, problem = pcall(error_handler, caught.problem, caught.traceback)
      return not ok and { problem = problem } or nil
   end
   if is_dispatching() and not held then
      held = caught
   else
      write_error(nil, caught.traceback)
   end
end

local function write_both(caught, failure)
   write_error(nil, caught.traceback)
   write_error(nil, "the error handler raised: " .. text_of(failure.problem))
end

local abort_test

-- Returns `{ problem = ... }` if an error must leave `poll` at once, because it is an interrupt or the abort test says
-- so. Otherwise returns nil. An abort test that raises has said no, and its error is handed over.
local function leaving(problem)
   if is_interrupt(problem) then
      return { problem = problem }
   elseif not abort_test then
      return nil
   end
   local ok, answer = call(abort_test, with_traceback, problem)
   if ok then
      return answer and { problem = problem } or nil
   end
   local caught = caught_of(answer)
   if is_interrupt(caught.problem) then
      return caught
   end
   local failure = hand_over(caught)
   if not failure then
      return nil
   elseif is_interrupt(failure.problem) then
      return failure
   end
   write_both(caught, failure)
end

-- Deals with what `with_traceback` has made of an error of a callback: returns what `leaving` returns, or hands the
-- error over.
local function deal_with(value)
   local caught = caught_of(value)
   local leaves = leaving(caught.problem)
   if leaves then
      return leaves
   end
   local failure = hand_over(caught)
   if not failure then
      return nil
   end
   leaves = leaving(failure.problem)
   if leaves then
      return leaves
   end
   write_both(caught, failure)
end

M.with_traceback, M.deal_with = with_traceback, deal_with

-- What scripts call, by init.lua. These return `true, results...` or `false, text`.

function M.call(fn, ...)
   if not is_callable(fn) then
      return false, "fn must be a function or callable, got " .. type(fn)
   end
   local ok, caught = call(fn, with_traceback, ...)
   local leaves = not ok and deal_with(caught)
   if leaves then
      error(leaves.problem, 0)
   end
   return true
end

-- Deals with the error that has ended a coroutine, as with that of a callback. It is called in a callback, and ends
-- that by an error which must leave `poll`.
function M.fail(thread, problem)
   local text = text_of(problem)
   local caught = { problem = problem, length = #text }
   if not is_interrupt(problem) then
      caught.traceback = traceback and traceback(thread, text) or text
   end
   local leaves = deal_with(caught)
   if leaves then
      error(leaves.problem, 0)
   end
end

function M.set_error_handler(handler)
   if handler ~= nil and handler ~= RAISE and not is_callable(handler) then
      local _, got = described(handler)
      return false, 'error handler must be a function, callable or "raise", got ' .. got
   end
   error_handler = handler or write_error
   return true
end

function M.set_abort_test(fn)
   if fn ~= nil and not is_callable(fn) then
      return false, "abort test must be a function or callable, got " .. type(fn)
   end
   abort_test = fn
   return true
end

function M.is_abort(problem)
   return true, leaving(problem) ~= nil
end

-- Ends a turn whose first error is not raised any more, because another error left `poll`: it is written instead.
function M.cut_turn()
   local first = held
   held = nil
   if first then
      write_error(nil, first.traceback)
   end
end

-- Ends a turn: raises the error that must leave `poll`, or the first one that was held.
function M.end_turn(leaves)
   if leaves then
      M.cut_turn()
      error(leaves.problem, 0)
   end
   local first = held
   held = nil
   if first then
      error(first.problem, 0)
   end
end

function M.set_folder(path)
   folder = path
end

return M
