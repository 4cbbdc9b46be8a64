-- AwesomeWM, for scripts/hosts.

local gears = require "gears"
local conversation = dofile("scripts/lib/hosts/conversation.lua")

gears.timer.start_new(0.005, conversation.tick)

conversation.hold("examples/hosts/awesome.lua", gears.timer.start_new, function() awesome.quit() end)
