--- Connects with the module under test and waits for what happens.
-- Comes in: URLs and options. Goes out: recorders, each with the events of one connection. Every wait has a deadline
-- and fails with the events that came instead. Knows nothing of how the servers are started.

local websocket = require "websocket"

local M = {}

--- Seconds that a wait takes where it is not told otherwise.
local PATIENCE = 30
--- How long one poll waits, in seconds.
local TICK = 0.05
--- How many events an error text lists.
local LISTED = 20

-- Those whose end has not come, for `finish`.
local alive = {}

--- Returns seconds of a clock that nobody sets, to 10 ms where /proc/uptime is, else whole seconds.
function M.now()
  local file = io.open("/proc/uptime")
  if not file then
    return os.time()
  end
  local seconds = file:read("*n")
  file:close()
  return seconds
end

local function shorten(value)
  if type(value) ~= "string" then
    return tostring(value)
  end
  local shown = string.format("%q", value:sub(1, 60))
  return #value > 60 and string.format("%s... (%d bytes)", shown, #value) or shown
end

--- Lists the events of a recorder, the last ones where there are many.
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
-- @string url
-- @tparam[opt] table options
-- @func[opt] callback called after each is recorded, with the recorder and the event's arguments
-- @treturn table `ws`, `events`, and `ended`, the last event, once it came
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
-- @return the recorder
function M.open(url, options, callback)
  local recorder = M.connect(url, options, callback)
  M.wait(recorder, "open")
  return recorder
end

--- Makes a connection that has ended, which the engine knows and the script was not told yet; polls nothing.
-- @return the recorder
function M.ended_untold()
  local servers = require "servers"
  local recorder = M.connect(servers.url("/", nil, "refused"))
  local deadline = M.now() + PATIENCE
  repeat
    os.execute("sleep 0.01")
    local _, _, code = recorder.ws:send("never")
  until code == "closed" or M.now() > deadline
  -- The end is queued in the moment after it is known.
  os.execute("sleep 0.01")
  return recorder
end

--- Polls until the condition returns something true, and returns that; `nil` at the deadline.
-- @func condition
-- @number[opt=30] seconds
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

--- Polls until an event or a condition comes, and returns it; raises at the deadline.
-- An event's name finds the next such event after the one that the last wait by name found, and fails at once where
-- the connection ended without it. A condition is called with the recorder.
-- @tparam table recorder
-- @tparam string|function what
-- @number[opt=30] seconds
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
  error(string.format("%s did not come %s; events:\n%s", by_name and what or "what was waited for",
    recorder.ended and "before the end" or string.format("within %g s", seconds or PATIENCE), M.describe(recorder)), 2)
end

--- Polls until the connection has ended, and returns the last event.
-- @tparam table recorder
-- @number[opt=30] seconds
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
function M.names(recorder)
  local names = {}
  for index, event in ipairs(recorder.events) do
    names[index] = event[1]
  end
  return table.concat(names, " ")
end

--- Polls until the test server's record has what is asked for, and returns it.
-- @string token
-- @string[opt] wait `key` or `key:least`; without it the record as it stands
-- @number[opt=30] seconds
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

--- Ends every connection made here that is still alive; for `after_each`.
-- Raises where one does not end: then the next spec would meet its events.
function M.finish()
  for recorder in pairs(alive) do
    recorder.ws:terminate()
  end
  local left = M.poll_until(function()
    return next(alive) == nil
  end)
  if not left then
    local recorder = next(alive)
    alive = {}
    error("a connection did not end after terminate(); events:\n" .. M.describe(recorder), 2)
  end
end

return M
