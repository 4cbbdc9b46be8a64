-- The part of an Overwolf app that talks to the client of a game on this machine, such as the League client.
--
--   lua examples/overwolf.lua [PORT [plain]]
--
-- PORT is that of an echo server on 127.0.0.1, by default 8766. The example connects by wss, or by ws if the word plain
-- follows.

local port = tonumber(arg[1] or 8766)
local secured = arg[2] ~= "plain"
local overwolf = require "websocket.overwolf"

local echo
local params = {
   secured = secured, -- wss with any certificate, because the connection stays on this machine
   port = port,
   credentials = { username = "riot", password = "secret" },
}

overwolf.web.createWebSocket(params, function(result)
   if result.status == "error" then
      print("Failed to create the WebSocket", result.error)
      return
   end
   local client = result.client

   local function onMessage(info)
      print("onMessage", info.type, info.message)
      echo = info.message
      client.close()
   end

   -- it is always good practice to removeListener before adding it
   client.onMessage.removeListener(onMessage)
   client.onMessage.addListener(onMessage)
   client.onError.addListener(function(info)
      print("onError", info.exception, info.message)
   end)
   client.onOpen.addListener(function()
      print("onOpen")
      client.send("hello", function(status)
         print("send", status.status)
      end)
   end)
   client.onClosed.addListener(function(info)
      print("onClosed", info.code, info.reason)
   end)
   client.connect(function(status)
      print("connect", status.status, status.error)
   end)
end)

require("websocket").run() -- until no connection is alive; Overwolf has an event loop of its own
assert(echo == "hello", "the echo did not come")
