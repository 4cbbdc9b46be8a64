-- mpv, for scripts/hosts.

local conversation = dofile("scripts/lib/hosts/conversation.lua")

local timer
timer = mp.add_periodic_timer(0.005, function()
   if not conversation.tick() then
      timer:kill()
   end
end)

conversation.hold("examples/hosts/mpv.lua", mp.add_timeout, function()
   conversation.note("played", mp.get_property("time-pos"))
   mp.command("quit")
end)
