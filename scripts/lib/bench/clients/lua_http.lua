-- The client of the benchmarks that uses lua-http; waiting.lua has its workloads.
--
--     lua_http.lua WORKLOAD URL COUNT SIZE

local cpu_before = os.clock()
local websocket = require "http.websocket"
package.path = arg[0]:match("^(.*)/[^/]*$") .. "/?.lua;" .. package.path
require "waiting"(cpu_before, function(address)
   local ws = websocket.new_from_uri(address)
   assert(ws:connect())
   return ws
end)
