--- Watches the connections that shapes make, for specs that see only the shape.
--- Comes in: calls of `websocket.new`. Goes out: the connections, each with its URL and options; all are ended after
--- each spec. Use it with `before_each(engine.watch)` and `after_each(engine.finish)`.

local client = require "client"
local websocket = require "websocket"

local M = {}

--- A connection that a shape has made.
--- @class MadeConnection
--- @field ws table
--- @field url string
--- @field options? table

--- Connections go to this URL instead if it is set. This is for shapes whose URLs cannot steer the test server.
--- @type string?
M.elsewhere = nil

local new = websocket.new
local made = {}

--- Replaces `websocket.new` by a function that remembers what it makes.
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

--- Returns one of the connections that were made since `watch`.
--- @param index? integer default: the last
--- @return MadeConnection
function M.made(index)
   return made[index or #made]
end

--- Returns how many connections were made since `watch`.
--- @return integer
function M.count()
   return #made
end

--- Ends all connections and restores `websocket.new`; raises if a connection does not end or a deferred call is left.
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

--- Returns a function that records its calls, and the list of them; a call is `{n = 2, "open", nil}`.
--- @return fun(...: any) record
--- @return table[] calls
function M.recorder()
   local calls = {}
   return function(...)
      calls[#calls + 1] = { n = select("#", ...), ... }
   end, calls
end

--- Polls until the condition returns a true value, and returns that value; raises at the deadline.
--- @generic T
--- @param condition fun(): T
--- @param seconds? number default 30
--- @return T
function M.wait(condition, seconds)
   return client.poll_until(condition, seconds) or error("the condition did not become true in time", 2)
end

--- Polls until a list has `count` entries, and returns that entry; raises at the deadline.
--- @param list any[]
--- @param count integer
--- @return any
function M.wait_count(list, count)
   client.poll_until(function()
      return #list >= count
   end)
   if #list < count then
      error(("%d entries came, expected %d"):format(#list, count), 2)
   end
   return list[count]
end

return M
