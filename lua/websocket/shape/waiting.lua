-- Connections for shapes whose calls wait: they return when the connection is open, when a message has come, when the
-- engine has taken a message, or when the connection has ended.
-- Comes in: URLs, options, connections that have no callback, numbers of seconds. Goes out: connections, messages, and
-- how they ended. In a plain script these functions run the loop, in a coroutine they yield. Knows no shape's words.

local websocket = require "websocket"
local engine = require "websocket.shape.engine"

local setmetatable = setmetatable
local now, sleep = websocket.now, websocket.sleep

local M = {}

-- Seconds between two looks at what wakes nobody: a buffer that empties, and an end that another coroutine receives.
local TICK = 0.005

-- The connections from which a coroutine receives at this moment. Another one must not receive from them.
local receiving = setmetatable({}, { __mode = "k" })

-- Returns a function that tells how many seconds are left, nil for no limit.
local function countdown(seconds)
   local deadline = seconds and now() + seconds
   return function()
      local left = deadline and deadline - now()
      return left and (left > 0 and left or 0)
   end
end

--- Waits until a connection is open or has failed.
--- @param native websocket.Connection
--- @return boolean was_open also where it has ended since; what has come before its end can be received
function M.opened(native)
   if native:opened() then
      return true
   end
   local info, response = native:end_info(), native:response()
   return info == nil or response ~= nil and response.status == 101 and info.error ~= "handshake"
end

--- Waits for a message, as `receive` of the connection does.
--- @param native websocket.Connection
--- @param seconds? number nil waits without end
--- @return string? message
--- @return string? kind "text" or "binary"; without a message a text
--- @return string? code without a message: "timeout", "closed" or an error code
function M.receive(native, seconds)
   receiving[native] = true
   local message, kind, code = native:receive(seconds)
   receiving[native] = nil
   return message, kind, code
end

--- Sends a message or a ping, and waits while the engine has no space for it.
--- @param native websocket.Connection
--- @param seconds? number how long to wait for space; nil waits without end
--- @param method "send"|"ping"
--- @param ... any its arguments
--- @return true? ok
--- @return "timeout"|"closed"|"invalid"|nil code "invalid" where the arguments are wrong: a text that is not UTF-8
--- @return string? text
function M.send(native, seconds, method, ...)
   local left = countdown(seconds)
   while true do
      local valid, taken, text, code = engine.attempt(native[method], native, ...)
      if not valid then
         return nil, "invalid", taken
      elseif taken then
         return true
      elseif code ~= "buffer_full" then
         return nil, code, text
      elseif left() == 0 then
         return nil, "timeout", text
      end
      sleep(TICK)
   end
end

--- Waits for the end of a connection that is closing, and drops the messages that come before it. A connection that has
--- not ended in time is terminated.
--- @param native websocket.Connection
--- @param seconds? number nil waits for as long as the engine does
--- @return websocket.EndInfo? info nil where it did not end in time
function M.finish(native, seconds)
   local left = countdown(seconds)
   while native:end_info() == nil do
      if receiving[native] then
         if left() == 0 then
            break
         end
         sleep(TICK)
      else
         local message, _, code = native:receive(left())
         if message == nil and code == "timeout" then
            break
         end
      end
   end
   local info = native:end_info()
   if info == nil then
      native:terminate()
   end
   return info
end

return M
