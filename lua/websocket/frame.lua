-- `require "websocket.frame"` of lua-websockets: its numbers alone, since the engine makes the frames.

return require "websocket.client.opcodes"
