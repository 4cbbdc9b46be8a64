--- Has copas deliver the events of `websocket`; `connect`, `receive` and `sleep` yield to it.
---
---    require("websocket.loop.copas").attach()
---
--- Comes in: a descriptor to watch. Goes out: calls when it is readable. A thread of copas watches while something can
--- come.
---
--- copas waits for sockets only, by `socket.select` of LuaSocket. That takes any object with `getfd` and `dirty`, so
--- what is watched is such an object, and so is what a thread waits for in a copas without `pause`.

local websocket = require "websocket"
local copas = require "copas"
local socket = require "socket"

local M = {}

-- What is watched; nil while nothing is.
local watched

local adapter = { name = "websocket.loop.copas" }

local function never() return false end

-- Makes an object for copas.receive, which waits once until the object is readable.
local function source_of(descriptor, dirty)
   local has_waited = false
   return {
      getfd = function() return descriptor end,
      dirty = dirty,
      settimeout = function() return 1 end,
      close = function() return 1 end,
      receive = function()
         has_waited = not has_waited
         if has_waited then
            return nil, "timeout"
         end
         return "readable"
      end,
   }
end

function adapter.watch(descriptor, ready)
   local mine = source_of(descriptor, never)
   watched = mine
   copas.addthread(function()
      while watched == mine do
         copas.receive(mine)
         if watched == mine then
            local ok, problem = pcall(ready)
            if not ok then -- for the error handler of copas; this thread must go on
               copas.addthread(function() error(problem, 0) end)
            end
         end
      end
   end)
end

function adapter.unwatch()
   local mine = watched
   watched = nil
   if copas.close then
      copas.close(mine) -- so that a newer copas ends its loop
   end
end

if copas.pauseforever and copas.wakeup then
   adapter.suspend, adapter.wake = copas.pauseforever, copas.wakeup
else
   -- The threads that must go on, and a socket from which nothing ever comes, because nobody sends to it.
   local awake = setmetatable({}, { __mode = "k" })
   local silent

   function adapter.suspend()
      local thread = coroutine.running()
      if not silent then
         silent = assert(socket.udp())
         assert(silent:setpeername("127.0.0.1", 9)) -- without an address it has no descriptor yet
      end
      awake[thread] = nil
      copas.receive(source_of(silent:getfd(), function() return awake[thread] ~= nil end))
      awake[thread] = nil
   end

   function adapter.wake(thread)
      awake[thread] = true
   end
end

--- Attaches copas. A second call has no effect.
function M.attach()
   websocket.attach(adapter)
end

--- Detaches copas: events wait for `websocket.poll` again. No effect if it is not attached.
function M.detach()
   websocket.detach(adapter)
end

return M
