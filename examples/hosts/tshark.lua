-- tshark: sends one line about each packet. docs/hosts/tshark.md says where the module goes.
--
--   tshark -q -X lua_script:examples/hosts/tshark.lua -r FILE.pcap
--
-- WEBSOCKET_URL: an echo server, ws://127.0.0.1:8765/ by default.

local websocket = require "websocket"

local received = 0

local ws = websocket.new(os.getenv("WEBSOCKET_URL") or "ws://127.0.0.1:8765/", function(event, message, detail)
   if event == "received" then
      received = received + 1
   else
      print(event, message, detail)
   end
end)

local tap = Listener.new()
local sent = 0

function tap.packet(pinfo)
   if ws:send(("packet %d, %d bytes"):format(pinfo.number, pinfo.len)) then
      sent = sent + 1
   end
   websocket.poll()
end

-- Called at the end of the file or of the capture. What was sent must be written before tshark ends; the echoes may
-- take two seconds.
function tap.draw()
   ws:flush(2)
   local deadline = os.time() + 2
   while received < sent and os.time() <= deadline do
      websocket.poll(0.1)
   end
   print(("%d packets sent, %d received"):format(sent, received))
end
