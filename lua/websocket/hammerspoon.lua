-- `hs.websocket` as Hammerspoon has it: hs = { websocket = require "websocket.hammerspoon" }.
-- Comes in: Hammerspoon's arguments. Goes out: calls of the engine, and its events with Hammerspoon's argument counts
-- and texts. docs/shapes/hammerspoon.md says what differs from Hammerspoon.

local websocket = require "websocket"
local arguments = require "websocket.hammerspoon.arguments"
local engine = require "websocket.shape.engine"

local error, next, pcall, rawget, setmetatable, tostring, type =
   error, next, pcall, rawget, setmetatable, tostring, type
-- A host may give its scripts no package library.
local package = rawget(_G, "package")

--- @class websocket.hammerspoon
local M = {}

--- Options of the engine for every connection that is made after they are set, since `new` takes two arguments alone.
--- They replace the defaults of this module, which are Hammerspoon's.
--- @type websocket.Options?
M.options = nil

-- What Hammerspoon sets no limit for gets more than any computer has: 4 PiB.
local NO_SIZE_LIMIT = 2 ^ 52

-- What SocketRocket, the client that Hammerspoon uses, does where a script has no say.
local defaults = {
   open_timeout = 60, -- the default of NSURLRequest
   -- SocketRocket waits for ever, even for an object that was collected. Then a server that does not read would keep
   -- the connection, and `websocket.run`, for ever.
   close_timeout = 60,
   ping_interval = false, -- it sends no pings
   max_message_size = NO_SIZE_LIMIT,
   max_fragments = NO_SIZE_LIMIT,
   max_buffered = NO_SIZE_LIMIT,
}

--- A connection, as `new` returns it: a userdata.
--- @class websocket.hammerspoon.Connection
--- @field __name "hs.websocket"
--- @field __type "hs.websocket"
local Connection = { __name = "hs.websocket", __type = "hs.websocket" }
Connection.__index = Connection

-- The state of each object, since a userdata cannot hold it: `native`, the connection of the engine; `callback`, the
-- script's, until the last event; `gave_up`, true where the script closed before the connection was open. The engine
-- refers to the state but not to the object, so an object that only the script referred to can be collected.
local states = setmetatable({}, { __mode = "k" })

local NEW = { { type = "string" }, { type = "function" } }
local METHOD = { { type = "userdata", metatable = Connection } }
local SEND = { METHOD[1], { type = "string" }, { type = "boolean", optional = true } }

-- What SocketRocket says of a handshake that it refuses.
local BAD_ACCEPT = "Invalid Sec-WebSocket-Accept response."
local refusals = {
   ["sec-websocket-accept"] = BAD_ACCEPT,
   ["sec-websocket-protocol"] = "Server specified Sec-WebSocket-Protocol that wasn't requested.",
}

local function failure_text(info)
   if info.error == "http_status" then
      -- Below 400 it ignores the status, and then finds that the header is missing.
      return info.status >= 400 and ("Received bad response code from server: %d."):format(info.status) or BAD_ACCEPT
   elseif info.error == "timeout" then
      return "Timed out connecting to server."
   end
   return info.error == "handshake" and refusals[info.header] or info.text
end

-- Returns the URL with http and https replaced by ws and wss, which the engine accepts.
local function websocket_url(url)
   return (url:gsub("^[hH][tT][tT][pP]([sS]?:)", "ws%1"))
end

-- Returns the Origin header that SocketRocket sends: the origin of the URL, with http for ws.
local function origin_of(url)
   local parsed = websocket.parse_url(url)
   return parsed and parsed.origin:gsub("^ws", "http") or nil
end

local function has_origin(options)
   for name in next, type(options.headers) == "table" and options.headers or {} do
      if type(name) == "string" and name:lower() == "origin" then
         return true
      end
   end
   return options.origin ~= nil
end

local function options_for(url)
   local options = engine.options(defaults, engine.options(M.options, {}))
   if not has_origin(options) then
      options.origin = origin_of(url)
   end
   return options
end

local function on_event(state, event, message)
   local callback = state.callback
   if callback == nil then
      return
   elseif event == "received" then
      callback("received", message)
   elseif event == "open" or event == "pong" then
      callback(event)
   elseif event == "closed" then
      state.callback = nil
      callback("closed")
   elseif event == "fail" then
      state.callback = nil
      callback("fail", failure_text(state.native:end_info()))
   end
end

local function connect(url, state)
   url = websocket_url(url)
   return websocket.new(url, function(event, message)
      on_event(state, event, message)
   end, options_for(url))
end

--- Connects to a WebSocket server and returns at once.
---
--- `callback("open")`, `callback("received", message)`, `callback("pong")`, `callback("closed")` and
--- `callback("fail", text)` are called by `websocket.poll` and `websocket.run`. Keep the object: when it is collected,
--- the connection closes, and the callback is not called any more.
--- @param url string ws, wss, http or https
--- @param callback fun(event: string, message: string?)
--- @return websocket.hammerspoon.Connection
function M.new(...)
   arguments.check(NEW, ...)
   local url, callback = ...
   local state = { callback = callback }
   local ok, result = engine.attempt(connect, url, state)
   if not ok then
      error(result, 2)
   end
   state.native = result
   -- Made last: at the end of a Lua state the newest object is finalised first, and this one still needs the other.
   local self = websocket.userdata(Connection)
   states[self] = state
   return self
end

--- Makes `require "hs.websocket"` return this module.
--- @return websocket.hammerspoon
function M.install()
   if type(package) ~= "table" then
      error("there is no package library to install hs.websocket in", 2)
   end
   package.preload["hs.websocket"] = function()
      return M
   end
   return M
end

--- Sends a message. One that cannot be sent, because the connection is not open or its buffer is full, is dropped.
--- @param message string
--- @param isData? boolean true is the default: a binary message; false: a text, with U+FFFD for what is not UTF-8
--- @return websocket.hammerspoon.Connection self
function Connection.send(...)
   arguments.check(SEND, ...)
   local self, message, isData = ...
   local native = states[self].native
   if native:status() == "open" then
      if isData == false then
         native:send(websocket.to_utf8(message))
      else
         native:send(message, true)
      end
   end
   return self
end

--- Closes with code 1000. A second call does nothing.
--- @return websocket.hammerspoon.Connection self
function Connection.close(...)
   arguments.check(METHOD, ...)
   local self = ...
   local state = states[self]
   local gives_up = state.native:status() == "connecting"
   local ok, problem = engine.attempt(state.native.close, state.native)
   if not ok then
      error(problem, 2)
   end
   state.gave_up = state.gave_up or gives_up
   return self
end

--- Returns the status of the connection. It stays "closing" where the script closed before the connection was open.
--- @return websocket.Status
function Connection.status(...)
   arguments.check(METHOD, ...)
   local state = states[...]
   return state.gave_up and "closing" or state.native:status()
end

function Connection.__tostring(self)
   local word = states[self].native:status() == "open" and "connected" or "disconnected"
   return ("hs.websocket: %s (0x%s)"):format(word, tostring(states[self]):match("(%x+)$"))
end

-- Closes the connection silently. At the end of the Lua state the engine may have ended before, and then raises.
function Connection.__gc(self)
   local state = states[self]
   if state then
      state.callback = nil
      pcall(state.native.close, state.native)
   end
end

return M
