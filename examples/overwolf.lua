-- An Overwolf app's part that talks to a game's client on this machine, as to the League client.
--
--   lua examples/overwolf.lua [PORT [plain]]
--
-- PORT: of an echo server on 127.0.0.1, 8766 by default; it is reached by wss, or by ws where the word plain follows.

local port = tonumber(arg[1] or 8766)
local secured = arg[2] ~= "plain"
local overwolf = require "websocket.overwolf"

local echo
local params = {
   secured = secured, -- wss with any certificate: it never leaves this machine
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

require("websocket").run() -- what Overwolf's own loop does there
assert(echo == "hello", "the echo did not come")
