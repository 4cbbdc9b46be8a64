-- Connects with `websocket.whatwg` and waits for events.
-- Comes in: the arguments of WebSocket. Goes out: recorders, each with the events of one WebSocket. Every wait has a
-- deadline. Knows nothing of how the servers are started.

local client = require "client"
local whatwg = require "websocket.whatwg"

local M = {}

local kinds = { "open", "message", "error", "close" }

-- The recorders whose event `close` has not come, for `finish`.
local alive = {}

--- What became of one WebSocket.
--- @class spec.WhatwgRecorder
--- @field ws websocket.whatwg.WebSocket
--- @field events websocket.whatwg.Event[] every event, in order
--- @field states integer[] readyState at each event
--- @field ended? websocket.whatwg.CloseEvent the event `close`, once it came

--- Connects and records every event.
--- @param url string
--- @param protocols? string|string[]
--- @param options? websocket.Options close_timeout is 2 s by default
--- @return spec.WhatwgRecorder
function M.connect(url, protocols, options)
   options = options or {}
   options.close_timeout = options.close_timeout or 2
   local recorder = { events = {}, states = {} }
   recorder.ws = whatwg.WebSocket(url, protocols, options)
   for _, kind in ipairs(kinds) do
      recorder.ws:addEventListener(kind, function(event)
         recorder.events[#recorder.events + 1] = event
         recorder.states[#recorder.states + 1] = recorder.ws.readyState
         if kind == "close" and event.isTrusted then -- a spec may make one, too
            recorder.ended = event
            alive[recorder] = nil
         end
      end)
   end
   alive[recorder] = true
   return recorder
end

--- Returns the types of the events that came, joined by spaces.
--- @param recorder spec.WhatwgRecorder
--- @return string
function M.names(recorder)
   local names = {}
   for index, event in ipairs(recorder.events) do
      names[index] = event.type
   end
   return table.concat(names, " ")
end

--- Returns the data of the messages that came, in order.
--- @param recorder spec.WhatwgRecorder
--- @return any[]
function M.messages(recorder)
   local list = {}
   for _, event in ipairs(recorder.events) do
      if event.type == "message" then
         list[#list + 1] = event.data
      end
   end
   return list
end

--- Polls until a condition returns something true, and returns that; raises at the deadline.
--- @param recorder spec.WhatwgRecorder
--- @param condition fun(): any
--- @param seconds? number default 30
--- @return any
function M.wait(recorder, condition, seconds)
   local answer = client.poll_until(condition, seconds)
   if not answer then
      error("what was waited for did not come; events: " .. M.names(recorder), 2)
   end
   return answer
end

--- Connects and waits for the event `open`.
--- @param ... any the arguments of `connect`
--- @return spec.WhatwgRecorder
function M.open(...)
   local recorder = M.connect(...)
   M.wait(recorder, function() return recorder.events[1] end)
   if recorder.events[1].type ~= "open" then
      error("did not open; events: " .. M.names(recorder), 2)
   end
   return recorder
end

--- Polls until so many messages have come, and returns their data.
--- @param recorder spec.WhatwgRecorder
--- @param count integer
--- @return any[]
function M.await_messages(recorder, count)
   M.wait(recorder, function()
      return #M.messages(recorder) >= count or recorder.ended
   end)
   local list = M.messages(recorder)
   assert(#list >= count, "ended before the messages came; events: " .. M.names(recorder))
   return list
end

--- Polls until the event `close`, and returns it.
--- @param recorder spec.WhatwgRecorder
--- @param seconds? number default 30
--- @return websocket.whatwg.CloseEvent
function M.drain(recorder, seconds)
   return M.wait(recorder, function() return recorder.ended end, seconds)
end

--- Calls a function and returns the error that it raises, which must be one of ours.
--- @param ... any the function and its arguments
--- @return websocket.shape.Error
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

--- Calls a function, and returns the errors that callbacks raise meanwhile.
--- @param action fun()
--- @return any[]
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
