--- Connects with the module under test and waits for events.
--- Comes in: URLs and options. Goes out: recorders, each with the events of one connection. Every wait has a deadline
--- and fails with the list of the events that came instead. Does not know how the servers are started.

local clock = require "clock"
local websocket = require "websocket"

local M = {}

--- One event of a connection: the name, the message and the detail that the callback received.
--- @alias RecordedEvent { [1]: string, [2]: any, [3]: any }

--- The events of one connection.
--- @class Recorder
--- @field ws table the connection
--- @field events RecordedEvent[] all events so far
--- @field ended? RecordedEvent the last event, once the connection has ended
--- @field seen integer index of the event that the last wait by name found

--- Seconds that a wait takes unless its caller says otherwise.
local PATIENCE = 30
--- Seconds that one poll waits.
local TICK = 0.05
--- Number of events that an error text lists.
local LISTED = 20

-- The recorders of connections that have not ended, for `finish`.
local alive = {}

M.now = clock.now

local function shorten(value)
   if type(value) ~= "string" then
      return tostring(value)
   end
   local shown = string.format("%q", value:sub(1, 60))
   return #value > 60 and string.format("%s... (%d bytes)", shown, #value) or shown
end

--- Lists the events of a recorder, or the last of them if there are many.
--- @param recorder Recorder
--- @return string
function M.describe(recorder)
   local lines = {}
   local first = math.max(1, #recorder.events - LISTED + 1)
   if first > 1 then
      lines[1] = string.format("  ... %d events before", first - 1)
   end
   for index = first, #recorder.events do
      local event = recorder.events[index]
      lines[#lines + 1] = string.format("  %d %s %s %s", index, event[1], shorten(event[2]), shorten(event[3]))
   end
   return #lines > 0 and table.concat(lines, "\n") or "  none"
end

--- Connects and records every event as `{event, message, detail}`.
--- @param url string
--- @param options? table
--- @param callback? fun(recorder: Recorder, event: string, message: any, detail: any) called after each is recorded
--- @return Recorder
function M.connect(url, options, callback)
   local recorder = { events = {}, seen = 0 }
   recorder.ws = websocket.new(url, function(event, message, detail)
      recorder.events[#recorder.events + 1] = { event, message, detail }
      if event == "closed" or event == "fail" then
         recorder.ended = recorder.events[#recorder.events]
         alive[recorder] = nil
      end
      if callback then
         return callback(recorder, event, message, detail)
      end
   end, options)
   alive[recorder] = true
   return recorder
end

--- Connects and waits for the event `open`.
--- @param url string
--- @param options? table
--- @param callback? fun(recorder: Recorder, event: string, message: any, detail: any)
--- @return Recorder
function M.open(url, options, callback)
   local recorder = M.connect(url, options, callback)
   M.wait(recorder, "open")
   return recorder
end

--- Makes a connection that has ended while the event of its end still waits in the queue. Does not poll.
--- @return Recorder
function M.ended_undelivered()
   local servers = require "servers"
   local recorder = M.connect(servers.url("/", nil, "refused"))
   M.await_queued()
   local _, _, code = recorder.ws:send("never")
   assert(code == "closed", code)
   return recorder
end

--- Waits until something is queued for the next poll, and does not poll; raises at the deadline.
--- @param seconds? number default 30
function M.await_queued(seconds)
   local queued = websocket._host.wait(seconds or PATIENCE)
   if not queued then
      error(string.format("nothing was queued within %g s", seconds or PATIENCE), 2)
   end
end

--- Polls until the condition returns a true value, and returns that value; returns `nil` at the deadline.
--- @generic T
--- @param condition fun(): T
--- @param seconds? number default 30
--- @return T?
function M.poll_until(condition, seconds)
   local deadline = M.now() + (seconds or PATIENCE)
   repeat
      local answer = condition()
      if answer then
         return answer
      end
      websocket.poll(TICK)
   until M.now() > deadline
   return condition() or nil
end

local function next_event(recorder, name)
   for index = recorder.seen + 1, #recorder.events do
      if recorder.events[index][1] == name then
         recorder.seen = index
         return recorder.events[index]
      end
   end
end

--- Polls until an event has come or a condition holds, and returns the event or what the condition returned; raises
--- at the deadline. A name finds the next event of that name after the one that the last wait by name found; the wait
--- fails at once if the connection has ended without it.
--- @param recorder Recorder
--- @param what string|fun(recorder: Recorder): any
--- @param seconds? number default 30
--- @return any
function M.wait(recorder, what, seconds)
   local by_name = type(what) == "string"
   local answer = M.poll_until(function()
      if not by_name then
         return what(recorder)
      end
      return next_event(recorder, what) or recorder.ended
   end, seconds)
   if answer and (not by_name or answer[1] == what) then
      return answer
   end
   local when = recorder.ended and "before the end" or string.format("within %g s", seconds or PATIENCE)
   error(string.format("%s did not come %s; events:\n%s", by_name and what or "the condition", when,
      M.describe(recorder)), 2)
end

--- Polls until the connection has ended, and returns the last event; raises at the deadline.
--- @param recorder Recorder
--- @param seconds? number default 30
--- @return RecordedEvent
function M.drain(recorder, seconds)
   local last = M.poll_until(function()
      return recorder.ended
   end, seconds)
   if last then
      return last
   end
   error(string.format("the connection did not end within %g s; events:\n%s", seconds or PATIENCE,
      M.describe(recorder)), 2)
end

--- Returns the payloads of the messages that came, in order.
--- @param recorder Recorder
--- @return string[]
function M.messages(recorder)
   local payloads = {}
   for _, event in ipairs(recorder.events) do
      if event[1] == "received" then
         payloads[#payloads + 1] = event[2]
      end
   end
   return payloads
end

--- Returns the names of the events that came, joined by spaces.
--- @param recorder Recorder
--- @return string
function M.names(recorder)
   local names = {}
   for index, event in ipairs(recorder.events) do
      names[index] = event[1]
   end
   return table.concat(names, " ")
end

--- Polls until the record of the test server has what is asked for, and returns the record; raises at the deadline.
--- @param token string
--- @param wait? string `key`, or `key:least` for a count; without it the record is returned as it is
--- @param seconds? number default 30
--- @return table<string, string|number>
function M.report(token, wait, seconds)
   local servers = require "servers"
   local record = servers.recorded(token)
   if not wait then
      return record
   end
   local found = M.poll_until(function()
      record = servers.recorded(token)
      return servers.has(record, wait)
   end, seconds)
   if found then
      return record
   end
   error(servers.describe(token, wait, seconds or PATIENCE), 2)
end

--- Ends every connection that is still alive. Use it with `after_each`.
--- Raises if one does not end, because the next spec would receive its events.
function M.finish()
   for _, ws in ipairs(websocket.connections("list")) do
      ws:terminate()
   end
   local ended = M.poll_until(function()
      return websocket.connections() == 0 and next(alive) == nil
   end)
   if not ended then
      local recorder = next(alive)
      alive = {}
      error("a connection did not end after terminate(); events:\n"
         .. (recorder and M.describe(recorder) or "  not recorded"), 2)
   end
end

return M
