-- Clients: they connect, send and close, have four events, and can connect again after the end.
-- Comes in: a URL, options of the engine, calls of the script. Goes out: calls of the engine, results and payloads.
-- Knows nothing of Overwolf's parameters.

local websocket = require "websocket"
local calls = require "websocket.overwolf.calls"
local engine = require "websocket.shape.engine"
local errors = require "websocket.shape.error"
local listeners = require "websocket.shape.listeners"

local error, ipairs, setmetatable, type = error, ipairs, setmetatable, type
local answer, check_callback, either_way = calls.answer, calls.check_callback, calls.either_way
local failure, success = calls.failure, calls.success

local NOT_OPEN = "The current state of the interface is not Open."
local LISTENING = "this instance is already listening: it is connecting, open or closing"

local methods = { "connect", "send", "close" }
local events = { "onMessage", "onError", "onOpen", "onClosed" }

--- An event of a client.
--- @class websocket.overwolf.Event
--- @field addListener fun(listener: function)
--- @field removeListener fun(listener: function)

--- A client. Its functions, and those of its events, may be called with a dot or a colon.
--- @class websocket.overwolf.Client
--- @field connect fun(callback?: websocket.overwolf.Callback)
--- @field send fun(message: string, callback?: websocket.overwolf.Callback)
--- @field close fun()
--- @field onMessage websocket.overwolf.Event {message, type = "text"|"binary"|"ping"}
--- @field onError websocket.overwolf.Event {message, exception}; the exception is a websocket.shape.Error
--- @field onOpen websocket.overwolf.Event {}
--- @field onClosed websocket.overwolf.Event {code, reason}

local M = {}

--- The class of the clients. It has the same functions as a client, and each of them raises an error that says how to
--- get a client.
--- @type websocket.overwolf.Client
M.class = {}

local function misuse(name)
   return function()
      error(("call %s on a client; overwolf.web.createWebSocket(params, callback) makes one"):format(name), 2)
   end
end

for _, name in ipairs(methods) do
   M.class[name] = misuse(name)
end
for _, name in ipairs(events) do
   M.class[name] = { addListener = misuse(name .. ".addListener"), removeListener = misuse(name .. ".removeListener") }
end

local metatable = { __index = M.class, __name = "overwolf.web.websocket" }

local function new_event(list)
   local event = {}
   event.addListener = either_way(event, function(listener)
      if not websocket.is_callable(listener) then
         error("listener must be a function or callable, got " .. type(listener), 0)
      end
      list:add(listener)
   end)
   event.removeListener = either_way(event, function(listener)
      list:remove(listener)
   end)
   return event
end

-- The private state of a client.
local State = {}
State.__index = State

-- Calls the callback of `connect`, unless it was called before.
function State:connected(result)
   local callback = self.connect_callback
   self.connect_callback = nil
   if callback ~= nil then
      websocket.call(callback, result)
   end
end

function State:open()
   listeners.in_turn {
      function() self:connected(success()) end,
      function() self.onOpen:run {} end,
   }
end

function State:finished()
   local info = self.native:end_info()
   local text, code = engine.problem(info)
   listeners.in_turn {
      function() self:connected(failure(text or "closed before the connection was open")) end,
      function()
         if text then
            self.onError:run { message = text, exception = errors.new("Error", text, code) }
         end
      end,
      function()
         self.native = nil
         self.onClosed:run(engine.code_and_reason(info))
      end,
   }
end

function State:on_event(event, message, detail)
   if event == "received" then
      self.onMessage:run { message = message, type = detail }
   elseif event == "ping" then
      self.onMessage:run { message = message, type = "ping" }
   elseif event == "open" then
      self:open()
   elseif event == "closed" or event == "fail" then
      self:finished()
   end
end

function State:connect(callback)
   if self.native then
      return answer(callback, failure(LISTENING))
   end
   local ok, result = engine.attempt(websocket.new, self.url, function(...)
      self:on_event(...)
   end, self.options)
   if not ok then
      return answer(callback, failure(result))
   end
   self.native, self.connect_callback = result, callback
end

function State:send(message)
   if type(message) ~= "string" then
      return failure("message must be a string, got " .. type(message))
   elseif not self.native or self.native:status() ~= "open" then
      return failure(NOT_OPEN)
   elseif websocket.to_utf8(message) ~= message then
      return failure("message is not valid UTF-8")
   end
   local taken, text, code = self.native:send(message)
   return taken and success() or failure(code == "closed" and NOT_OPEN or text)
end

--- Makes a client that is not connected.
--- @param url string
--- @param options websocket.Options
--- @return websocket.overwolf.Client
function M.new(url, options)
   local client = setmetatable({}, metatable)
   local state = setmetatable({ url = url, options = options }, State)
   for _, name in ipairs(events) do
      state[name] = listeners.new()
      client[name] = new_event(state[name])
   end
   client.connect = either_way(client, function(callback)
      check_callback(callback)
      state:connect(callback)
   end)
   client.send = either_way(client, function(message, callback)
      check_callback(callback)
      calls.answer_with(callback, function()
         return state:send(message)
      end)
   end)
   client.close = either_way(client, function()
      if state.native then
         engine.call(state.native.close, state.native)
      end
   end)
   return client
end

return M
