-- Calls methods by JSON-RPC 2.0: several at once from coroutines, with time-outs, errors, notifications and a batch.
--
--   scripts/example json_rpc
--   lua examples/json_rpc.lua [URL]
--
-- URL is that of spec/support/json_rpc_server.py, which says what its methods do. json_rpc_client.lua is for your own
-- scripts.

package.path = (arg[0]:match("^.*/") or "./") .. "?.lua;" .. package.path -- json_rpc_client is beside this file

local json_rpc = require "json_rpc_client"
local websocket = require "websocket"

local ws = assert(websocket.connect(arg[1] or "ws://127.0.0.1:8765/"))
local rpc = json_rpc.new(ws, {
   tick = function(params)
      print("notified", "tick", params[1])
   end,
})

local running = 0

-- Starts a function beside the others; the last to end closes the connection.
local function task(name, fn)
   running = running + 1
   websocket.spawn(function()
      print(name, fn())
      running = running - 1
      if running == 0 then
         ws:close()
      end
   end)
end

-- The second call is answered first, and each gets its own answer.
task("slow", function() return rpc:call("wait", { 0.3 }) end)
task("quick", function() return rpc:call("subtract", { 42, 23 }) end)

task("named", function() return rpc:call("subtract", { subtrahend = 23, minuend = 42 }) end)
task("unknown", function() return rpc:call("no_such_method") end)
task("wrong", function() return rpc:call("subtract", { "one", "two" }) end)
task("too late", function() return rpc:call("never", {}, 0.2) end)

task("notify", function()
   rpc:notify("hello", { "from Lua" })
   rpc:notify("no_such_method") -- is not answered, not even with an error
   local seen = rpc:call("seen")
   return #seen, seen[1][1], seen[1][2][1]
end)

task("count", function() return rpc:call("count", { 3 }) end)

task("batch", function()
   local answers = assert(rpc:batch {
      { method = "subtract", params = { 5, 3 } },
      { method = "no_such_method" },
      { method = "wait", params = { 0.1 } },
   })
   return answers[1].result, answers[2].error.code, answers[3].result
end)

websocket.run() -- until the connection is closed and no function waits
