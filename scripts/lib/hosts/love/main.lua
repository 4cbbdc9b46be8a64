-- LOVE, for scripts/hosts.

local conversation = dofile("scripts/lib/hosts/conversation.lua")

local frames, due, call = 0, nil, nil

conversation.hold("examples/hosts/love/main.lua", function(seconds, fn)
   due, call = love.timer.getTime() + seconds, fn
end, function()
   conversation.note("frames", frames)
   love.event.quit()
end)

local update = love.update
function love.update(...)
   update(...)
   frames = frames + 1
   conversation.tick()
   if due and love.timer.getTime() >= due then
      due = nil
      call()
   end
end
