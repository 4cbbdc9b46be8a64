-- A program of copas, for scripts/hosts.

local copas = require "copas"
local websocket = require "websocket"
local conversation = dofile("scripts/lib/hosts/conversation.lua")

require("websocket.loop.copas").attach() -- the example's call then has no effect

-- An old copas, such as Debian's, has no timers.
local sleep = copas.sleep or websocket.sleep

copas.addthread(function()
   while conversation.tick() do
      sleep(0.005)
   end
end)

conversation.hold_beside("examples/hosts/copas.lua")
