--- An Overwolf app's client, for the specs of Overwolf's shape.
-- Comes in: parameters, options. Goes out: clients, the logs of their events, results. Connections go to the test
-- server; `engine.elsewhere` steers it.

local engine = require "engine"
local overwolf = require "websocket.overwolf"
local servers = require "servers"
local websocket = require "websocket"

local M = {}

--- Makes a client; `params` are laid over those of a plain connection to the test server.
-- @treturn table the client
-- @treturn table the result
function M.create(params, options)
   local all = { secured = false, port = servers.ports().ws }
   for name, value in pairs(params or {}) do
      all[name] = value
   end
   local callback, calls = engine.recorder()
   overwolf.web.createWebSocket(all, callback, options)
   local call = engine.wait_count(calls, 1)
   assert(call.n == 1)
   return call[1].client, call[1]
end

--- Returns a list that records every event of a client, as `{name, payload}`.
function M.record(ow)
   local log = {}
   for _, name in ipairs { "onMessage", "onError", "onOpen", "onClosed" } do
      ow[name].addListener(function(...)
         assert(select("#", ...) == 1)
         log[#log + 1] = { name, (...) }
      end)
   end
   return log
end

--- Makes a client, connects, and waits until it is open.
-- @treturn table the client
-- @treturn table its log
function M.open(params, options)
   local ow = M.create(params, options)
   local log = M.record(ow)
   ow.connect()
   engine.wait_count(log, 1)
   assert(log[1][1] == "onOpen", log[1][1])
   return ow, log
end

--- Returns the names of what was logged, joined by spaces.
function M.names(log)
   local list = {}
   for index, entry in ipairs(log) do
      list[index] = entry[1]
   end
   return table.concat(list, " ")
end

--- Waits for onClosed and returns its payload.
function M.wait_closed(log)
   engine.wait(function()
      return #log > 0 and log[#log][1] == "onClosed"
   end)
   return log[#log][2]
end

--- Calls a function that takes a callback last, and returns the result that the callback gets, once and not at once.
function M.result_of(fn, ...)
   local callback, calls = engine.recorder()
   local first, second = ...
   if select("#", ...) == 2 then
      fn(first, second, callback)
   elseif select("#", ...) == 1 then
      fn(first, callback)
   else
      fn(callback)
   end
   assert(#calls == 0, "called inside the call")
   local call = engine.wait_count(calls, 1)
   assert(call.n == 1)
   websocket.poll()
   assert(#calls == 1, "called twice")
   return call[1]
end

return M
