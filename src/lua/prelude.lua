-- What is easier said in Lua than through its API: raising plain strings at the caller's line, telling what can be
-- called, and what is left when the Lua state ends. Returns guard, callable, watch_end.

local error, type, getmetatable, setmetatable = error, type, getmetatable, setmetatable
local metatable_of = debug and debug.getmetatable or getmetatable

-- Finalisers of the script that run after ours must not reach the engine: its functions are gone then.
local over = false

-- Makes a function that raises of one that returns `false, text`; up to three results after `true` are passed on.
local function guard(raw)
   return function(...)
      if over then
         error("this Lua state is ending", 2)
      end
      local ok, first, second, third = raw(...)
      if not ok then
         error(first, 2)
      end
      if second == nil then
         return first
      end
      return first, second, third
   end
end

local function callable(value)
   if type(value) == "function" then
      return true
   end
   local metatable = metatable_of(value)
   return type(metatable) == "table" and metatable.__call ~= nil
end

local remains = {
   status = function() return "closed" end,
   buffered_amount = function() return 0 end,
   close = function(ws) return ws end,
   terminate = function(ws) return ws end,
}
for _, name in ipairs({ "send", "ping", "flush" }) do
   remains[name] = function() return nil, "connection is closing or closed", "closed" end
end
for _, name in ipairs({ "url", "protocol", "extensions" }) do
   remains[name] = function() return "" end
end
for _, name in ipairs({ "response", "end_info", "latency" }) do
   remains[name] = function() return nil end
end

-- Returns what must be kept until the state ends, made after every function of the engine: objects that were made last
-- are finalised first. `finalised` is a userdata whose finaliser has run; it shares its metatable with all such.
local function watch_end(finalised)
   local metatable = metatable_of(finalised)
   if type(metatable) == "table" then
      metatable.__index = remains
      metatable.__tostring = function() return "websocket (closed)" end
   end
   local function at_end() over = true end
   if newproxy then -- Lua 5.1: a table has no finaliser
      local sentinel = newproxy(true)
      getmetatable(sentinel).__gc = at_end
      return sentinel
   end
   return setmetatable({}, { __gc = at_end })
end

return guard, callable, watch_end
