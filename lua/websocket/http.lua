-- The client of lua-http's `http.websocket`: `require("websocket.http").new_from_uri(uri)`.
-- Comes in: the calls of a script. Goes out: what lua-http returns. docs/migration/lua-http.md says what differs.

local websocket = require "websocket"
local closing = require "websocket.shape.closing"
local engine = require "websocket.shape.engine"
local errno = require "websocket.http.errno"
local headers = require "websocket.http.headers"
local request = require "websocket.http.request"
local waiting = require "websocket.shape.waiting"

local error, ipairs, min, next, rawget = error, ipairs, math.min, next, rawget
local setmetatable, tostring, type = setmetatable, tostring, type
local failure = errno.failure
-- A host may give its scripts no library of packages or of coroutines.
local package, coroutine = rawget(_G, "package"), rawget(_G, "coroutine")
local running = coroutine and coroutine.running or function() end

--- @class websocket.http
local M = {}

--- A client.
--- @class websocket.http.WebSocket
--- @field type "client"
--- @field readyState 0|1|2|3 0 before `connect` has succeeded, 1 open, 2 closing, 3 closed
--- @field request? websocket.http.Request until `connect` has succeeded
--- @field headers? websocket.http.Headers of the server's answer
--- @field protocols? table the subprotocols that are offered
--- @field protocol? string the one that the server chose
--- @field close_timeout number seconds that `close` waits for the server's Close
--- @field got_close_code? integer of the server's Close; 1005 for none
--- @field got_close_message? string
local WebSocket = { close_timeout = 3 }

--- The methods, to which a script may add.
M.methods = WebSocket
--- The metatable of all clients.
M.mt = { __name = "http.websocket", __index = WebSocket }

function M.mt.__tostring(self)
   return ("http.websocket{type=%q;readyState=%d}"):format(self.type, self.readyState)
end

-- What lua-http says of a header of the server's answer.
local refusals = {
   ["upgrade"] = "upgrade header not websocket",
   ["connection"] = "invalid connection header",
   ["sec-websocket-accept"] = "sec-websocket-accept header incorrect",
   ["sec-websocket-extensions"] = "extensions not supported",
   ["sec-websocket-protocol"] = "unexpected protocol",
}

-- The errors of the system that stand for the engine's error codes. Every other failure is EPIPE.
local numbers = { timeout = "ETIMEDOUT", keepalive = "ETIMEDOUT", reset = "ECONNRESET", connect = "ECONNREFUSED",
   proxy = "ECONNREFUSED" }

-- Returns what `connect` returns for a connection that failed.
local function refusal(info)
   if info.error == "http_status" then
      return nil, "status code not 101", errno.codes.EINVAL
   elseif info.header then
      return nil, refusals[info.header] or info.text, errno.codes.EINVAL
   elseif info.error == "timeout" then
      return failure("read", "ETIMEDOUT")
   elseif info.text:find("connection reset by peer", 1, true) then
      return failure("read", "ECONNRESET")
   elseif info.error == "connect" and info.text:find("connection refused", 1, true) then
      return failure("flush", "ECONNREFUSED")
   end
   return nil, info.text, errno.codes[numbers[info.error] or "EPIPE"]
end

-- Returns the headers of the server's answer.
local function answer(native)
   local response = native:response()
   local list = headers.new()
   list:append(":status", tostring(response.status))
   for name, value in next, response.headers do
      for _, one in ipairs(type(value) == "table" and value or { value }) do
         list:append(name, one)
      end
   end
   return list
end

-- The shortest `open_timeout`, for the time-out 0.
local SHORTEST = 0.001

-- Has the controller of cqueues that runs this coroutine, if there is one, run the engine's loop, too.
local function join_controller()
   local thread, is_main = running()
   if thread and not is_main then
      engine.attempt(function()
         require("websocket.loop.cqueues").attach()
      end)
   end
end

--- Connects and waits until the connection is open. It may be called again after a failure.
--- @param timeout? number seconds; default: that of the engine, 10
--- @return true? ok
--- @return string? text
--- @return integer? errno
function WebSocket:connect(timeout)
   if self.readyState ~= 0 or self.request == nil then
      error("connect was called before: make a new client by new_from_uri", 2)
   end
   join_controller()
   timeout = timeout and (timeout > SHORTEST and timeout or SHORTEST)
   local ok, url, options = engine.attempt(request.target, self.request, timeout)
   if not ok then
      error(url, 2)
   end
   local made, native = engine.attempt(websocket.new, url, nil, options)
   if not made then
      error(native, 2)
   end
   if not waiting.opened(native) then
      return refusal(native:end_info())
   end
   self.native, self.request, self.headers, self.readyState = native, nil, answer(native), 1
   self.protocol = native:protocol() ~= "" and native:protocol() or nil
   return true
end

-- Returns nil where a client is open, or what a call returns for one that is not.
local function is_open(self, operation)
   if self.readyState < 1 then
      return false, failure(operation, "ENOTCONN")
   elseif self.readyState > 1 then
      return false, failure(operation, "EPIPE")
   end
   return true
end

-- Keeps how a connection has ended.
local function keep_end(self, info)
   self.readyState = 3
   if info and info.received_code then
      self.got_close_code = info.received_code
      self.got_close_message = info.reason ~= "" and info.reason or nil
   end
end

-- Returns what `receive` returns for an end. After the end of the stream without a Close these are three nils.
local function ending(info)
   if info.failed then
      return nil, info.text, errno.codes[numbers[info.error] or "EPIPE"]
   elseif info.code == closing.ABNORMAL then
      return nil, nil, nil
   end
   local code = info.code == closing.NO_STATUS and closing.NORMAL or info.code
   return nil, info.reason ~= "" and info.reason or nil, code
end

--- Waits for a message. After a time-out the connection goes on.
--- @param timeout? number seconds; nil waits without end
--- @return string? data
--- @return string? opcode "text" or "binary"; without data a text or the server's reason
--- @return integer? errno without data: an errno, or the close code
function WebSocket:receive(timeout)
   local open, _, text, number = is_open(self, "receive")
   if not open then
      return nil, text, number
   end
   local native = self.native
   local data, kind, code = waiting.receive(native, timeout)
   if data then
      return data, kind
   elseif code == "timeout" then
      return failure("read", "ETIMEDOUT")
   end
   keep_end(self, native:end_info())
   return ending(native:end_info())
end

--- Iterates over the messages, until the connection ends.
--- @return fun(): string?, string?
--- @return websocket.http.WebSocket
function WebSocket:each()
   return function(ws)
      return ws:receive()
   end, self
end

local opcodes = { text = "text", binary = "binary", [1] = "text", [2] = "binary", [9] = "ping", [10] = "pong" }

-- Returns true, or nil, a text and an errno. Raises at the line of the script that has called the method.
local function transmit(self, kind, data, timeout)
   local open, _, text, number = is_open(self, "send_frame")
   if not open then
      return nil, text, number
   elseif kind == "pong" then
      return true -- the engine has answered the ping
   end
   local method = kind == "ping" and "ping" or "send"
   local ok, code, problem = waiting.send(self.native, timeout, method, data, kind == "binary" or nil)
   if ok then
      return true
   elseif code == "invalid" then
      error(problem, 3)
   elseif code == "timeout" then
      return failure("flush", "ETIMEDOUT")
   end
   return failure("flush", "EPIPE")
end

local function check(value, name)
   if type(value) ~= "string" then
      error(("%s must be a string, got %s"):format(name, type(value)), 3)
   end
end

--- Sends a message, and waits where too much waits to be written.
--- @param data string UTF-8 for a text
--- @param opcode? "text"|"binary"|integer default "text"; 1 and 2 mean the same, 9 a ping, 10 a pong
--- @param timeout? number seconds
--- @return true? ok
--- @return string? text
--- @return integer? errno
function WebSocket:send(data, opcode, timeout)
   check(data, "data")
   local kind = opcodes[opcode or "text"]
   if not kind then
      error('opcode must be "text", "binary", 1, 2, 9 or 10: the engine makes all other frames', 2)
   end
   local ok, text, number = transmit(self, kind, data, timeout)
   if ok then
      return true
   end
   return nil, text, number
end

--- Sends a ping. The engine takes the answer for itself.
--- @param data? string at most 125 bytes
--- @param timeout? number seconds
--- @return true? ok
--- @return string? text
--- @return integer? errno
function WebSocket:send_ping(data, timeout)
   local ok, text, number = transmit(self, "ping", data or "", timeout)
   if ok then
      return true
   end
   return nil, text, number
end

--- Does nothing on an open connection: the engine has answered the ping, and sends pings of its own to show life.
--- @param _ any
--- @return true? ok
--- @return string? text
--- @return integer? errno
function WebSocket:send_pong(_)
   local ok, text, number = transmit(self, "pong")
   if ok then
      return true
   end
   return nil, text, number
end

--- Closes the connection, drops the messages that still come, and waits for the server's Close, for at most
--- `close_timeout`.
--- @param code? integer default 1000
--- @param reason? string
--- @param timeout? number seconds
--- @return true
function WebSocket:close(code, reason, timeout)
   if self.readyState ~= 1 then
      self.request, self.readyState = nil, 3
      return true
   end
   local ok, problem = engine.attempt(self.native.close, self.native, code, reason)
   if not ok then
      error(problem, 2)
   end
   self.readyState = 2
   keep_end(self, waiting.finish(self.native, min(self.close_timeout, timeout or self.close_timeout)))
   return true
end

local function is_client_only(name)
   return function()
      error(name .. " is for servers; this module is a client", 2)
   end
end

WebSocket.accept = is_client_only "accept"

--- Raises: the module is a client.
M.new_from_stream = is_client_only "new_from_stream"

--- Makes a client that is not connected yet.
--- @param uri string|table ws, wss, http or https; a table has `scheme`, `host`, `port`, `path`, `query` and `userinfo`
--- @param protocols? string[] subprotocols to offer
--- @return websocket.http.WebSocket
function M.new_from_uri(uri, protocols)
   local ok, made, offered = engine.attempt(request.new, uri, protocols)
   if not ok then
      error(made, 2)
   end
   return setmetatable({ type = "client", readyState = 0, request = made, protocols = offered }, M.mt)
end

--- Makes `require "http.websocket"` return this module.
--- @return websocket.http
function M.install()
   if type(package) ~= "table" then
      error("there is no package library to install http.websocket in", 2)
   end
   package.preload["http.websocket"] = function()
      return M
   end
   return M
end

return M
