--- `require "websocket.frame"` of lua-websockets: the numbers of kinds of frames alone (RFC 6455 section 11.8), since
--- the engine makes the frames.
--- @class websocket.frame
--- @field CONTINUATION integer 0
--- @field TEXT integer 1
--- @field BINARY integer 2
--- @field CLOSE integer 8
--- @field PING integer 9
--- @field PONG integer 10

return require "websocket.client.opcodes"
