-- mpv: tells an echo server what is played. docs/hosts/mpv.md says where the module goes.
--
--   mpv --script=examples/hosts/mpv.lua FILE         quit with q while the connection is open
--
-- WEBSOCKET_URL: an echo server, ws://127.0.0.1:8765/ by default.

local websocket = require "websocket"

websocket.set_error_handler(function(_, traceback) mp.msg.error(traceback) end)

local ws = websocket.new(os.getenv("WEBSOCKET_URL") or "ws://127.0.0.1:8765/", function(event, message, detail)
   mp.msg.info(event, message or "", detail or "")
end)

mp.add_periodic_timer(0.02, function() websocket.poll() end)

mp.register_event("file-loaded", function()
   ws:send("playing " .. mp.get_property("filename", "?"))
end)
