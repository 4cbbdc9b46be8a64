-- Event, MessageEvent and CloseEvent of the DOM, HTML and WebSockets standards.
-- Comes in: types and initial values. Goes out: the classes, and a way to make trusted events, which scripts cannot
-- make. Knows nothing of how events are dispatched.

local arguments = require "websocket.whatwg.arguments"
local class = require "websocket.whatwg.class"
local raise = require("websocket.shape.error").raise

local select = select
-- A host may give its scripts no os.
local os = rawget(_G, "os")
local difftime, time = os and os.difftime, os and os.time
local started = time and time()

-- Returns the milliseconds since this module was loaded, or 0 where there is no clock.
local function elapsed()
   return started and difftime(time(), started) * 1000 or 0
end

--- The argument of a listener.
--- @class websocket.whatwg.Event
--- @field type string
--- @field target? websocket.whatwg.EventTarget the target that it was dispatched at; nil before that
--- @field currentTarget? websocket.whatwg.EventTarget the target while the event is dispatched, else nil
--- @field eventPhase integer 2 while the event is dispatched, else 0
--- @field bubbles boolean as given; it has no effect, because no target here has a parent
--- @field cancelable boolean
--- @field defaultPrevented boolean
--- @field timeStamp number milliseconds since the module was loaded, as exact as `os.time`
--- @field isTrusted boolean true where this module made the event, and false where a script did
--- @field preventDefault fun(self) makes `dispatchEvent` return false, if the event is cancelable
--- @field stopPropagation fun(self) called by a capturing listener, keeps the event from those that do not capture
--- @field stopImmediatePropagation fun(self) keeps the event from every listener that has not run yet

--- A message that arrived.
--- @class websocket.whatwg.MessageEvent : websocket.whatwg.Event
--- @field data any string for text; Blob or ArrayBuffer for bytes
--- @field origin string of the URL, for instance "ws://localhost:8080"
--- @field lastEventId string ""

--- The end of a connection.
--- @class websocket.whatwg.CloseEvent : websocket.whatwg.Event
--- @field wasClean boolean both sides sent a Close frame, and there was no error
--- @field code integer the server's close code; 1005 for a Close without a code, 1006 for an end without a Close
--- @field reason string the server's reason

local Event = class.define("Event", "event")
local MessageEvent = class.define("MessageEvent", "event", Event)
local CloseEvent = class.define("CloseEvent", "event", Event)

local M = { Event = Event, MessageEvent = MessageEvent, CloseEvent = CloseEvent }

Event:readonly("type", "target", "currentTarget", "eventPhase", "bubbles", "cancelable", "defaultPrevented",
   "timeStamp", "isTrusted")
MessageEvent:readonly("data", "origin", "lastEventId")
CloseEvent:readonly("wasClean", "code", "reason")

Event:method("preventDefault", function(state)
   if state.cancelable then
      state.defaultPrevented = true
   end
end)

Event:method("stopPropagation", function(state)
   state.stopped = true
end)

Event:method("stopImmediatePropagation", function(state)
   state.stopped = true
   state.stopped_at_once = true
end)

local function prepare(state, type)
   state.type = type
   state.eventPhase = 0
   state.defaultPrevented = false
   state.timeStamp = elapsed()
   state.bubbles = state.bubbles or false
   state.cancelable = state.cancelable or false
   state.isTrusted = state.isTrusted or false
   return state
end

--- Makes a trusted event. `state` holds the fields that its class has beyond Event, and becomes its private state.
--- @param class_of_it websocket.whatwg.Class
--- @param type string
--- @param state table
--- @return table event
function M.trusted(class_of_it, type, state)
   state.isTrusted = true
   return class_of_it:make(prepare(state, type))
end

-- Makes a constructor `(type[, init])`. `fill` reads the fields of the class itself from init.
local function constructor(of, fill)
   return function(...)
      if select("#", ...) == 0 then
         raise("TypeError", of.name .. " needs a type")
      end
      local type, init = ...
      type = arguments.text(type, "type")
      init = arguments.dictionary(init, "init")
      local state = prepare({ bubbles = init.bubbles and true, cancelable = init.cancelable and true }, type)
      fill(state, init)
      return of:make(state)
   end
end

Event.construct = constructor(Event, function() end)

MessageEvent.construct = constructor(MessageEvent, function(state, init)
   state.data = init.data
   state.origin = init.origin == nil and "" or arguments.text(init.origin, "origin")
   state.lastEventId = init.lastEventId == nil and "" or arguments.text(init.lastEventId, "lastEventId")
end)

CloseEvent.construct = constructor(CloseEvent, function(state, init)
   state.wasClean = init.wasClean and true or false
   state.code = arguments.short(init.code)
   state.reason = init.reason == nil and "" or arguments.text(init.reason, "reason")
end)

return M
