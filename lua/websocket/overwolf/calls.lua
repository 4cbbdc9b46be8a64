-- How Overwolf's functions are called, and how they answer.
-- Comes in: functions, callbacks, results. Goes out: functions that may be called with a dot or a colon, and calls of
-- the callbacks in the next poll. Knows no connection.

local websocket = require "websocket"
local engine = require "websocket.shape.engine"

local error, rawequal, type = error, rawequal, type

local M = {}

--- What a callback gets. `success` and `status` say the same thing, in the spellings of two pages of the system's
--- documentation.
--- @class websocket.overwolf.Result
--- @field success boolean
--- @field status "success"|"error"
--- @field error? string what went wrong
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

--- Raises a text without a position, unless a callback is nil or can be called.
--- @param callback any
function M.check_callback(callback)
   if callback ~= nil and not websocket.is_callable(callback) then
      error("callback must be a function or callable, got " .. type(callback), 0)
   end
end

--- Calls a callback in the next poll, unless it is nil.
--- @param callback websocket.overwolf.Callback?
--- @param result websocket.overwolf.Result
function M.answer(callback, result)
   if callback ~= nil then
      engine.call(websocket.defer, function()
         callback(result)
      end)
   end
end

--- Calls `perform`, and passes its result to a callback in the next poll. The callback is deferred first, so that it
--- runs before the events that `perform` causes.
--- @param callback websocket.overwolf.Callback?
--- @param perform fun(): websocket.overwolf.Result
function M.answer_with(callback, perform)
   local result
   if callback ~= nil then
      engine.call(websocket.defer, function()
         callback(result)
      end)
   end
   result = perform()
end

--- Makes a function of `owner` that may be called with a dot or with a colon. The texts that `fn` raises are raised at
--- the line of the script. It returns nothing.
--- @param owner table
--- @param fn function
--- @return function
function M.either_way(owner, fn)
   return function(first, ...)
      local ok, problem
      if rawequal(first, owner) then
         ok, problem = engine.attempt(fn, ...)
      else
         ok, problem = engine.attempt(fn, first, ...)
      end
      if not ok then
         error(problem, 2)
      end
   end
end

return M
