-- AwesomeWM: lines for rc.lua that show what a server sends. docs/hosts/awesomewm.md says where the module goes.
--
--   awesome -c examples/hosts/awesome.lua            inside of Xephyr, for instance
--
-- WEBSOCKET_URL: an echo server, ws://127.0.0.1:8765/ by default.

local naughty = require "naughty"
local websocket = require "websocket"

require("websocket.loop.glib").attach()

websocket.set_error_handler(function(_, traceback)
   naughty.notify { title = "websocket", text = traceback, preset = naughty.config.presets.critical }
end)

local ws = websocket.new(os.getenv("WEBSOCKET_URL") or "ws://127.0.0.1:8765/", function(event, message, detail)
   naughty.notify { text = ("websocket: %s %s %s"):format(event, message or "", detail or "") }
end)

-- awesome-client 'awesome.emit_signal("websocket::say", "hello")'
awesome.connect_signal("websocket::say", function(text) ws:send(text) end)
