-- Talks to an echo server: a text, some bytes, a ping, and goodbye.
--
--   lua examples/echo.lua [URL [CA_FILE]]
--
-- URL is that of an echo server, by default ws://127.0.0.1:8765/. CA_FILE is a PEM file of certificate authorities,
-- which are trusted instead of those of the system.

local websocket = require "websocket"

local url = arg[1] or "ws://127.0.0.1:8765/"
local options = { tls = arg[2] and { ca_file = arg[2] } }
local failed = false

local function say(what, text)
   print(("%-10s%s"):format(what, text or ""))
end

local function as_hex(bytes)
   return (bytes:gsub(".", function(byte) return ("%02x "):format(byte:byte()) end))
end

-- What to do after each kind of echo.
local answers = {
   text = function(ws, message)
      say("received", "text    " .. message)
      local bytes = "\0\1\2\253\254\255"
      say("sending", "binary  " .. as_hex(bytes))
      ws:send(bytes, true)
   end,
   binary = function(ws, message)
      say("received", "binary  " .. as_hex(message))
      say("sending", "ping    are you there?")
      ws:ping("are you there?")
   end,
}

local ws
ws = websocket.new(url, function(event, message, detail)
   if event == "open" then
      say("open", ws:url())
      say("sending", "text    Hello, wörld!")
      ws:send("Hello, wörld!")
   elseif event == "received" then
      answers[detail](ws, message)
   elseif event == "pong" then
      say("received", "pong    " .. message)
      say("closing", "1000    goodbye")
      ws:close(1000, "goodbye")
   elseif event == "closed" then
      say("closed", ("%d    %s"):format(detail, message))
      failed = detail ~= 1000
   elseif event == "fail" then
      say("failed", ("%s: %s"):format(detail, message))
      failed = true
   end
end, options)

websocket.run() -- until no connection is alive
os.exit(failed and 1 or 0)
