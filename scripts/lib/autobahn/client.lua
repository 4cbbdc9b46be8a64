-- The client that the Autobahn test suite examines: asks how many cases there are, echoes in each, asks for the report.
--
--   lua client.lua URL AGENT
--
-- It knows nothing of the verdicts: check.py reads them from the report. Its neighbours do the same by other libraries.

local websocket = require "websocket"

local base, agent = assert(arg[1], "usage: lua client.lua URL AGENT"), assert(arg[2], "no AGENT")
-- The suite counts every frame: a keepalive Ping would be one more. Every message is compressed, also the shortest.
local options = { ping_interval = false, ping_timeout = false, compression = { threshold = 0 } }

-- Runs one connection to its end and gives every message to on_message(ws, payload, kind).
-- Returns the error when it could not be opened; an end that a case provokes is none.
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
