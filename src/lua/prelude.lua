-- What is easier written in Lua than through its API: functions that raise plain strings at the script's line, the test
-- of what can be called, and what remains of a connection or a timer when the Lua state ends.
--
-- Every global is local from loading on, because a script may change its globals; those that a host may leave out are
-- read by rawget, because a host may have made the reading of an unknown global an error.
-- Comes in: `put_back` of nested.rs, or nil. Returns what the last line says.

local put_back = ...

local error, getmetatable, ipairs, rawget, select = error, getmetatable, ipairs, rawget, select
local setmetatable, type, xpcall = setmetatable, type, xpcall
local debug, newproxy = rawget(_G, "debug"), rawget(_G, "newproxy")
local metatable_of = debug and debug.getmetatable or getmetatable

-- A finaliser of the script may run when the engine's own finalisers have run; then it must not reach the engine.
local is_over = false

-- Only the finalisers of Lua 5.1 run where that matters; LuaJIT, for which the same engine is built, could not yield in
-- `put_back`. Of the two, only xpcall of LuaJIT passes arguments on.
if select(2, xpcall(function(value) return value end, type, true)) then
   put_back = nil
end

-- Makes a function of one of the engine's that may be called while another call of the module is interrupted by a
-- finaliser. It cannot yield on Lua 5.1.
local function nestable(raw)
   return put_back and function(...) return put_back(raw, ...) end or raw
end

-- Makes a public function of one that returns `true` and up to three results, or `false, text`: it raises the text at
-- the line that called it. `level` is 3 for a function that a C function calls in the name of a script.
local function guard(raw, level)
   level = level or 2
   raw = nestable(raw)
   return function(...)
      if is_over then
         error("this Lua state is ending", level)
      end
      local ok, first, second, third = raw(...)
      if not ok then
         error(first, level)
      end
      if second == nil then
         return first
      end
      return first, second, third
   end
end

-- As `guard`, for a function that may yield and returns `true` and up to four results. What it calls of the engine must
-- be nestable by itself.
local function yielding_guard(raw)
   return function(...)
      if is_over then
         error("this Lua state is ending", 2)
      end
      local ok, first, second, third, fourth = raw(...)
      if not ok then
         error(first, 2)
      end
      if fourth ~= nil then
         return first, second, third, fourth
      elseif third ~= nil then
         return first, second, third
      elseif second ~= nil then
         return first, second
      end
      return first
   end
end

-- Tells whether a value can be called: a function, or anything whose metatable has `__call`.
local function is_callable(value)
   if type(value) == "function" then
      return true
   end
   local metatable = metatable_of(value)
   return type(metatable) == "table" and metatable.__call ~= nil
end

-- What the methods answer on a connection that was finalised: a connection that has ended. A spec holds the names
-- against those of the methods.
local answers = {
   status = function() return "closed" end,
   buffered_amount = function() return 0 end,
   close = function(ws) return ws end,
   terminate = function(ws) return ws end,
   pause = function(ws) return ws end,
   resume = function(ws) return ws end,
}
for _, name in ipairs({ "send", "ping", "flush", "opened", "receive" }) do
   answers[name] = function() return nil, "connection is closing or closed", "closed" end
end
for _, name in ipairs({ "url", "protocol", "extensions" }) do
   answers[name] = function() return "" end
end
answers.messages = function() return function() return nil end end
for _, name in ipairs({ "response", "end_info", "latency" }) do
   answers[name] = function() return nil end
end

-- The metatable of a connection that was finalised.
local remains = {
   __index = answers,
   __metatable = false,
   __name = "websocket",
   __tostring = function() return "websocket (closed)" end,
}

-- The metatable of a timer that was finalised.
local timer_remains = {
   __index = { cancel = function() return false end },
   __metatable = false,
   __name = "websocket.timer",
   __tostring = function() return "websocket timer (over)" end,
}

-- Returns an object that must be kept until the state ends, made after every function of the engine, because Lua runs
-- finalisers newest first.
local function watch_end()
   local function at_end() is_over = true end
   if newproxy then -- in Lua 5.1 a table has no finaliser
      local sentinel = newproxy(true)
      getmetatable(sentinel).__gc = at_end
      return sentinel
   end
   return setmetatable({}, { __gc = at_end })
end

return guard, is_callable, remains, timer_remains, watch_end, nestable, yielding_guard
