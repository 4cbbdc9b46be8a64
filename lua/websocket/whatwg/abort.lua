-- AbortController and AbortSignal of the DOM standard, as far as listeners use them.
-- Comes in: a call of `abort`. Goes out: the listeners that were added with the signal are removed, then the event
-- `abort` is fired. Knows nothing of connections.

local class = require "websocket.whatwg.class"
local errors = require "websocket.shape.error"
local event = require "websocket.whatwg.event"
local target = require "websocket.whatwg.target"

local error, pairs = error, pairs

--- Tells that something was aborted. Only `AbortController` and `AbortSignal.abort` make one.
--- @class websocket.whatwg.AbortSignal : websocket.whatwg.EventTarget
--- @field aborted boolean
--- @field reason any the argument of `abort`, by default an error named AbortError
--- @field onabort websocket.whatwg.Listener?
--- @field throwIfAborted fun(self) raises the reason once the signal is aborted

--- Aborts its signal.
--- @class websocket.whatwg.AbortController
--- @field signal websocket.whatwg.AbortSignal
--- @field abort fun(self, reason: any) a second call has no effect

local AbortSignal = target.AbortSignal
local AbortController = class.define("AbortController", "controller")

AbortSignal:readonly("aborted", "reason")
AbortController:readonly("signal")
target.add_handler(AbortSignal, "abort")

local function new_signal()
   local state = target.new_state()
   state.aborted = false
   state.dependents = {} -- from the entry of a listener to the function that removes it
   AbortSignal:make(state)
   return state
end

local function abort(state, reason)
   if state.aborted then
      return
   end
   state.aborted = true
   state.reason = reason == nil and errors.new("AbortError", "signal is aborted without reason") or reason
   local dependents = state.dependents
   state.dependents = {}
   for _, remove in pairs(dependents) do
      remove()
   end
   target.fire(state, event.trusted(event.Event, "abort", {}))
end

AbortSignal:method("throwIfAborted", function(state)
   if state.aborted then
      error(state.reason, 0)
   end
end)

--- Returns a signal that is aborted already.
--- @param reason any
--- @return websocket.whatwg.AbortSignal
function AbortSignal.statics.abort(reason)
   local state = new_signal()
   abort(state, reason)
   return state.object
end

AbortController.construct = function()
   local state = new_signal()
   return AbortController:make({ signal = state.object, inner = state })
end

AbortController:method("abort", function(state, reason)
   abort(state.inner, reason)
end)

return { AbortController = AbortController, AbortSignal = AbortSignal }
