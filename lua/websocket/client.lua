-- The clients of lua-websockets: `websocket.client.new`, `.sync`, `.copas` and `.ev`, each loaded when it is touched.
-- docs/migration/lua-websockets.md says what differs from lua-websockets.

local rawset, setmetatable = rawset, setmetatable

local loaders = {
   sync = function() return require "websocket.client_sync" end,
   copas = function() return require "websocket.client_copas" end,
   ev = function() return require "websocket.client_ev" end,
}
loaders.new = loaders.sync

--- @class websocket.client
--- @field new fun(config?: websocket.client.Config): websocket.client.Client the same as `sync`
--- @field sync fun(config?: websocket.client.Config): websocket.client.Client its calls wait
--- @field copas fun(config?: websocket.client.Config): websocket.client.Client its calls let other threads of copas run
--- @field ev fun(config?: websocket.client.EvConfig): websocket.client.EvClient its calls do not wait; it has callbacks
return setmetatable({}, {
   __index = function(client, name)
      local load = loaders[name]
      if load then
         rawset(client, name, load())
         return client[name]
      end
   end,
})
