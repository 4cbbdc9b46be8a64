-- `websocket.client.sync` of lua-websockets: clients whose calls wait.

return require("websocket.client.waiting").new
