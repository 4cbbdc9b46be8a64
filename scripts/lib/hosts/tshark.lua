-- tshark, for scripts/hosts, which sends it packets as long as the conversation goes on.

local conversation = dofile("scripts/lib/hosts/conversation.lua")

local at_end = function() conversation.note("wrong", "ended before the conversation was over") end

local tap = Listener.new()

function tap.packet()
   conversation.tick()
end

function tap.draw()
   at_end()
end

conversation.hold("examples/hosts/tshark.lua", function(_, fn) at_end = fn end, function() end)
