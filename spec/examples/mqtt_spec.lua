--- examples/mqtt_packets.lua by itself, and examples/mqtt.lua against Mosquitto.

local client = require "client"
local example = require "example"
local packets = require "mqtt_packets"
local servers = require "servers"
local websocket = require "websocket"

-- What a broker sends: CONNACK, SUBACK, PUBLISH of both qualities, PUBACK, PINGRESP.
local STREAM = "\32\2\0\0" .. "\144\4\0\1\0\1" .. "\48\7\0\3a/bhi" .. "\51\9\0\3a/b\0\7hi" .. "\64\2\1\2" .. "\208\0"
local EXPECTED = {
   { type = "connack", session_present = false, code = 0 },
   { type = "suback", id = 1, codes = { 0, 1 } },
   { type = "publish", topic = "a/b", payload = "hi", qos = 0, retained = false },
   { type = "publish", topic = "a/b", payload = "hi", qos = 1, id = 7, retained = true },
   { type = "puback", id = 258 },
   { type = "pingresp" },
}

describe("mqtt_packets", function()
   it("writes the packets of the standard", function()
      assert.equal("\16\14\0\4MQTT\4\2\0\60\0\2me", packets.connect { client_id = "me", keepalive = 60 })
      assert.equal("\16\23\0\4MQTT\4\194\1\44\0\2me\0\1u\0\4pass",
         packets.connect { client_id = "me", keepalive = 300, user = "u", password = "pass" })
      assert.equal("\48\7\0\3a/bhi", packets.publish("a/b", "hi"))
      assert.equal("\50\9\0\3a/b\1\2hi", packets.publish("a/b", "hi", 258))
      assert.equal("\64\2\1\2", packets.puback(258))
      assert.equal("\130\11\0\1\0\1a\0\0\2b#\1", packets.subscribe(1, { { "a", 0 }, { "b#", 1 } }))
      assert.equal("\192\0", packets.pingreq())
      assert.equal("\224\0", packets.disconnect())
   end)

   it("writes the remaining length in one to three bytes", function()
      local heads = { [124] = "\48\127", [125] = "\48\128\1", [16380] = "\48\255\127", [16381] = "\48\128\128\1" }
      for size, head in pairs(heads) do
         local packet = packets.publish("a", ("x"):rep(size))
         assert.equal(head, packet:sub(1, #head))
         assert.equal(size, #packets.reader()(packet)[1].payload)
      end
   end)

   it("refuses fields that are too long", function()
      assert.error_matches(function() packets.publish(("a"):rep(65536), "") end, "at most 65535 bytes, got 65536")
   end)

   it("reads several packets that come in one message", function()
      assert.same(EXPECTED, packets.reader()(STREAM))
   end)

   it("reads packets that come byte by byte, and in two pieces cut anywhere", function()
      local read, got = packets.reader(), {}
      for index = 1, #STREAM do
         for _, packet in ipairs(read(STREAM:sub(index, index))) do
            got[#got + 1] = packet
         end
      end
      assert.same(EXPECTED, got)
      for cut = 0, #STREAM do
         read, got = packets.reader(), {}
         for _, piece in ipairs({ STREAM:sub(1, cut), STREAM:sub(cut + 1) }) do
            for _, packet in ipairs(read(piece)) do
               got[#got + 1] = packet
            end
         end
         assert.same(EXPECTED, got)
      end
   end)

   it("refuses what is no packet of a broker", function()
      local cases = {
         ["\32\255\255\255\255"] = "more than four bytes", ["\32\3\0\0\0"] = "kind 2", ["\0\0"] = "kind 0",
         ["\16\0"] = "kind 1", ["\48\1\0"] = "kind 3", ["\48\2\0\1"] = "kind 3", ["\50\3\0\1a"] = "kind 3",
         ["\54\5\0\1a\0\1"] = "kind 3", ["\144\2\0\1"] = "kind 9", ["\208\1x"] = "kind 13", ["\64\1x"] = "kind 4",
      }
      for bytes, text in pairs(cases) do
         local list, problem = packets.reader()(bytes)
         assert.is_nil(list)
         assert.truthy(problem:find("broken MQTT: ", 1, true) and problem:find(text, 1, true), problem)
      end
   end)

   it("refuses a packet over its limit before it has come", function()
      local _, problem = packets.reader(100)("\48\101")
      assert.equal("broken MQTT: a packet of 101 bytes, limit 100", problem)
   end)
end)

local function url_of(name)
   return servers.url_at(servers.daemon(name), "/mqtt")
end

describe("examples/mqtt.lua", function()
   after_each(client.finish)

   it("subscribes, publishes, receives, pings and disconnects", function()
      local lines = example.lines("mqtt", { url_of "mosquitto" })
      assert.same({ "connected", "subscribed 0 1" }, { lines[1], lines[2] })
      assert.equal("disconnected 1000", lines[#lines])
      table.sort(lines)
      assert.same({
         "connected", "disconnected 1000", "received lua/greetings Hello, wörld! quality 0",
         "received lua/orders/tea one, please quality 1", "received pingresp nil", "received puback 2",
         "subscribed 0 1",
      }, lines)
   end)

   it("logs in", function()
      local lines = example.lines("mqtt", { url_of "mosquitto-auth", "user" }, { MQTT_PASSWORD = "password" })
      assert.equal("connected", lines[1])
   end)

   it("says that the broker refuses a wrong password", function()
      local output, status = example.run("mqtt", { url_of "mosquitto-auth", "user" }, { MQTT_PASSWORD = "wrong" })
      assert.equal(1, status)
      assert.matches("the broker refused: 5, not authorized", output)
      assert.is_nil(output:find("wrong", 1, true))
   end)

   it("speaks to a broker that gets each byte in a message of its own", function()
      local ws = assert(websocket.connect(url_of "mosquitto", { protocols = "mqtt" }))
      assert.equal("mqtt", ws:protocol())
      for byte in packets.connect({ client_id = "", keepalive = 60 }):gmatch(".") do
         ws:send(byte, true)
      end
      local message, kind = ws:receive(30)
      assert.equal("binary", kind)
      assert.same({ EXPECTED[1] }, packets.reader()(message))
   end)
end)
