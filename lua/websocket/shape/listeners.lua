-- Ordered lists of listeners, and steps that one event causes in turn.
-- Comes in: functions, and the arguments of an event. Goes out: calls through `websocket.call`, so that a listener that
-- raises does not stop the others. Knows no event's name.

local websocket = require "websocket"

local error, ipairs, pcall, rawequal, setmetatable = error, ipairs, pcall, rawequal, setmetatable
local call, defer = websocket.call, websocket.defer

local M = {}

--- An ordered list of listeners without duplicates.
--- @class websocket.shape.Listeners
--- @field private entries table[] `{ listener, removed }`; never changed but replaced, because a run may go over it
local Listeners = {}
Listeners.__index = Listeners

--- Makes an empty list.
--- @return websocket.shape.Listeners
function M.new()
   return setmetatable({ entries = {} }, Listeners)
end

--- Adds a listener at the end, unless it is in the list. A listener that is added during a run is not called in it.
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

--- Removes a listener. A listener that is removed during a run is not called any more.
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
--- @param ... any
function Listeners:run(...)
   for _, entry in ipairs(self.entries) do
      if not entry.removed then
         call(entry.listener, ...)
      end
   end
end

--- Runs steps in turn, for one event that has several effects. When Ctrl-C ends a step, the remaining steps run in the
--- next poll, so that a script that continues still gets every event.
--- @param steps fun()[] each calls the script only through `websocket.call` or the `run` of a list
function M.in_turn(steps)
   for index, step in ipairs(steps) do
      local ok, problem = pcall(step)
      if not ok then
         local rest = {}
         for later = index + 1, #steps do
            rest[#rest + 1] = steps[later]
         end
         defer(function()
            M.in_turn(rest)
         end)
         error(problem, 0)
      end
   end
end

return M
