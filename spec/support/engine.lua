--- Watches the connections that shapes make, for specs that see only the shape.
-- Comes in: calls of `websocket.new`. Goes out: the connections, each with its URL and options, ended after each spec.
-- `before_each(engine.watch)`, `after_each(engine.finish)`.

local client = require "client"
local websocket = require "websocket"

local M = {}

--- Where set, connections go to this URL instead, for shapes whose URLs cannot steer the test server.
M.elsewhere = nil

local new = websocket.new
local made = {}

--- Begins to watch.
function M.watch()
  made = {}
  M.elsewhere = nil
  websocket.new = function(url, callback, options)
    local ok, ws = pcall(new, M.elsewhere or url, callback, options)
    if not ok then
      error(ws, 0)
    end
    made[#made + 1] = { ws = ws, url = url, options = options }
    return ws
  end
end

--- Returns the connection that was made as number `index`, the last one without it: `{ws, url, options}`.
function M.made(index)
  return made[index or #made]
end

--- Returns how many were made.
function M.count()
  return #made
end

--- Ends what is alive and stops watching; raises where something does not end, or a deferred call is left.
function M.finish()
  websocket.new = new
  websocket.set_error_handler()
  for _, connection in ipairs(made) do
    connection.ws:terminate()
  end
  local ended = client.poll_until(function()
    return websocket.connections() == 0 and websocket.poll() == 0
  end)
  assert(ended, "a connection did not end after terminate()")
end

--- Returns a function that records its calls, and the list: `{n = 2, "open", nil}` for each.
function M.recorder()
  local calls = {}
  return function(...)
    calls[#calls + 1] = { n = select("#", ...), ... }
  end, calls
end

--- Polls until the condition holds, and returns what it answers; raises at the deadline.
-- @func condition
-- @number[opt=30] seconds
function M.wait(condition, seconds)
  return client.poll_until(condition, seconds) or error("what was waited for did not come", 2)
end

--- Polls until a list has so many entries, and returns the last of them.
function M.wait_count(list, count)
  client.poll_until(function()
    return #list >= count
  end)
  if #list < count then
    error(("%d entries, waited for %d"):format(#list, count), 2)
  end
  return list[count]
end

return M
