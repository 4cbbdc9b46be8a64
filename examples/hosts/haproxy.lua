-- HAProxy: a service that answers requests through one WebSocket connection to an echo server; see haproxy.cfg.
--
-- WEBSOCKET_URL: an echo server, ws://127.0.0.1:8765/ by default. docs/hosts/haproxy.md says more.

local websocket = require "websocket"

websocket.set_error_handler(function(_, traceback) core.Alert(traceback) end)

local ws
local answers, last = {}, 0

-- HAProxy may fork after it has loaded this file; its tasks begin in the process that serves.
core.register_task(function()
   ws = websocket.new(os.getenv("WEBSOCKET_URL") or "ws://127.0.0.1:8765/", function(event, message, detail)
      if event == "received" then
         local id, text = message:match("^(%d+) (.*)")
         answers[id] = text
      else
         core.Info(("websocket: %s %s %s"):format(event, message or "", detail or ""))
      end
   end)
   while true do
      websocket.poll()
      core.msleep(20) -- here, never in a callback: a callback cannot yield
   end
end)

core.register_service("say", "http", function(applet)
   last = last + 1
   local id = tostring(last)
   ws:send(id .. " " .. applet.qs)
   local deadline = core.now().sec + 2
   while not answers[id] and core.now().sec <= deadline do
      core.msleep(10)
   end
   local answer = answers[id]
   answers[id] = nil
   applet:set_status(answer and 200 or 504)
   applet:start_response()
   applet:send((answer or "no answer") .. "\n")
end)
