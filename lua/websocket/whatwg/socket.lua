-- The class WebSocket of the WebSockets standard.
-- Comes in: calls of the script, and events of connections of the engine. Goes out: events to the script's listeners,
-- and calls of the engine. Knows nothing of frames, handshakes or time.

local websocket = require "websocket"
local address = require "websocket.whatwg.address"
local arguments = require "websocket.whatwg.arguments"
local buffer = require "websocket.whatwg.buffer"
local class = require "websocket.whatwg.class"
local closing = require "websocket.shape.closing"
local engine = require "websocket.shape.engine"
local events = require "websocket.whatwg.event"
local listeners = require "websocket.shape.listeners"
local raise = require("websocket.shape.error").raise
local target = require "websocket.whatwg.target"

local select = select

local CONNECTING, OPEN, CLOSING, CLOSED = 0, 1, 2, 3
local NORMAL, NO_STATUS, ABNORMAL = closing.NORMAL, closing.NO_STATUS, closing.ABNORMAL

--- A connection. `WebSocket(url[, protocols[, options]])` connects at once and reports by events.
--- @class websocket.whatwg.WebSocket : websocket.whatwg.EventTarget
--- @field CONNECTING 0
--- @field OPEN 1
--- @field CLOSING 2
--- @field CLOSED 3
--- @field url string absolute and serialised
--- @field readyState 0|1|2|3
--- @field bufferedAmount integer bytes of payload that the transport has not taken yet; it falls only in `poll`
--- @field extensions string "" for none
--- @field protocol string what the server chose, "" for none and before the connection is open
--- @field binaryType "blob"|"arraybuffer" the type of binary messages that arrive; default "blob"
--- @field onopen websocket.whatwg.Listener?
--- @field onmessage websocket.whatwg.Listener?
--- @field onerror websocket.whatwg.Listener?
--- @field onclose websocket.whatwg.Listener?
--- @field send fun(self, data: string|number|websocket.whatwg.Blob|websocket.whatwg.ArrayBuffer|websocket.whatwg.View)
--- @field close fun(self, code?: integer, reason?: string)

local WebSocket = class.define("WebSocket", "ws", target.EventTarget)

WebSocket:constants({ CONNECTING = CONNECTING, OPEN = OPEN, CLOSING = CLOSING, CLOSED = CLOSED })
WebSocket:readonly("url", "readyState", "protocol", "extensions", "binaryType")
for _, kind in ipairs({ "open", "message", "error", "close" }) do
   target.add_handler(WebSocket, kind)
end

WebSocket.setters.binaryType = function(state, value)
   if value == "blob" or value == "arraybuffer" then
      state.binaryType = value
   end
end

-- Calls a method of the engine's connection.
local function ask(state, method, ...)
   return engine.ask("InvalidStateError", state.native, method, ...)
end

-- Reads the amount of the engine, which falls at any moment, once for each poll, so that scripts see no change between.
local function update_buffered(state)
   local turn = websocket.turn()
   if state.turn ~= turn then
      state.buffered = state.native and ask(state, "buffered_amount") or 0
      state.turn = turn
   end
end

WebSocket.getters.bufferedAmount = function(state)
   update_buffered(state)
   return state.buffered + state.unsent
end

-- Events

local function fire(state, of, kind, fields)
   target.fire(state, events.trusted(of, kind, fields))
end

-- Errors of the engine that mean that the transport of an open connection was lost.
local lost = { reset = true, tls = true }

-- Tells whether the event `error` comes before `close`. RFC 6455 section 7.2.1 would have it come also when an open
-- connection is lost without a Close, but Chromium and Node fire `close` alone there, and libraries that were written
-- for browsers take `error` as a reason never to connect again.
local function is_failure(state, info)
   if state.must_fail or info.violation then
      return true
   end
   return info.failed and not (state.opened and lost[info.error])
end

-- Returns the fields of the event `close`, and whether `error` comes before it.
local function outcome(state, info)
   if is_failure(state, info) then
      return { wasClean = false, code = ABNORMAL, reason = "" }, true
   elseif info.received_code then
      return { wasClean = info.clean, code = info.code, reason = info.reason }, false
   end
   return { wasClean = false, code = ABNORMAL, reason = "" }, false
end

local function finish(state, info)
   local fields, has_failed = outcome(state, info)
   state.readyState = CLOSED
   listeners.in_turn({
      function()
         if has_failed then
            fire(state, events.Event, "error", {})
         end
      end,
      function() fire(state, events.CloseEvent, "close", fields) end,
   })
end

local on = {}

function on.open(state)
   if state.readyState == CONNECTING then
      state.readyState = OPEN
      state.opened = true
      state.protocol = state.native:protocol()
      state.extensions = state.native:extensions()
      fire(state, events.Event, "open", {})
   end
end

function on.received(state, payload, kind)
   if state.readyState ~= OPEN then
      return
   end
   local data = payload
   if kind == "binary" then
      data = state.binaryType == "blob" and buffer.blob(payload, "") or buffer.array_buffer(payload)
   end
   fire(state, events.MessageEvent, "message", { data = data, origin = state.origin, lastEventId = "" })
end

function on.closing(state)
   state.readyState = CLOSING
end

-- Only with the option `reconnect`, which browsers do not have; "open" follows again.
function on.reconnecting(state)
   state.readyState = CONNECTING
end

function on.closed(state)
   finish(state, state.native:end_info())
end

on.fail = on.closed

-- Construction

-- Fails in the next poll: port 0 is allowed in a URL, and no server can be there.
local function fail_later(state)
   state.must_fail = true
   local ok, problem = engine.attempt(websocket.defer, function() finish(state) end)
   if not ok then
      raise("TypeError", problem)
   end
end

local function connect(state, href, options)
   local ok, result = engine.attempt(websocket.new, href, function(event, message, detail)
      local handler = on[event]
      if handler then
         handler(state, message, detail)
      end
   end, options)
   if not ok then
      raise("TypeError", result)
   end
   state.native = result
end

WebSocket.construct = function(...)
   if select("#", ...) == 0 then
      raise("TypeError", "WebSocket needs a url")
   end
   local text, protocols, options = ...
   local url = address.read_url(text)
   local state = target.new_state()
   state.url, state.origin = url.href, url.origin
   state.readyState = CONNECTING
   state.protocol, state.extensions = "", ""
   state.binaryType = "blob"
   state.unsent = 0 -- bytes that were counted and not passed to the engine
   options = address.read_options(options, address.read_protocols(protocols))
   local object = WebSocket:make(state)
   if url.port == 0 then
      fail_later(state)
   else
      connect(state, url.href, options)
   end
   return object
end

-- Methods

-- Returns the payload, and whether it is binary.
local function payload_of(data)
   local bytes = buffer.bytes_of(data)
   if bytes then
      return bytes, true
   end
   return arguments.text(data, "data"), false
end

WebSocket:method("send", function(state, ...)
   if select("#", ...) == 0 then
      raise("TypeError", "send needs data")
   end
   local payload, is_binary = payload_of((...))
   if state.readyState == CONNECTING then
      raise("InvalidStateError", "the WebSocket is still connecting")
   end
   update_buffered(state)
   if state.readyState == OPEN then
      local sent, _, problem = ask(state, "send", payload, is_binary)
      if sent then
         state.buffered = state.buffered + #payload
         return
      elseif problem == "buffer_full" then
         -- The standard wants the connection to be closed here, and an error to be fired at its end.
         state.must_fail = true
         state.readyState = CLOSING
         ask(state, "terminate")
      end
   end
   state.unsent = state.unsent + #payload
end)

local function read_code(value)
   local code = arguments.clamped(value)
   if code ~= NORMAL and (code < 3000 or code > 4999) then
      raise("InvalidAccessError", ("invalid close code: %d, must be 1000 or 3000-4999"):format(code))
   end
   return code
end

local function read_reason(value)
   local reason = arguments.text(value, "reason")
   local problem = closing.reason_problem(reason)
   if problem then
      raise("SyntaxError", problem)
   end
   return reason
end

WebSocket:method("close", function(state, code, reason)
   if code ~= nil then
      code = read_code(code)
   end
   reason = reason == nil and "" or read_reason(reason)
   -- A Close frame has no body where neither a code nor a reason is given; a reason alone goes out with 1000.
   code = code or (reason == "" and NO_STATUS or NORMAL)
   if state.readyState == OPEN then
      ask(state, "close", code, reason)
   elseif state.readyState == CONNECTING then
      if state.native then
         ask(state, "terminate")
      end
      state.must_fail = true
   else
      if state.readyState == CLOSING and state.native then
         -- The server has closed, and the connection might be opened again.
         engine.attempt(state.native.close, state.native)
      end
      return
   end
   state.readyState = CLOSING
end)

return { WebSocket = WebSocket }
