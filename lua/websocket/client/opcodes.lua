-- The numbers by which lua-websockets names kinds of frames (RFC 6455 section 11.8).

return { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 }
