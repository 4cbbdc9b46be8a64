-- Checks that errors of callbacks reach the error handler and the caller of `poll`. On LuaJIT they unwind the frames of
-- the module by the unwinder of the process, which a conversation without errors would not try.
local websocket = require "websocket"

local problem = {}
local function raise()
   error(problem)
end

local reported = {}
websocket.set_error_handler(function(text) reported[#reported + 1] = text end)
websocket.defer(raise)
websocket.poll(0)
assert(#reported == 1, "the error handler was not called once")

websocket.set_error_handler("raise")
websocket.defer(raise)
local ok, raised = pcall(websocket.poll, 0)
assert(not ok and raised == problem, "poll did not raise the error of the callback")
