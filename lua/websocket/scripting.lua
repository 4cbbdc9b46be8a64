-- `WebSocket` and `Data` as the app Scripting has them: require "websocket.scripting".
-- Comes in: Scripting's arguments. Goes out: calls of the engine, and its events in the form that Scripting's listeners
-- take. docs/shapes/scripting.md says what the app's documentation leaves open.

local websocket = require "websocket"
local closing = require "websocket.shape.closing"
local data = require "websocket.scripting.data"
local engine = require "websocket.shape.engine"
local errors = require "websocket.shape.error"
local listeners = require "websocket.shape.listeners"
local quote = require "websocket.shape.quote"

local getmetatable, ipairs, pairs, rawset, setmetatable, type = getmetatable, ipairs, pairs, rawset, setmetatable, type
local raise = errors.raise

-- The close codes that a script may send.
local LOWEST_CODE, HIGHEST_CODE = 1000, 1003

--- A connection.
--- @class websocket.scripting.WebSocket
--- @field url string as it was given; writing it has no effect
--- @field onopen? fun()
--- @field onerror? fun(problem: websocket.shape.Error)
--- @field onmessage? fun(message: string|websocket.scripting.Data)
--- @field onclose? fun(reason: string?)
local methods = {}

-- The key of the private state of an object: url, native, handlers, lists.
local STATE = {}
local names = { "open", "error", "message", "close" }
local properties = {}
for _, name in ipairs(names) do
   properties["on" .. name] = name
end

local metatable = { __name = "WebSocket" }

function metatable.__index(self, name)
   if properties[name] then
      return self[STATE].handlers[properties[name]]
   end
   return name == "url" and self[STATE].url or methods[name]
end

function metatable.__newindex(self, name, value)
   if properties[name] then
      if value ~= nil and not websocket.is_callable(value) then
         raise("TypeError", ("%s must be a function or nil, got %s"):format(name, type(value)))
      end
      self[STATE].handlers[properties[name]] = value
   elseif name ~= "url" and not methods[name] then
      rawset(self, name, value)
   end
end

-- Events

-- Calls the property `on...`, then the listeners.
local function dispatch(state, name, ...)
   if state.handlers[name] ~= nil then
      websocket.call(state.handlers[name], ...)
   end
   state.lists[name]:run(...)
end

local function finished(state)
   local info = state.native:end_info()
   local text, code = engine.problem(info)
   local reason = not text and info.reason ~= "" and info.reason or nil
   listeners.in_turn {
      function()
         if text then
            dispatch(state, "error", errors.new("Error", text, code))
         end
      end,
      function() dispatch(state, "close", reason) end,
   }
end

local function on_event(state, event, message, detail)
   if event == "open" then
      dispatch(state, "open")
   elseif event == "received" then
      dispatch(state, "message", detail == "text" and message or data.new(message))
   elseif event == "closed" or event == "fail" then
      finished(state)
   end
end

-- Methods

-- Calls a method of the engine's connection.
local function ask(state, method, ...)
   return engine.ask("Error", state.native, method, ...)
end

--- Sends a text, or a Data as a binary message. Before the connection is open the message waits; after the end it is
--- ignored. A message that would exceed `max_buffered` is dropped, and `onerror` is called in the next poll.
--- @param message string|websocket.scripting.Data
function methods:send(message)
   local binary = data.Data.is(message)
   if not binary and type(message) ~= "string" then
      raise("TypeError", "message must be a string or a Data, got " .. type(message))
   elseif not binary and websocket.to_utf8(message) ~= message then
      raise("TypeError", "message is not valid UTF-8; send bytes as a Data")
   end
   local state = self[STATE]
   local taken, text, code = ask(state, "send", binary and data.bytes_of(message) or message, binary)
   if not taken and code == "buffer_full" then
      websocket.defer(function()
         dispatch(state, "error", errors.new("Error", text, code))
      end)
   end
end

--- Closes the connection. It has no effect once the connection is closing or closed.
--- @param code? integer 1000-1003; default 1000
--- @param reason? string at most 123 bytes of UTF-8
function methods:close(code, reason)
   local number = code == nil and closing.NORMAL or closing.integer(code)
   if not number or number < LOWEST_CODE or number > HIGHEST_CODE then
      raise("RangeError", ("close code must be %d to %d, got %s"):format(LOWEST_CODE, HIGHEST_CODE, quote.value(code)))
   elseif reason ~= nil and type(reason) ~= "string" then
      raise("TypeError", "close reason must be a string, got " .. type(reason))
   elseif reason and closing.reason_problem(reason) then
      raise("RangeError", closing.reason_problem(reason))
   elseif reason and websocket.to_utf8(reason) ~= reason then
      raise("TypeError", "close reason is not valid UTF-8")
   end
   ask(self[STATE], "close", number, reason)
end

local function list_of(self, name)
   local text = "unknown event: %s, the events are open, error, message, close"
   return self[STATE].lists[name] or raise("TypeError", text:format(quote.value(name)))
end

--- Adds a listener at the end, unless it is there already.
--- @param name "open"|"error"|"message"|"close"
--- @param listener function
function methods:addEventListener(name, listener)
   local list = list_of(self, name)
   if not websocket.is_callable(listener) then
      raise("TypeError", "listener must be a function or callable, got " .. type(listener))
   end
   list:add(listener)
end

--- Removes a listener, if it is there.
--- @param name "open"|"error"|"message"|"close"
--- @param listener function
function methods:removeEventListener(name, listener)
   list_of(self, name):remove(listener)
end

-- A method that is called with a dot raises an error that says so.
for name, method in pairs(methods) do
   methods[name] = function(self, ...)
      if type(self) ~= "table" or getmetatable(self) ~= metatable then
         raise("TypeError", ("call ws:%s(...) with a colon"):format(name))
      end
      return method(self, ...)
   end
end

-- The class

local function construct(_, url, options)
   if type(url) ~= "string" then
      raise("TypeError", "url must be a string, got " .. type(url))
   end
   local state = { url = url, handlers = {}, lists = {} }
   for _, name in ipairs(names) do
      state.lists[name] = listeners.new()
   end
   local ok, result = engine.attempt(websocket.new, url, function(...)
      on_event(state, ...)
   end, options)
   if not ok then
      raise("TypeError", result)
   end
   state.native = result
   return setmetatable({ [STATE] = state }, metatable)
end

--- @class websocket.scripting
--- @field WebSocket fun(url: string, options?: websocket.Options): websocket.scripting.WebSocket
--- @field Data websocket.scripting.DataClass
return { WebSocket = setmetatable({}, { __call = construct }), Data = data.Data }
