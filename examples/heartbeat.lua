-- Sends heartbeats, as Discord, Phoenix and STOMP want them, and gives the connection up when one was not answered.
--
--   lua examples/heartbeat.lua [URL [CA_FILE]]
--
-- URL is that of an echo server, by default ws://127.0.0.1:8765/. CA_FILE is a PEM file of certificate authorities,
-- which are trusted instead of those of the system.

local websocket = require "websocket"

local url = arg[1] or "ws://127.0.0.1:8765/"
local options = { tls = arg[2] and { ca_file = arg[2] } }
local INTERVAL, LONGEST = 0.5, 20 -- seconds
local WANTED = 3

local sent, answered, code = 0, 0, nil
local heartbeat, timeout

local function beat(ws)
   if answered < sent then
      print("no answer", ("within %g s"):format(INTERVAL))
      ws:terminate()
   else
      sent = sent + 1
      ws:send("heartbeat " .. sent)
   end
end

local ws = websocket.new(url, function(event, message, detail, ws)
   print(event, message or "")
   if event == "open" then
      heartbeat = websocket.every(INTERVAL, function() beat(ws) end)
   elseif event == "received" then
      answered = answered + 1
      if answered == WANTED then
         heartbeat:cancel()
         ws:close()
      end
   elseif event == "closed" or event == "fail" then
      code = detail
      timeout:cancel() -- a timer that is set keeps `run` going
      if heartbeat then
         heartbeat:cancel()
      end
   end
end, options)

timeout = websocket.after(LONGEST, function()
   print("time-out", ("after %g s"):format(LONGEST))
   ws:terminate()
end)

websocket.run() -- until no connection is alive and no timer is set
assert(answered == WANTED and code == 1000, "the heartbeats were not answered")
