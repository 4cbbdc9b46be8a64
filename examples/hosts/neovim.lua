-- Neovim: one conversation, delivered by the editor's own loop. docs/hosts/neovim.md says where the module goes.
--
--   nvim -c 'luafile examples/hosts/neovim.lua'      then :Say hello, and :quit while the connection is open
--
-- WEBSOCKET_URL: an echo server, ws://127.0.0.1:8765/ by default.

local websocket = require "websocket"

-- From here on callbacks run in the editor's main loop, and the connections are closed when the editor leaves.
require("websocket.loop.luv").attach()

-- By default errors of callbacks go to stderr, which is the editor's screen.
websocket.set_error_handler(function(_, traceback) vim.notify(traceback, vim.log.levels.ERROR) end)

local ws = websocket.new(os.getenv("WEBSOCKET_URL") or "ws://127.0.0.1:8765/", function(event, message, detail)
   vim.notify(("websocket: %s %s %s"):format(event, message or "", detail or ""))
end)

vim.api.nvim_create_user_command("Say", function(command) ws:send(command.args) end, { nargs = "+" })
