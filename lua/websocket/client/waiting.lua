-- The clients of lua-websockets whose calls wait, alone or in threads of copas.
-- Comes in: the calls of a script. Goes out: what lua-websockets returns. Knows nothing of loops.

local websocket = require "websocket"
local engine = require "websocket.shape.engine"
local opcodes = require "websocket.client.opcodes"
local opening = require "websocket.client.opening"
local quote = require "websocket.shape.quote"
local waiting = require "websocket.shape.waiting"

local error, rawget, setmetatable, type = error, rawget, setmetatable, type

local M = {}

--- What a client is made with.
--- @class websocket.client.Config
--- @field timeout? number seconds that each call may wait; without it, and below 0, without end, and 60 for `connect`
--- @field origin? string the Origin header; ours, as lua-websockets has it in `.ev` alone
--- @field options? websocket.Options of the engine, for every connection; ours

--- A client. It may connect again after its end.
--- @class websocket.client.Client
--- @field state "CLOSED"|"OPEN"
--- @field sock { settimeout: fun(self: table, seconds?: number), close: fun(self: table) }
--- @field on_close? fun(self: websocket.client.Client) called when the connection has ended
local Client = {}
Client.__index = Client

local kinds = { text = opcodes.TEXT, binary = opcodes.BINARY }

-- The part of a LuaSocket that scripts use.
local function socket_of(client)
   local socket = {}
   function socket.settimeout(_, seconds)
      client.config.timeout = seconds
      return 1
   end
   function socket.close()
      if client.native then
         client.native:terminate()
      end
      return 1
   end
   return socket
end

-- Seconds that a call may wait, nil for no limit.
local function patience(self)
   local timeout = self.config.timeout
   return timeout and timeout >= 0 and timeout or nil
end

local function ended(self, ...)
   self.state, self.native = "CLOSED", nil
   local on_close = rawget(self, "on_close")
   if on_close then
      on_close(self)
   end
   return ...
end

-- Drops the messages that still come, and returns how the connection ended.
local function finish(self, seconds, none)
   local info = waiting.finish(self.native, seconds)
   if info then
      return ended(self, opening.ending(info, none))
   end
   return ended(self, false, 1005, "")
end

--- Connects and waits until the connection is open.
--- @param url string
--- @param protocols? string|string[]
--- @param ssl_params? table see docs/migration/lua-websockets.md
--- @return true? ok
--- @return string? protocol the one that the server chose; without a connection why it failed
--- @return table<string, string>? headers of the server's answer
function Client:connect(url, protocols, ssl_params)
   if self.state ~= "CLOSED" or self.is_connecting then
      return nil, "wrong state", nil
   elseif not opening.has_known_scheme(url) then
      return nil, "bad protocol", nil
   end
   local ok, options = engine.attempt(opening.options, self.config, url, protocols, ssl_params)
   if not ok then
      error(options, 2)
   end
   local made, native = engine.attempt(websocket.new, url, nil, options)
   if not made then
      error(native, 2)
   end
   self.is_connecting = true
   local was_open = waiting.opened(native)
   self.is_connecting = nil
   local headers = opening.headers(native)
   if not was_open then
      return nil, opening.problem(native), headers
   end
   self.native, self.state, self.is_closing = native, "OPEN", nil
   return true, headers["sec-websocket-protocol"], headers
end

--- Waits for a message. Where it does not come in time, the connection is dropped, as lua-websockets does it.
--- @return string? message
--- @return integer? opcode `websocket.TEXT` or `websocket.BINARY`
--- @return boolean? was_clean without a message
--- @return integer? code
--- @return string? reason
function Client:receive()
   local native = self.native
   if self.state ~= "OPEN" then
      return nil, nil, false, 1006, self.is_closing and "closed" or "wrong state"
   end
   local message, kind, code = waiting.receive(native, patience(self))
   if message then
      return message, kinds[kind]
   elseif native ~= self.native then
      return nil, nil, false, 1006, "closed" -- another coroutine has closed meanwhile
   elseif code == "timeout" then
      native:terminate()
      return nil, nil, ended(self, false, 1006, "timeout")
   end
   return nil, nil, ended(self, opening.ending(native:end_info(), "closed"))
end

-- Returns true, or nil and why the engine did not take the message, and a text.
local function transmit(self, message, opcode)
   if opcode == opcodes.TEXT or opcode == opcodes.BINARY then
      return waiting.send(self.native, patience(self), "send", message, opcode == opcodes.BINARY)
   elseif opcode == opcodes.PING then
      return waiting.send(self.native, patience(self), "ping", message)
   elseif opcode == opcodes.PONG then
      return true -- the engine has answered the ping
   end
   return nil, "invalid", "opcode must be TEXT (1), BINARY (2), PING (9) or PONG (10), got " .. quote.value(opcode)
end

--- Sends a message, and waits where too much waits to be written.
--- @param message string UTF-8 for a text
--- @param opcode? integer default `websocket.TEXT`
--- @return true? ok
--- @return boolean? was_clean without success
--- @return integer? code
--- @return string? reason
function Client:send(message, opcode)
   if self.state ~= "OPEN" then
      return nil, false, 1006, "wrong state"
   elseif type(message) ~= "string" then
      error("message must be a string, got " .. type(message), 2)
   end
   local ok, problem, text = transmit(self, message, opcode or opcodes.TEXT)
   if ok then
      return true
   elseif problem == "invalid" then
      error(text, 2)
   elseif self.state ~= "OPEN" then
      return nil, false, 1006, "closed" -- another coroutine has closed meanwhile
   elseif problem == "timeout" then
      self.native:terminate()
      return nil, ended(self, false, 1006, "timeout")
   end
   return nil, finish(self, patience(self), "closed")
end

--- Closes the connection, drops the messages that still come, and waits for the server's Close.
--- @param code? integer default 1000; 1005, 1006 and 1015 send no code
--- @param reason? string
--- @param timeout? number seconds to wait; default: the time-out of the client
--- @return boolean was_clean
--- @return integer code
--- @return string reason
function Client:close(code, reason, timeout)
   if self.state ~= "OPEN" then
      return false, 1006, "wrong state"
   end
   local ok, problem = engine.attempt(self.native.close, self.native, opening.close_arguments(code, reason))
   if not ok then
      error(problem, 2)
   end
   self.is_closing = true
   return finish(self, timeout or patience(self), "")
end

--- Makes a client.
--- @param config? websocket.client.Config
--- @return websocket.client.Client
function M.new(config)
   local ok, problem = engine.attempt(opening.check, config)
   if not ok then
      error(problem, 2)
   end
   local self = setmetatable({ state = "CLOSED", config = engine.options(config, {}) }, Client)
   self.sock = socket_of(self)
   return self
end

return M
