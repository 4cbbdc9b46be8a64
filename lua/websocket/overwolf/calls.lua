-- How Overwolf's functions are called and answer.
-- Comes in: functions, callbacks, outcomes. Goes out: functions for dots and colons, and results in the next poll.
-- Knows no connection.

local websocket = require "websocket"
local listeners = require "websocket.shape.listeners"

local error, rawequal, type = error, rawequal, type

local M = {}

--- What a callback is given; `success` and `status` say the same, as two pages of the system spell it.
--- @class websocket.overwolf.Result
--- @field success boolean
--- @field status "success"|"error"
--- @field error? string why not
--- @field client? websocket.overwolf.Client in the result of createWebSocket

--- @alias websocket.overwolf.Callback fun(result: websocket.overwolf.Result)

--- Makes a result of success.
--- @param client? websocket.overwolf.Client
--- @return websocket.overwolf.Result
function M.success(client)
   return { success = true, status = "success", client = client }
end

--- Makes a result of failure.
--- @param text string
--- @return websocket.overwolf.Result
function M.failure(text)
   return { success = false, status = "error", error = text }
end

--- Raises, for the caller's caller, unless a callback is nil or can be called.
function M.check_callback(callback)
   if callback ~= nil and not listeners.callable(callback) then
      error("callback must be a function or callable, got " .. type(callback), 3)
   end
end

--- Calls a callback, where there is one, in the next poll.
--- @param callback websocket.overwolf.Callback?
--- @param result websocket.overwolf.Result
function M.answer(callback, result)
   if callback ~= nil then
      websocket.defer(function()
         callback(result)
      end)
   end
end

--- Does what `answer` does with the result of `perform`, and has the callback's place in the queue before that: what
--- the peer answers comes after it.
--- @param callback websocket.overwolf.Callback?
--- @param perform fun(): websocket.overwolf.Result
function M.answer_with(callback, perform)
   local result
   if callback ~= nil then
      websocket.defer(function()
         callback(result)
      end)
   end
   result = perform()
end

--- Makes a function of `owner` that can be called with a dot and with a colon.
--- @param owner table
--- @param fn function
--- @return function
function M.either_way(owner, fn)
   return function(first, ...)
      if rawequal(first, owner) then
         return fn(...)
      end
      return fn(first, ...)
   end
end

return M
