-- `websocket.client.copas` of lua-websockets: clients whose calls let other threads of copas run.

local loop = require "websocket.loop.copas"
local waiting = require "websocket.client.waiting"

--- Makes a client. The first one lets the loop of copas run the engine's.
--- @param config? websocket.client.Config
--- @return websocket.client.Client
return function(config)
   local client = waiting.new(config)
   loop.attach()
   return client
end
