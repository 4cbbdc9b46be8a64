--- Has a loop of lua-ev deliver the events of `websocket`.
---
---    require("websocket.loop.ev").attach()          -- the default loop, or the one that is given
---
--- Comes in: a descriptor to watch. Goes out: calls when it is readable. The loop ends when nothing can come any more.

local websocket = require "websocket"
local ev = require "ev"

local M = {}

-- The loop that is attached, and the watcher; nil while nothing is watched.
local loop, watcher

local adapter = { name = "websocket.loop.ev" }

function adapter.watch(descriptor, ready)
   watcher = ev.IO.new(function() ready() end, descriptor, ev.READ)
   watcher:start(loop)
end

function adapter.unwatch()
   watcher:stop(loop)
   watcher = nil
end

--- Attaches a loop, by default `ev.Loop.default`. It replaces one before that has nothing left to wait for; otherwise
--- another one raises.
--- @param new? userdata
function M.attach(new)
   if not watcher then
      loop = new or ev.Loop.default
   elseif new and new ~= loop then
      error("another loop of lua-ev is attached: call detach() first", 2)
   end
   websocket.attach(adapter)
end

--- Detaches the loop: events wait for `websocket.poll` again. No effect if it is not attached.
function M.detach()
   websocket.detach(adapter)
end

return M
