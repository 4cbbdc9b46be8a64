-- Neovim with a timer that polls, in place of the loop that watches a descriptor: for the comparison of
-- docs/hosts/neovim.md.

local websocket = require "websocket"

package.loaded["websocket.loop.luv"] = {
   attach = function()
      local timer = (vim.uv or vim.loop).new_timer()
      timer:start(0, 20, vim.schedule_wrap(function() websocket.poll() end))
   end,
}

dofile("scripts/lib/hosts/neovim.lua")
