-- Neovim: one conversation, driven by a timer of its event loop. docs/hosts.md says how the module gets into its paths.
--
--   nvim -c 'luafile examples/hosts/neovim.lua'      then :Say hello, and :quit while the connection is open
--
-- WEBSOCKET_URL: an echo server, ws://127.0.0.1:8765/ by default.

local websocket = require "websocket"

-- By default errors of callbacks go to stderr, which is the editor's screen.
websocket.set_error_handler(function(_, traceback) vim.notify(traceback, vim.log.levels.ERROR) end)

local ws = websocket.new(os.getenv("WEBSOCKET_URL") or "ws://127.0.0.1:8765/", function(event, message, detail)
   vim.notify(("websocket: %s %s %s"):format(event, message or "", detail or ""))
end)

-- The timer fires outside of the editor's main loop, where the editor's API is forbidden; vim.schedule_wrap moves the
-- call into the main loop.
local timer = vim.loop.new_timer()
timer:start(0, 20, vim.schedule_wrap(function() websocket.poll() end))

vim.api.nvim_create_user_command("Say", function(command) ws:send(command.args) end, { nargs = "+" })

-- Neovim ends without closing its Lua state, so the goodbye is said here, for at most half a second.
vim.api.nvim_create_autocmd("VimLeavePre", {
   callback = function()
      timer:stop()
      websocket.close_all(1001)
      for _ = 1, 10 do
         if websocket.connections() == 0 then
            break
         end
         websocket.poll(0.05)
      end
   end,
})
