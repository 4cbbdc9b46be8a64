-- A program of lua-ev, for scripts/hosts.

local ev = require "ev"
local conversation = dofile("scripts/lib/hosts/conversation.lua")

ev.Timer.new(function(loop, timer)
   if not conversation.tick() then
      timer:stop(loop)
   end
end, 0.005, 0.005):start(ev.Loop.default)

conversation.hold_beside("examples/hosts/ev.lua")
