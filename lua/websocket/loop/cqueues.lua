--- Has a controller of cqueues deliver the events of `websocket`; `connect`, `receive` and `sleep` yield to it.
---
---    require("websocket.loop.cqueues").attach(controller)
---
--- Comes in: a descriptor to watch. Goes out: calls when it is readable. A coroutine of the controller watches while
--- something can come, so that `controller:loop()` ends after that.

local websocket = require "websocket"
local cqueues = require "cqueues"
local condition = require "cqueues.condition"

local M = {}

local controller

-- Signalled when nothing is to be watched any more; nil while nothing is.
local stop

-- The condition for which each coroutine waits.
local conditions = setmetatable({}, { __mode = "k" })

local adapter = { name = "websocket.loop.cqueues" }

function adapter.watch(descriptor, ready)
   local mine = condition.new()
   stop = mine
   local source = { pollfd = descriptor, events = "r" }
   controller:wrap(function()
      while stop == mine do
         cqueues.poll(source, mine)
         if stop == mine then
            local ok, problem = pcall(ready)
            if not ok then -- for the caller of the controller's loop; this coroutine must go on
               controller:wrap(function() error(problem, 0) end)
            end
         end
      end
   end)
end

function adapter.unwatch()
   local mine = stop
   stop = nil
   mine:signal()
end

function adapter.owns()
   return cqueues.running() ~= nil
end

function adapter.suspend()
   local thread = coroutine.running()
   local mine = condition.new()
   conditions[thread] = mine
   mine:wait()
   conditions[thread] = nil
end

function adapter.wake(thread)
   local waiting = conditions[thread]
   if waiting then
      waiting:signal()
   end
end

--- Attaches a controller, by default the one that is running. It replaces one before that has nothing left to wait for;
--- otherwise another one raises.
--- @param new? userdata
function M.attach(new)
   if not stop then
      controller = new or cqueues.running()
   elseif new and new ~= controller then
      error("another controller of cqueues is attached: call detach() first", 2)
   end
   if not controller then
      error("attach needs a controller of cqueues outside of any: attach(cqueues.new())", 2)
   end
   websocket.attach(adapter)
end

--- Detaches the controller: events wait for `websocket.poll` again. No effect if none is attached.
function M.detach()
   websocket.detach(adapter)
end

return M
