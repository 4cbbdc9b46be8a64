-- A program of luv, for scripts/hosts.

local uv = require "luv"
local conversation = dofile("scripts/lib/hosts/conversation.lua")

local timer = uv.new_timer()
timer:start(0, 5, function()
   if not conversation.tick() then
      timer:stop()
   end
end)

conversation.hold_beside("examples/hosts/luv.lua")
