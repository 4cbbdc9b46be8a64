-- Neovim, for scripts/hosts.

local conversation = dofile("scripts/lib/hosts/conversation.lua")

local timer = (vim.uv or vim.loop).new_timer()
timer:start(0, 5, vim.schedule_wrap(function()
   if not conversation.tick() then
      timer:stop()
   end
end))

conversation.hold("examples/hosts/neovim.lua", function(seconds, fn) vim.defer_fn(fn, 1000 * seconds) end, function()
   vim.cmd("quit")
end)
