-- Ordered lists of listeners, and callbacks that one event causes in turn.
-- Comes in: functions and the arguments of an event. Goes out: calls through `websocket.call`, so that one that raises
-- does not stop the others. Knows no event's name.

local websocket = require "websocket"

-- A host may give its scripts no debug library; getmetatable does not look behind `__metatable`.
local debug = rawget(_G, "debug")
local metatable_of = debug and debug.getmetatable or getmetatable
local error, ipairs, pcall, rawequal, setmetatable, type = error, ipairs, pcall, rawequal, setmetatable, type
local call, defer = websocket.call, websocket.defer

local M = {}

--- An ordered list of listeners, each in it once.
--- @class websocket.shape.Listeners
--- @field private entries table[] `{ listener, removed }`; replaced, never changed: a run goes on over the old ones
local Listeners = {}
Listeners.__index = Listeners

--- Makes an empty list.
--- @return websocket.shape.Listeners
function M.new()
   return setmetatable({ entries = {} }, Listeners)
end

--- Tells whether a value can be called.
--- @return boolean
function M.callable(value)
   if type(value) == "function" then
      return true
   end
   local metatable = metatable_of(value)
   return type(metatable) == "table" and metatable.__call ~= nil
end

--- Adds a listener behind the others; no effect where it is in the list. One added during a run is not called in it.
--- @param listener function
function Listeners:add(listener)
   local entries = {}
   for index, entry in ipairs(self.entries) do
      if rawequal(entry.listener, listener) then
         return
      end
      entries[index] = entry
   end
   entries[#entries + 1] = { listener = listener }
   self.entries = entries
end

--- Removes a listener; no effect where it is not in the list. One removed during a run is not called any more.
--- @param listener function
function Listeners:remove(listener)
   local entries = {}
   for _, entry in ipairs(self.entries) do
      if rawequal(entry.listener, listener) then
         entry.removed = true
      else
         entries[#entries + 1] = entry
      end
   end
   self.entries = entries
end

--- Calls each listener with the arguments, in order.
function Listeners:run(...)
   for _, entry in ipairs(self.entries) do
      if not entry.removed then
         call(entry.listener, ...)
      end
   end
end

--- Runs functions in turn, for one event that has several effects. Where Ctrl-C leaves one of them, the rest comes in
--- the next poll: a script that goes on after it still hears of the end.
--- @param steps fun()[] each calls the script through `websocket.call` or a list's `run` alone
function M.in_turn(steps)
   for index, step in ipairs(steps) do
      local ok, interrupt = pcall(step)
      if not ok then
         local rest = {}
         for later = index + 1, #steps do
            rest[#rest + 1] = steps[later]
         end
         defer(function()
            M.in_turn(rest)
         end)
         error(interrupt, 0)
      end
   end
end

return M
