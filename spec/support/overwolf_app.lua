-- The client of an Overwolf app, for the specs of Overwolf's shape.
-- Comes in: parameters, options. Goes out: clients, the logs of their events, results. Connections go to the test
-- server; `engine.elsewhere` sets the path.

local engine = require "engine"
local overwolf = require "websocket.overwolf"
local servers = require "servers"
local websocket = require "websocket"

local M = {}

--- The events of a client, as `{name, payload}`.
--- @alias spec.OverwolfLog { [1]: string, [2]: table }[]

--- Makes a client. `params` replace those of a plain connection to the test server.
--- @param params? table
--- @param options? websocket.Options
--- @return websocket.overwolf.Client client
--- @return websocket.overwolf.Result result
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

--- Returns a log that records every event of a client from now on.
--- @param ow websocket.overwolf.Client
--- @return spec.OverwolfLog
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
--- @param params? table
--- @param options? websocket.Options
--- @return websocket.overwolf.Client client
--- @return spec.OverwolfLog log
function M.open(params, options)
   local ow = M.create(params, options)
   local log = M.record(ow)
   ow.connect()
   engine.wait_count(log, 1)
   assert(log[1][1] == "onOpen", log[1][1])
   return ow, log
end

--- Returns the names of the logged events, joined by spaces.
--- @param log spec.OverwolfLog
--- @return string
function M.names(log)
   local list = {}
   for index, entry in ipairs(log) do
      list[index] = entry[1]
   end
   return table.concat(list, " ")
end

--- Waits for onClosed and returns its payload.
--- @param log spec.OverwolfLog
--- @return { code: integer, reason: string }
function M.wait_closed(log)
   engine.wait(function()
      return #log > 0 and log[#log][1] == "onClosed"
   end)
   return log[#log][2]
end

--- Calls a function that takes a callback as its last argument, and returns the result that the callback gets. Fails
--- where the callback is called inside the call, or twice.
--- @param fn function
--- @param ... any up to two arguments before the callback
--- @return websocket.overwolf.Result
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
