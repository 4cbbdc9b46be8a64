-- The example of the browsers' documentation, nearly word for word, with an orderly end.
--
--   lua examples/whatwg.lua [URL [CA_FILE]]
--
-- URL is that of an echo server, by default ws://127.0.0.1:8765/. CA_FILE is a PEM file of certificate authorities,
-- which are trusted instead of those of the system.

local websocket = require "websocket"
local WebSocket = require("websocket.whatwg").WebSocket

-- Create WebSocket connection.
local options = { tls = arg[2] and { ca_file = arg[2] } }
local socket = WebSocket(arg[1] or "ws://127.0.0.1:8765/", nil, options)

-- Connection opened
socket:addEventListener("open", function()
   socket:send("Hello Server!")
end)

-- Listen for messages
socket:addEventListener("message", function(event)
   print("Message from server ", event.data)
   socket:close(1000, "goodbye")
end)

-- Possible errors
socket:addEventListener("error", function(event)
   print("WebSocket error: ", event.type)
end)

-- Connection closed
local ended
socket:addEventListener("close", function(event)
   print("Connection closed ", event.code, event.reason, event.wasClean)
   ended = event
end)

websocket.run() -- a browser has an event loop of its own; here the script runs it
assert(ended.wasClean, "the connection did not close cleanly")
