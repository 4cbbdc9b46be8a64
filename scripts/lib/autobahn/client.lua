-- The client for the Autobahn test suite: asks how many cases there are, echoes every message of each case, and asks
-- for the report.
--
--   lua client.lua URL AGENT
--
-- It does not know the verdicts, which check.py reads from the report. client.py and client.js do the same with other
-- libraries.

local websocket = require "websocket"

local base, agent = assert(arg[1], "usage: lua client.lua URL AGENT"), assert(arg[2], "no AGENT")
-- The suite counts every frame, and a keepalive Ping would be one more. Even the shortest message is compressed.
local options = { ping_interval = false, ping_timeout = false, compression = { threshold = 0 } }

-- Runs one connection to its end and calls on_message(ws, payload, kind) for every message.
-- Returns the error text if the connection could not be opened. An end that the case provokes is not an error.
local function converse(path, on_message)
   local ws, opened, failure
   ws = websocket.new(base .. path, function(event, message, detail)
      if event == "open" then
         opened = true
      elseif event == "received" then
         on_message(ws, message, detail)
      elseif event == "fail" and not opened then
         failure = message
      end
   end, options)
   websocket.run()
   return failure
end

local function echo(ws, message, kind)
   ws:send(message, kind == "binary")
end

local count
assert(not converse("/getCaseCount", function(_, message)
   count = tonumber(message)
end))
assert(count, "the suite did not say how many cases it has")

for case = 1, count do
   local failure = converse(("/runCase?case=%d&agent=%s"):format(case, agent), echo)
   if failure then
      print(("case %d: %s"):format(case, failure))
   end
   if case % 50 == 0 or case == count then
      print(("%d of %d cases"):format(case, count))
   end
end

assert(not converse("/updateReports?agent=" .. agent, function() end))
