--- Has libuv's loop, as luv and Neovim offer it, deliver the events of `websocket`.
---
---    require("websocket.loop.luv").attach()
---
--- Comes in: a descriptor to watch. Goes out: calls when it is readable. In Neovim callbacks run in the main loop,
--- where all of the editor's API is allowed, and the connections are closed in order when the editor leaves.

local websocket = require "websocket"

local M = {}

local vim = rawget(_G, "vim")
local uv = vim and (vim.uv or vim.loop) or require "luv"

-- The handle that watches; nil while nothing does.
local handle

local adapter = { name = "websocket.loop.luv" }

-- Calls `ready` in Neovim's main loop. Until then the descriptor stays readable, so it is not watched meanwhile.
local function schedule(mine, ready, on_readable)
   mine:stop()
   vim.schedule(function()
      if handle ~= mine then
         return
      end
      local ok, problem = pcall(ready)
      if handle == mine then
         mine:start("r", on_readable)
      end
      if not ok then
         error(problem, 0)
      end
   end)
end

function adapter.watch(descriptor, ready)
   -- On Windows the descriptor is a socket, which `new_poll` would not take. Elsewhere both are the same.
   local mine = uv.new_socket_poll(descriptor)
   handle = mine
   local function on_readable()
      if vim then
         schedule(mine, ready, on_readable)
      else
         ready()
      end
   end
   mine:start("r", on_readable)
end

function adapter.unwatch()
   local mine = handle
   handle = nil
   if not mine:is_closing() then -- a program may close all handles of its loop
      mine:stop()
      mine:close()
   end
end

-- Closes all connections, for at most half a second: Neovim ends without closing its Lua state. Nothing is raised,
-- because that would keep the autocommands of other plugins from running.
local function leave()
   websocket.close_all(1001)
   local deadline = websocket.now() + 0.5
   local function left() return math.max(deadline - websocket.now(), 0) end
   while websocket.connections() > 0 and left() > 0 do
      if not pcall(websocket.poll, left()) then
         break
      end
   end
   if websocket.connections() == 0 then
      return
   end
   -- A callback quits the editor, and in it no poll is possible. The engine's thread writes the Close frames within
   -- 4 ms, and the end of a connection then waits to be delivered.
   for _, ws in ipairs(websocket.connections("list")) do
      ws:flush(left())
   end
   repeat
      uv.sleep(5)
   until websocket.next_timeout() == 0 or left() == 0
end

--- Attaches the loop. A second call has no effect.
function M.attach()
   websocket.attach(adapter)
   if vim and vim.api then
      local group = vim.api.nvim_create_augroup("websocket", { clear = true })
      vim.api.nvim_create_autocmd("VimLeavePre", { group = group, callback = leave })
   end
end

--- Detaches the loop: events wait for `websocket.poll` again. No effect if it is not attached.
function M.detach()
   websocket.detach(adapter)
   if vim and vim.api then
      vim.api.nvim_create_augroup("websocket", { clear = true })
   end
end

return M
