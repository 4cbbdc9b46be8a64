-- EventTarget of the DOM standard, and the `on...` properties of the HTML standard.
-- Comes in: listeners and events. Goes out: calls of the listeners in order, through `websocket.call`. Knows nothing of
-- what an event means.

local websocket = require "websocket"
local arguments = require "websocket.whatwg.arguments"
local class = require "websocket.whatwg.class"
local Event = require("websocket.whatwg.event").Event
local raise = require("websocket.shape.error").raise

local ipairs, rawequal, remove, select, type = ipairs, rawequal, table.remove, select, type
local call, callable = websocket.call, websocket.is_callable

local AT_TARGET = 2

--- A table whose method `handleEvent` is looked up at each dispatch, and called with the table and the event.
--- @class websocket.whatwg.ListenerObject
--- @field handleEvent fun(self, event: websocket.whatwg.Event)

--- A function, a callable, or a table with `handleEvent`.
--- @alias websocket.whatwg.Listener fun(event: websocket.whatwg.Event)|websocket.whatwg.ListenerObject

--- @class websocket.whatwg.ListenerOptions
--- @field capture? boolean the listener runs before those that do not capture; default false
--- @field once? boolean the listener is removed when it is called; default false
--- @field signal? websocket.whatwg.AbortSignal the listener is removed when the signal is aborted

--- Takes (type, callback[, options]). A boolean in place of the options stands for `capture`.
--- @alias websocket.whatwg.Listen fun(self, type: string, callback?: table|function, options?: table|boolean)

--- An object that has listeners. `EventTarget()` makes one.
--- @class websocket.whatwg.EventTarget
--- @field addEventListener websocket.whatwg.Listen options: websocket.whatwg.ListenerOptions
--- @field removeEventListener websocket.whatwg.Listen of the options only `capture` matters
--- @field dispatchEvent fun(self, event: websocket.whatwg.Event): boolean true unless the event was prevented

-- Error texts call an object `ws`, which is the target that most scripts have.
local EventTarget = class.define("EventTarget", "ws")
-- It is defined here, because listeners refer to it; abort.lua says what it does.
local AbortSignal = class.define("AbortSignal", "signal", EventTarget)

local M = { EventTarget = EventTarget, AbortSignal = AbortSignal }

--- Makes the private state of a target: its listeners in order, and the values of its `on...` properties.
--- @return table
function M.new_state()
   return { listeners = {}, handlers = {} }
end

EventTarget.construct = function()
   return EventTarget:make(M.new_state())
end

-- Listeners

local function flatten(options)
   if type(options) == "table" then
      return options.capture and true or false, options
   end
   return options and true or false, {}
end

local function find(listeners, kind, callback, capture)
   for index, entry in ipairs(listeners) do
      if entry.kind == kind and entry.capture == capture and rawequal(entry.callback, callback) then
         return index
      end
   end
end

local function remove_at(state, index)
   local entry = remove(state.listeners, index)
   entry.removed = true
   if entry.signal then
      entry.signal.dependents[entry] = nil
   end
end

local function remove_entry(state, wanted)
   for index, entry in ipairs(state.listeners) do
      if entry == wanted then
         return remove_at(state, index)
      end
   end
end

local function check_count(count, method)
   if count < 2 then
      raise("TypeError", method .. " needs a type and a callback")
   end
end

local function check_callback(callback)
   if callback ~= nil and type(callback) ~= "table" and not callable(callback) then
      raise("TypeError", "callback must be a function, a callable or a table with handleEvent, got " .. type(callback))
   end
end

EventTarget:method("addEventListener", function(state, ...)
   check_count(select("#", ...), "addEventListener")
   local kind, callback, options = ...
   kind = arguments.text(kind, "type")
   check_callback(callback)
   local capture, more = flatten(options)
   local signal = AbortSignal:open(more.signal)
   if more.signal ~= nil and not signal then
      raise("TypeError", "signal must be an AbortSignal, got " .. type(more.signal))
   end
   if callback == nil or (signal and signal.aborted) or find(state.listeners, kind, callback, capture) then
      return
   end
   local entry = { kind = kind, callback = callback, capture = capture, once = more.once, signal = signal }
   state.listeners[#state.listeners + 1] = entry
   if signal then
      signal.dependents[entry] = function() remove_entry(state, entry) end
   end
end)

EventTarget:method("removeEventListener", function(state, ...)
   check_count(select("#", ...), "removeEventListener")
   local kind, callback, options = ...
   kind = arguments.text(kind, "type")
   check_callback(callback)
   local index = find(state.listeners, kind, callback, (flatten(options)))
   if index then
      remove_at(state, index)
   end
end)

-- Properties `on...`

local function run_handler(handler, event)
   if handler(event) == false then
      event:preventDefault()
   end
end

--- Adds a property such as `onopen` for events of a type. It keeps its place among the listeners from when it is first
--- set until it is set to nil.
--- @param to websocket.whatwg.Class
--- @param kind string the type of the events
function M.add_handler(to, kind)
   local name = "on" .. kind
   to.getters[name] = function(state)
      return state.handlers[kind] and state.handlers[kind].handler
   end
   to.setters[name] = function(state, value)
      if type(value) ~= "table" and not callable(value) then
         value = nil
      end
      local entry = state.handlers[kind]
      if entry and value == nil then
         state.handlers[kind] = nil
         remove_entry(state, entry)
      elseif entry then
         entry.handler = value
      elseif value ~= nil then
         entry = { kind = kind, capture = false, handler = value }
         state.handlers[kind] = entry
         state.listeners[#state.listeners + 1] = entry
      end
   end
end

-- Dispatch

local function handle(object, event)
   local method = object.handleEvent
   if not callable(method) then
      raise("TypeError", "handleEvent of a listener must be a function or callable, got " .. type(method))
   end
   method(object, event)
end

local function run(entry, event)
   if entry.handler ~= nil then
      if callable(entry.handler) then
         call(run_handler, entry.handler, event)
      end
   elseif callable(entry.callback) then
      call(entry.callback, event)
   else
      call(handle, entry.callback, event)
   end
end

local function run_phase(state, entries, event_state)
   if event_state.stopped then
      return
   end
   for _, entry in ipairs(entries) do
      if event_state.stopped_at_once then
         return
      end
      if not entry.removed then
         if entry.once then
            remove_entry(state, entry)
         end
         run(entry, event_state.object)
      end
   end
end

--- Calls the listeners that the target has now, first those that capture. A listener that raises does not stop the
--- others; only Ctrl-C ends the dispatch.
--- @param state table the private state of the target
--- @param event table
--- @return boolean unprevented false where a listener prevented the event
function M.fire(state, event)
   local event_state = Event:open(event)
   event_state.target, event_state.currentTarget, event_state.eventPhase = state.object, state.object, AT_TARGET
   local capturing, others = {}, {}
   for _, entry in ipairs(state.listeners) do
      if entry.kind == event_state.type then
         local phase = entry.capture and capturing or others
         phase[#phase + 1] = entry
      end
   end
   run_phase(state, capturing, event_state)
   run_phase(state, others, event_state)
   event_state.currentTarget, event_state.eventPhase = nil, 0
   event_state.stopped, event_state.stopped_at_once = nil, nil
   return not event_state.defaultPrevented
end

EventTarget:method("dispatchEvent", function(state, event)
   local event_state = Event:open(event)
   if not event_state then
      raise("TypeError", "event must be an Event, got " .. type(event))
   elseif event_state.eventPhase ~= 0 then
      raise("InvalidStateError", "the event is being dispatched already")
   end
   event_state.isTrusted = false
   return M.fire(state, event)
end)

return M
