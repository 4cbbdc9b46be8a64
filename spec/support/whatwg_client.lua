--- Connects with `websocket.whatwg` and waits for what happens.
-- Comes in: what WebSocket takes. Goes out: recorders, each with the events of one WebSocket. Every wait has a
-- deadline. Knows nothing of how the servers are started.

local client = require "client"
local whatwg = require "websocket.whatwg"

local M = {}

local kinds = { "open", "message", "error", "close" }

-- Those whose event `close` has not come, for `finish`.
local alive = {}

--- Connects and records every event as it is told; `states` holds readyState at each.
-- @string url
-- @param[opt] protocols
-- @tparam[opt] table options of the engine; close_timeout is 2 s where it is not told otherwise
-- @treturn table `ws`, `events`, `states`, and `ended`, the event `close`, once it came
function M.connect(url, protocols, options)
   options = options or {}
   options.close_timeout = options.close_timeout or 2
   local recorder = { events = {}, states = {} }
   recorder.ws = whatwg.WebSocket(url, protocols, options)
   for _, kind in ipairs(kinds) do
      recorder.ws:addEventListener(kind, function(event)
         recorder.events[#recorder.events + 1] = event
         recorder.states[#recorder.states + 1] = recorder.ws.readyState
         if kind == "close" and event.isTrusted then -- a script may make one, too
            recorder.ended = event
            alive[recorder] = nil
         end
      end)
   end
   alive[recorder] = true
   return recorder
end

--- Returns the types of the events that came, joined by spaces.
function M.names(recorder)
   local names = {}
   for index, event in ipairs(recorder.events) do
      names[index] = event.type
   end
   return table.concat(names, " ")
end

--- Returns the data of the messages that came, in order.
function M.messages(recorder)
   local list = {}
   for _, event in ipairs(recorder.events) do
      if event.type == "message" then
         list[#list + 1] = event.data
      end
   end
   return list
end

--- Polls until a condition holds and returns what it returns; raises at the deadline.
-- @tparam table recorder
-- @func condition
-- @number[opt=30] seconds
function M.wait(recorder, condition, seconds)
   local answer = client.poll_until(condition, seconds)
   if not answer then
      error("what was waited for did not come; events: " .. M.names(recorder), 2)
   end
   return answer
end

--- Connects and waits for the event `open`.
function M.open(...)
   local recorder = M.connect(...)
   M.wait(recorder, function() return recorder.events[1] end)
   if recorder.events[1].type ~= "open" then
      error("did not open; events: " .. M.names(recorder), 2)
   end
   return recorder
end

--- Polls until so many messages have come, and returns their data.
function M.await_messages(recorder, count)
   M.wait(recorder, function()
      return #M.messages(recorder) >= count or recorder.ended
   end)
   local list = M.messages(recorder)
   assert(#list >= count, "ended before the messages came; events: " .. M.names(recorder))
   return list
end

--- Polls until the event `close`, and returns it.
function M.drain(recorder, seconds)
   return M.wait(recorder, function() return recorder.ended end, seconds)
end

--- Runs a function and returns the error that it raises, which must be one of ours.
-- @treturn table with `name` and `message`
function M.raised(...)
   local ok, problem = pcall(...)
   if ok then
      error("nothing was raised", 2)
   elseif type(problem) ~= "table" then
      error("raised no error table: " .. tostring(problem), 2)
   end
   assert(tostring(problem) == problem.name .. ": " .. problem.message)
   return problem
end

--- Runs a function with the errors of callbacks in a list, and returns that list.
function M.errors_of(action)
   local websocket = require "websocket"
   local errors = {}
   websocket.set_error_handler(function(problem) errors[#errors + 1] = problem end)
   local ok, problem = pcall(action)
   websocket.set_error_handler(nil)
   if not ok then
      error(problem, 0)
   end
   return errors
end

--- Closes every WebSocket made here that is still alive; for `after_each`.
function M.finish()
   for recorder in pairs(alive) do
      recorder.ws:close()
   end
   local left = client.poll_until(function() return next(alive) == nil end)
   alive = {}
   if not left then
      error("a WebSocket did not end after close()", 2)
   end
end

return M
