-- A script of the app Scripting, run without the app: it sends a text and some Data to an echo server, and closes.
--
--   lua examples/scripting.lua [URL [CA_FILE]]
--
-- URL is that of an echo server, by default ws://127.0.0.1:8765/. CA_FILE is a PEM file of certificate authorities,
-- which are trusted instead of those of the system.

local url = arg[1] or "ws://127.0.0.1:8765/"
local options = { tls = arg[2] and { ca_file = arg[2] } }
local scripting = require "websocket.scripting"
local WebSocket, Data = scripting.WebSocket, scripting.Data

local ws, echo = WebSocket(url, options), nil

ws.onopen = function()
   print("WebSocket connection opened")
   ws:send("Hello, server!")
   ws:send(Data.fromString("Hello, bytes!"))
end

ws.onmessage = function(message)
   if Data.is(message) then
      print("Received data", message, message:toHexString())
      echo = message:toRawString()
      ws:close(1000, "done")
   else
      print("Received message", message)
   end
end

ws.onerror = function(err)
   print("WebSocket error", err.message)
end

ws:addEventListener("close", function(reason)
   print("WebSocket closed", reason)
end)

require("websocket").run() -- until no connection is alive; the app has an event loop of its own
assert(echo == "Hello, bytes!", "the echo did not come")
