-- The client of the benchmarks that uses lua-websockets; waiting.lua has its workloads.
--
--     lua_websockets.lua WORKLOAD URL COUNT SIZE

local cpu_before = os.clock()
local websocket = require "websocket.client"
package.path = arg[0]:match("^(.*)/[^/]*$") .. "/?.lua;" .. package.path
require "waiting"(cpu_before, function(address)
   local ws = websocket.sync({ timeout = 60 })
   assert(ws:connect(address))
   return ws
end)
