-- A mini-program that calls actions and receives events, and the host that performs them.
--
--   lua examples/actions.lua [URL [CA_FILE]]
--
-- URL is that of an echo server, by default ws://127.0.0.1:8765/. CA_FILE is a PEM file of certificate authorities,
-- which are trusted instead of those of the system.

local url = arg[1] or "ws://127.0.0.1:8765/"
local options = { tls = arg[2] and { ca_file = arg[2] } }
local actions = require "websocket.actions"

local host, echoes = nil, {}
host = actions.new {
   options = options,
   on_event = function(event)
      local payload = event.payload
      if event.name == "open" then
         print("open", payload.headers["upgrade"])
         host:call("websocket-send", { id = event.id, type = "text", data = "hello" })
         host:call("websocket-send", { id = event.id, type = "arraybuffer", data = { 0, 127, 255 } })
      elseif event.name == "message" then
         local data = payload.type == "text" and payload.data or table.concat(payload.data, " ")
         print("message", payload.type, data)
         echoes[#echoes + 1] = data
         if #echoes == 2 then
            host:call("websocket-close", { id = event.id, code = 1000, reason = "done" })
         end
      elseif event.name == "error" then
         print("error", payload.errMsg)
      elseif event.name == "close" then
         print("close", payload.code, payload.reason)
      end
   end,
}

if host:call("can-use", { action = "websocket-create" }).result then
   local reply = host:call("websocket-create", { url = url, headers = { ["x-mine"] = "yes" } })
   print("websocket-create", reply.id, reply.error)
end

require("websocket").run() -- until no connection is alive; an app has an event loop of its own
assert(echoes[2] == "0 127 255", "the echoes did not come")
