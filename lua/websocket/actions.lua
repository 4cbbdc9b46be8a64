-- WebSockets as a mini-program's host offers them, by actions and events of plain data: require "websocket.actions".
-- Comes in: actions with payloads. Goes out: replies, and `websocket-event`s to listeners. docs/shapes/actions.md says
-- what the system leaves open.

local websocket = require "websocket"
local bytes = require "websocket.shape.bytes"
local closing = require "websocket.shape.closing"
local engine = require "websocket.shape.engine"
local listeners = require "websocket.shape.listeners"
local payloads = require "websocket.actions.payloads"
local quote = require "websocket.shape.quote"

local error, getmetatable, ipairs, rawequal, setmetatable, type =
   error, getmetatable, ipairs, rawequal, setmetatable, type
local remove = table.remove
local failure = payloads.failure

--- How many connections a host has at most.
local LIMIT = 5
local EVENT = "websocket-event"

-- How many ids all hosts together have given. No id is given twice.
local ids_given = 0

--- @class websocket.actions
local M = {}

--- A host of mini-programs, with connections of its own.
--- @class websocket.actions.Host
--- @field private options websocket.Options?
--- @field private listeners websocket.shape.Listeners
--- @field private by_id table<string, table> every connection that has not ended
--- @field private counted table[] the connections that count towards the limit, the oldest first
local Host = {}
Host.__index = Host

-- Returns what is wrong with the object that a method was called on, and nil where nothing is.
local function misuse(self, name)
   if type(self) ~= "table" or getmetatable(self) ~= Host then
      return ("call it as host:%s(...), with a colon"):format(name)
   end
end

-- Raises the text at the line of the script, which is the caller's caller, if there is one.
local function check(problem)
   if problem then
      error(problem, 3)
   end
end

--- @class websocket.actions.Configuration
--- @field on_event? fun(event: table, name: string) the first listener
--- @field options? websocket.Options options of the engine for every connection

--- @class websocket.actions.Request
--- @field action string
--- @field payload? table
--- @field callbackId? any passed to the callback after the reply
--- @field callback? fun(reply: table, callbackId: any)

--- Makes a host.
--- @param configuration? websocket.actions.Configuration
--- @return websocket.actions.Host
function M.new(configuration)
   if rawequal(configuration, M) then
      error("call it as actions.new{...}, with a dot", 2)
   end
   configuration = configuration == nil and {} or configuration
   if type(configuration) ~= "table" then
      error("configuration must be a table, got " .. type(configuration), 2)
   end
   local options, on_event = configuration.options, configuration.on_event
   if options ~= nil and type(options) ~= "table" then
      error("options must be a table, got " .. type(options), 2)
   elseif on_event ~= nil and not websocket.is_callable(on_event) then
      error("on_event must be a function or callable, got " .. type(on_event), 2)
   end
   local self = { options = options, listeners = listeners.new(), by_id = {}, counted = {} }
   if on_event ~= nil then
      self.listeners:add(on_event)
   end
   return setmetatable(self, Host)
end

--- Adds a listener, which is called with the table and the name of each event. A listener that is there already is not
--- added again.
--- @param name "websocket-event"
--- @param listener fun(event: table, name: string)
function Host:on(name, listener)
   check(misuse(self, "on"))
   if name ~= EVENT then
      error(("unknown event: %s, the only event is %s"):format(quote.value(name), EVENT), 2)
   elseif not websocket.is_callable(listener) then
      error("listener must be a function or callable, got " .. type(listener), 2)
   end
   self.listeners:add(listener)
end

-- Events

local function emit(self, connection, name, payload)
   self.listeners:run({ id = connection.id, name = name, payload = payload }, EVENT)
end

-- Makes a connection stop counting towards the limit.
local function uncount(self, connection)
   for index, other in ipairs(self.counted) do
      if rawequal(other, connection) then
         return remove(self.counted, index)
      end
   end
end

-- Closes a connection in the name of the host. Its event `close` comes in the next poll, and it has no other event.
local function drop(self, connection)
   engine.call(connection.native.close, connection.native, closing.GOING_AWAY)
   uncount(self, connection)
   self.by_id[connection.id] = nil
   connection.dropped = true
   websocket.defer(function()
      emit(self, connection, "close", { code = closing.GOING_AWAY, reason = "" })
   end)
end

local function finished(self, connection)
   uncount(self, connection)
   self.by_id[connection.id] = nil
   local info = connection.native:end_info()
   local text = engine.problem(info)
   listeners.in_turn {
      function()
         if text then
            emit(self, connection, "error", { errMsg = text })
         end
      end,
      function()
         emit(self, connection, "close", engine.code_and_reason(info))
      end,
   }
end

local function on_event(self, connection, event, message, detail)
   if connection.dropped then
      return
   elseif event == "received" then
      local data = detail == "text" and message or bytes.to_list(message)
      emit(self, connection, "message", { type = detail == "text" and "text" or "arraybuffer", data = data })
   elseif event == "open" then
      emit(self, connection, "open", { headers = payloads.plain_headers(connection.native:response()) })
   elseif event == "closed" or event == "fail" then
      finished(self, connection)
   end
end

-- Actions. Each takes a payload that `payloads.check` has accepted, and returns its reply.

local actions = {}

actions["can-use"] = function(_, payload)
   return { result = payloads.is_known(payload.action) }
end

actions["websocket-create"] = function(self, payload)
   local headers, problem = payloads.headers(payload.headers, self.options and self.options.headers)
   if not headers then
      return problem
   end
   local connection = {}
   local options = engine.options(self.options, { headers = headers, protocols = payload.protocols })
   local ok, result = engine.attempt(websocket.new, payload.url, function(...)
      on_event(self, connection, ...)
   end, options)
   if not ok then
      return failure("invalid_argument", result)
   end
   ids_given = ids_given + 1
   connection.id, connection.native = ("websocket-%d"):format(ids_given), result
   self.by_id[connection.id] = connection
   if #self.counted == LIMIT then
      drop(self, self.counted[1])
   end
   self.counted[#self.counted + 1] = connection
   return { id = connection.id }
end

-- Returns the bytes to send and whether the message is binary, or nil and an error reply.
local function message_of(payload)
   if payload.type == "text" then
      if type(payload.data) ~= "string" then
         return nil, failure("invalid_argument", "data of a text must be a string, got " .. type(payload.data))
      elseif websocket.to_utf8(payload.data) ~= payload.data then
         return nil, failure("invalid_argument", "data of a text is not valid UTF-8")
      end
      return payload.data, false
   elseif payload.type == "arraybuffer" then
      local data, problem = bytes.from_list(payload.data)
      if not data then
         return nil, failure("invalid_argument", "data of an arraybuffer: " .. problem)
      end
      return data, true
   end
   return nil, failure("invalid_argument", 'type must be "text" or "arraybuffer", got ' .. quote.quoted(payload.type))
end

local function find(self, id)
   local connection = self.by_id[id]
   if connection then
      return connection
   end
   return nil, failure("unknown_id", "no connection has the id " .. quote.quoted(id))
end

actions["websocket-send"] = function(self, payload)
   local message, is_binary = message_of(payload)
   if not message then
      return is_binary -- an error reply
   end
   local connection, unknown = find(self, payload.id)
   if not connection then
      return unknown
   elseif connection.native:status() ~= "open" then
      return failure("not_open", "the connection is not open: it is " .. connection.native:status())
   end
   local taken, text, code = connection.native:send(message, is_binary)
   if not taken then
      return failure(code == "closed" and "not_open" or code, text)
   end
   return {}
end

actions["websocket-close"] = function(self, payload)
   local connection, unknown = find(self, payload.id)
   if not connection then
      return unknown
   end
   if payload.code == closing.NO_STATUS then
      return failure("invalid_argument", "invalid close code: 1005 stands for a Close frame without a code")
   end
   local ok, problem = engine.attempt(connection.native.close, connection.native, payload.code, payload.reason)
   if not ok then
      return failure("invalid_argument", problem)
   end
   uncount(self, connection)
   return {}
end

--- Performs an action at once. It never raises: an error is returned as the reply `{error=text, code=code}`.
--- @param action "can-use"|"websocket-create"|"websocket-send"|"websocket-close"
--- @param payload? table
--- @return table reply
function Host:call(action, payload)
   local problem = misuse(self, "call")
   if problem then
      return failure("invalid_argument", problem)
   end
   return payloads.check(action, payload) or actions[action](self, payload)
end

--- Performs an action at once, and delivers its reply to the callback in a later poll.
--- @param request websocket.actions.Request
function Host:post(request)
   check(misuse(self, "post"))
   if type(request) ~= "table" then
      error("request must be a table, got " .. type(request), 2)
   end
   local callback, id = request.callback, request.callbackId
   if callback ~= nil and not websocket.is_callable(callback) then
      error("callback must be a function or callable, got " .. type(callback), 2)
   end
   local reply
   if callback ~= nil then -- deferred first, so that the reply comes before the events that the action causes
      local ok, problem = engine.attempt(websocket.defer, function()
         callback(reply, id)
      end)
      check(not ok and problem)
   end
   reply = self:call(request.action, request.payload)
end

--- Ends every connection with code 1001, as a host does when its mini-program goes into the background.
function Host:enter_background()
   check(misuse(self, "enter_background"))
   while self.counted[1] do
      local ok, problem = engine.attempt(drop, self, self.counted[1])
      check(not ok and problem)
   end
end

return M
