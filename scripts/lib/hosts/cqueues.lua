-- A program of cqueues, for scripts/hosts.

local cqueues = require "cqueues"
local conversation = dofile("scripts/lib/hosts/conversation.lua")

-- The example makes the controller.
local new = cqueues.new
function cqueues.new()
   local controller = new()
   controller:wrap(function()
      while conversation.tick() do
         cqueues.sleep(0.005)
      end
   end)
   return controller
end

conversation.hold_beside("examples/hosts/cqueues.lua")
