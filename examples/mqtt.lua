-- Talks MQTT 3.1.1 over WebSocket: subscribes, publishes, receives, answers and pings.
--
--   scripts/example mqtt
--   lua examples/mqtt.lua [URL [USER]]
--
-- URL is that of a broker, by default ws://127.0.0.1:9001/mqtt. The environment variable MQTT_PASSWORD has the password
-- of USER.

package.path = (arg[0]:match("^.*/") or "./") .. "?.lua;" .. package.path -- mqtt_packets is beside this file

local packets = require "mqtt_packets"
local websocket = require "websocket"

local url = arg[1] or "ws://127.0.0.1:9001/mqtt"
local KEEPALIVE = 4 -- seconds; the broker gives us up after 1.5 times as long without a packet; 60 is usual
local PATIENCE = 10 -- seconds to wait for an answer

-- MQTT is spoken in binary messages, and the subprotocol must be agreed on (MQTT 3.1.1 section 6).
local ws = assert(websocket.connect(url, { protocols = "mqtt", require_protocol = true }))

local function send(packet)
   assert(ws:send(packet, true))
end

local read, waiting = packets.reader(), {}

-- Returns the next packet, or the next of one type; the others wait. A packet may come in pieces, and several may come
-- in one message.
local function next_packet(wanted)
   while true do
      for index, packet in ipairs(waiting) do
         if not wanted or packet.type == wanted then
            return table.remove(waiting, index)
         end
      end
      for _, packet in ipairs(assert(read((assert(ws:receive(PATIENCE)))))) do
         waiting[#waiting + 1] = packet
      end
   end
end

send(packets.connect {
   client_id = "", -- the broker chooses one (section 3.1.3.1)
   keepalive = KEEPALIVE,
   user = arg[2],
   password = os.getenv("MQTT_PASSWORD"),
})
local connack = next_packet "connack"
if connack.code ~= 0 then
   local reasons = { "protocol version", "client identifier", "not available", "user or password", "not authorized" }
   error(("the broker refused: %d, %s"):format(connack.code, reasons[connack.code] or "unknown"), 0)
end
print("connected")

-- The broker wants a packet now and then. Timers run while the script waits in `receive`.
local heartbeat = websocket.every(KEEPALIVE / 2, function()
   ws:send(packets.pingreq(), true)
end)

send(packets.subscribe(1, { { "lua/greetings", 0 }, { "lua/orders/+", 1 } }))
print("subscribed", table.concat(next_packet("suback").codes, " ")) -- the quality of service that was granted

send(packets.publish("lua/greetings", "Hello, wörld!")) -- quality of service 0: as often as it arrives
send(packets.publish("lua/orders/tea", "one, please", 2)) -- 1: the broker acknowledges it

local wanted = { publish = 2, puback = 1, pingresp = 1 }
while next(wanted) do
   local packet = next_packet()
   if packet.type == "publish" then
      print("received", packet.topic, packet.payload, "quality " .. packet.qos)
      if packet.qos == 1 then
         send(packets.puback(packet.id))
      end
   else
      print("received", packet.type, packet.id)
   end
   local missing = (wanted[packet.type] or 0) - 1
   wanted[packet.type] = missing > 0 and missing or nil
end

heartbeat:cancel()
send(packets.disconnect())
ws:close()
print("disconnected", select(4, ws:receive(PATIENCE)))
