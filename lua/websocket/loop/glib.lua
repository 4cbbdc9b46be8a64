--- Has GLib's main loop, as lgi offers it, deliver the events of `websocket`: in AwesomeWM, and in programs with GTK.
---
---    require("websocket.loop.glib").attach()
---
--- Comes in: a descriptor to watch. Goes out: calls when it is readable, in the default main context.

local websocket = require "websocket"
local GLib = require("lgi").GLib

local M = {}

-- The number of the source that watches.
local source

local adapter = { name = "websocket.loop.glib" }

function adapter.watch(descriptor, ready)
   local mine
   mine = GLib.unix_fd_add_full(GLib.PRIORITY_DEFAULT, descriptor, GLib.IOCondition.IN, function()
      if source == mine then
         local ok, problem = pcall(ready)
         if not ok then -- for lgi, which would remove this source
            GLib.idle_add(GLib.PRIORITY_DEFAULT, function() error(problem, 0) end)
         end
      end
      return source == mine -- false removes the source
   end)
   source = mine
end

function adapter.unwatch()
   local mine = source
   source = nil
   GLib.source_remove(mine)
end

--- Attaches the loop. A second call has no effect.
function M.attach()
   websocket.attach(adapter)
end

--- Detaches the loop: events wait for `websocket.poll` again. No effect if it is not attached.
function M.detach()
   websocket.detach(adapter)
end

return M
