-- `hs.websocket` as Hammerspoon has it: hs = { websocket = require "websocket.hammerspoon" }.
-- Comes in: Hammerspoon's arguments. Goes out: the engine's calls, and its events with Hammerspoon's argument counts
-- and texts. docs/shapes/hammerspoon.md says what differs from Hammerspoon.

local websocket = require "websocket"
local engine = require "websocket.shape.engine"
local listeners = require "websocket.shape.listeners"

local error, getmetatable, select, setmetatable, tostring, type =
   error, getmetatable, select, setmetatable, tostring, type

--- @class websocket.hammerspoon
local M = {}

--- Options of the engine for every connection made after they are set; `new` takes two arguments alone.
--- @type websocket.Options?
M.options = nil

--- One connection, as `new` returns it.
--- @class websocket.hammerspoon.Connection
local Connection = {}

-- Where an object keeps its connection of the engine, and the address that it is shown by.
local NATIVE, ADDRESS = {}, {}

-- Arguments, checked as LuaSkin does: the object that a method is called on is argument 1.

local function wrong_type(value, is_there, index, expected)
   local got = is_there and type(value) or "no value"
   error(("ERROR: incorrect type '%s' for argument %d (expected %s)"):format(got, index, expected), 3)
end

local function check_count(expected, got)
   if got > expected then
      error(("ERROR: incorrect number of arguments. Expected %d, got %d"):format(expected, got), 3)
   end
end

local function check_self(self, is_there)
   if type(self) ~= "table" or getmetatable(self) ~= Connection then
      wrong_type(self, is_there, 1, "hs.websocket")
   end
end

-- What SocketRocket says of a refused handshake.
local refusals = {
   ["sec-websocket-accept"] = "Invalid Sec-WebSocket-Accept response.",
   ["sec-websocket-protocol"] = "Server specified Sec-WebSocket-Protocol that wasn't requested.",
}

local function failure_text(info)
   if info.error == "http_status" then
      return ("Received bad response code from server: %d."):format(info.status)
   elseif info.error == "timeout" then
      return "Timed out connecting to server."
   end
   return info.error == "handshake" and refusals[info.header] or info.text
end

--- Connects to a WebSocket server and returns at once.
---
--- `callback("open")`, `callback("received", message)`, `callback("pong")`, `callback("closed")`,
--- `callback("fail", text)`; in `websocket.poll` and `websocket.run` alone.
--- @param url string ws, wss, http or https
--- @param callback fun(event: string, message: string?)
--- @return websocket.hammerspoon.Connection
function M.new(...)
   local url, callback = ...
   local count = select("#", ...)
   if type(url) ~= "string" then
      wrong_type(url, count >= 1, 1, "string")
   elseif not listeners.callable(callback) then
      wrong_type(callback, count >= 2, 2, "function")
   end
   check_count(2, count)

   local self, native = {}, nil
   local function on_event(event, message)
      if event == "received" then
         callback("received", message)
      elseif event == "fail" then
         callback("fail", failure_text(native:end_info()))
      elseif event == "open" or event == "pong" or event == "closed" then
         callback(event)
      end
   end
   local ok, result = engine.attempt(websocket.new, url:gsub("^[hH][tT][tT][pP]([sS]?:)", "ws%1"), on_event, M.options)
   if not ok then
      error(result, 2)
   end
   native = result
   self[NATIVE] = native
   self[ADDRESS] = tostring(self):match("(%x+)$")
   return setmetatable(self, Connection)
end

--- Sends a message; one that cannot be sent, because the connection is not open or its buffer is full, is dropped.
--- @param message string
--- @param isData? boolean true, as without it: a binary message; false, or an explicit nil: text
--- @return websocket.hammerspoon.Connection self
function Connection.send(...)
   local self, message, is_data = ...
   local count = select("#", ...)
   check_self(self, count >= 1)
   if type(message) ~= "string" then
      wrong_type(message, count >= 2, 2, "string")
   elseif is_data ~= nil and type(is_data) ~= "boolean" then
      wrong_type(is_data, true, 3, "boolean")
   end
   check_count(3, count)
   local native = self[NATIVE]
   if native:status() == "open" then
      if count < 3 or is_data then
         native:send(message, true)
      else
         native:send(websocket.to_utf8(message))
      end
   end
   return self
end

--- Closes with code 1000; a second call does nothing.
--- @return websocket.hammerspoon.Connection self
function Connection.close(...)
   local self = ...
   local count = select("#", ...)
   check_self(self, count >= 1)
   check_count(1, count)
   self[NATIVE]:close()
   return self
end

--- Returns where the connection stands.
--- @return websocket.Status
function Connection.status(...)
   local self = ...
   local count = select("#", ...)
   check_self(self, count >= 1)
   check_count(1, count)
   return self[NATIVE]:status()
end

Connection.__name = "hs.websocket"
Connection.__type = "hs.websocket"
Connection.__index = { send = Connection.send, close = Connection.close, status = Connection.status }

function Connection.__tostring(self)
   local word = self[NATIVE]:status() == "open" and "connected" or "disconnected"
   return ("hs.websocket: %s (0x%s)"):format(word, self[ADDRESS])
end

return M
