-- The clients of lua-websockets that have callbacks.
-- Comes in: the calls of a script, events of the engine. Goes out: calls of the script's callbacks, with what
-- lua-websockets gives them. Knows nothing of loops: whatever polls calls the callbacks.

local websocket = require "websocket"
local engine = require "websocket.shape.engine"
local opcodes = require "websocket.client.opcodes"
local opening = require "websocket.client.opening"
local quote = require "websocket.shape.quote"

local error, print, setmetatable, type = error, print, setmetatable, type

local M = {}

--- What a client with callbacks is made with.
--- @class websocket.client.EvConfig : websocket.client.Config
--- @field loop? userdata a loop of lua-ev; default: its default loop

--- A client with callbacks. It may connect again after its end.
--- @class websocket.client.EvClient
--- @field state "CLOSED"|"CONNECTING"|"OPEN"|"CLOSING"
local Client = {}
Client.__index = Client

-- Seconds that the server may take to answer our Close.
local CLOSE_TIMEOUT = 3

-- Where the server has answered without accepting.
local refused = { handshake = true, http_status = true }

local kinds = { text = opcodes.TEXT, binary = opcodes.BINARY }

local function closed(self, was_clean, code, reason)
   self.state, self.native = "CLOSED", nil
   if self.close_timer then
      self.close_timer:cancel()
      self.close_timer = nil
   end
   if self.callbacks.close then
      self.callbacks.close(self, was_clean, code, reason)
   end
end

local function report(self, problem)
   if self.callbacks.error then
      self.callbacks.error(self, problem)
   else
      print("Error", problem)
   end
end

-- After an answer that does not accept, and where nothing was reached, the state of lua-websockets is CLOSED. After
-- other failures it stays CONNECTING, and scripts call `close`, for which `on_close` comes.
local function failed(self, native)
   local code = native:end_info().error
   local is_settled = code == "dns" or code == "connect" or native:response() ~= nil
   self.native, self.state = nil, is_settled and "CLOSED" or "CONNECTING"
   report(self, refused[code] and "accept failed" or opening.problem(native))
end

local function ended(self, native)
   local info = native:end_info()
   if self.state == "CONNECTING" then
      failed(self, native)
   elseif self.state == "CLOSING" and info.clean then
      closed(self, true, 1005, "") -- whatever code the server answers
   else
      closed(self, opening.ending(info, info.received_code and "" or "closed"))
   end
end

local function on_event(self, event, message, detail, native)
   if native ~= self.native then
      return -- of a connection that the script has given up
   elseif event == "open" then
      self.state = "OPEN"
      local headers = opening.headers(native)
      if self.callbacks.open then
         self.callbacks.open(self, headers["sec-websocket-protocol"], headers)
      end
   elseif event == "received" and self.callbacks.message then
      self.callbacks.message(self, message, kinds[detail])
   elseif event == "closed" or event == "fail" then
      ended(self, native)
   end
end

--- Connects; `on_open` or `on_error` follows.
--- @param url string
--- @param protocols? string|string[]
--- @param ssl_params? table ours: lua-websockets has no wss here; see docs/migration/lua-websockets.md
function Client:connect(url, protocols, ssl_params)
   if self.state ~= "CLOSED" and self.native then
      return report(self, "wrong state")
   elseif not opening.has_known_scheme(url) then
      return report(self, "bad protocol")
   end
   local ok, native = engine.attempt(function()
      return websocket.new(url, function(event, message, detail, native)
         on_event(self, event, message, detail, native)
      end, opening.options(self.config, url, protocols, ssl_params))
   end)
   if not ok then
      error(native, 2)
   end
   self.native, self.state = native, "CONNECTING"
end

--- Sends a message, and returns nothing, as lua-websockets does. After the end it is dropped; where more than
--- `max_buffered` waits to be written, `on_error` is called.
--- @param message string UTF-8 for a text
--- @param opcode? integer default `websocket.TEXT`
function Client:send(message, opcode)
   local native = self.native
   opcode = opcode or opcodes.TEXT
   if type(message) ~= "string" then
      error("message must be a string, got " .. type(message), 2)
   elseif not (kinds.text == opcode or kinds.binary == opcode or opcodes.PING == opcode or opcodes.PONG == opcode) then
      error("opcode must be TEXT (1), BINARY (2), PING (9) or PONG (10), got " .. quote.value(opcode), 2)
   elseif native == nil or opcode == opcodes.PONG then
      return -- the engine answers pings
   end
   local method = opcode == opcodes.PING and native.ping or native.send
   local ok, taken, text, code = engine.attempt(method, native, message, opcode == opcodes.BINARY or nil)
   if not ok then
      error(taken, 2)
   elseif not taken and code == "buffer_full" then
      report(self, text)
   end
end

--- Closes the connection; `on_close` follows, at once where the connection was not open.
--- @param code? integer default 1000; 1005, 1006 and 1015 send no code
--- @param reason? string
--- @param timeout? number seconds to wait for the server's Close; default 3
function Client:close(code, reason, timeout)
   local native = self.native
   if self.state == "CONNECTING" then
      if native then
         native:terminate()
      end
      return closed(self, false, 1006, "")
   elseif self.state ~= "OPEN" then
      return
   end
   local ok, problem = engine.attempt(native.close, native, opening.close_arguments(code, reason))
   if not ok then
      error(problem, 2)
   end
   self.state = "CLOSING"
   self.close_timer = websocket.after(timeout or CLOSE_TIMEOUT, function()
      if native == self.native then
         native:terminate()
         closed(self, false, 1006, "timeout")
      end
   end)
end

--- @alias websocket.client.SetCallback fun(self: websocket.client.EvClient, callback?: function)

local function setter(name)
   return function(self, callback)
      self.callbacks[name] = callback
   end
end

--- Sets what is called as `callback(client, protocol, headers)` when the connection is open; nil removes it, as in the
--- other three.
--- @type websocket.client.SetCallback
Client.on_open = setter "open"

--- Sets what is called as `callback(client, message, opcode)` for each message.
--- @type websocket.client.SetCallback
Client.on_message = setter "message"

--- Sets what is called as `callback(client, was_clean, code, reason)` when an open connection has ended, or one that
--- was closed before it was open.
--- @type websocket.client.SetCallback
Client.on_close = setter "close"

--- Sets what is called as `callback(client, problem)` when a connection cannot be made. Without it, such errors are
--- printed.
--- @type websocket.client.SetCallback
Client.on_error = setter "error"

--- Makes a client.
--- @param config? websocket.client.EvConfig
--- @return websocket.client.EvClient
function M.new(config)
   local ok, problem = engine.attempt(opening.check, config)
   if not ok then
      error(problem, 2)
   end
   return setmetatable({ state = "CLOSED", config = engine.options(config, {}), callbacks = {} }, Client)
end

return M
