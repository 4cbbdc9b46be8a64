-- Runs a block of a page, the file that BLOCK names, in Neovim; then waits in its loop for the connections to end, and
-- quits. The exit status is 3 where the block fails, or a connection does not end.

local LIMIT = 20000 -- milliseconds

local websocket = require "websocket"

local ok, problem = xpcall(dofile, debug.traceback, assert(os.getenv "BLOCK", "BLOCK is not set"))
if ok then
   ok = vim.wait(LIMIT, function() return websocket.connections() == 0 end, 5)
   problem = "the connections did not end"
end
if not ok then
   io.stderr:write(problem, "\n")
end
vim.cmd(ok and "quit!" or "cquit 3")
