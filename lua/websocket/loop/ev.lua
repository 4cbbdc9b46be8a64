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

--- Attaches a loop, by default `ev.Loop.default`. No effect while the one before is watched.
--- @param new? userdata
function M.attach(new)
   loop = loop or new or ev.Loop.default
   websocket.attach(adapter)
end

--- Detaches the loop: events wait for `websocket.poll` again. No effect if it is not attached.
function M.detach()
   websocket.detach(adapter)
   loop = nil
end

return M
