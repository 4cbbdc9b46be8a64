-- `websocket.client.ev` of lua-websockets: clients with callbacks, in a loop of lua-ev.

local loop = require "websocket.loop.ev"
local events = require "websocket.client.events"

--- Makes a client.
--- @param config? websocket.client.EvConfig
--- @return websocket.client.EvClient
return function(config)
   local client = events.new(config)
   loop.attach(config and config.loop)
   return client
end
