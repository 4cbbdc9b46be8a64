-- Event, MessageEvent, CloseEvent and dispatchEvent of websocket.whatwg.
local page = require "whatwg_client"
local servers = require "servers"
local steps = require "steps"
local whatwg = require "websocket.whatwg"

local Event, MessageEvent, CloseEvent = whatwg.Event, whatwg.MessageEvent, whatwg.CloseEvent
local EventTarget = whatwg.EventTarget

describe("the constructor of an event", function()
   it("needs a type, and takes an init table", function()
      for _, class in ipairs({ Event, MessageEvent, CloseEvent }) do
         assert.equal("TypeError", page.raised(class).name)
         assert.equal("TypeError", page.raised(class, nil).name)
         assert.equal("TypeError", page.raised(class, {}).name)
         assert.equal("TypeError", page.raised(class, "x", 5).name)
         local event = class("x", { bubbles = true, cancelable = true })
         assert.same({ "x", true, true }, { event.type, event.bubbles, event.cancelable })
         assert.equal("", class("").type)
         assert.equal("12", class(12).type)
      end
   end)

   it("sets every field", function()
      local event = Event("x")
      assert.same({ "x", 0, false, false, false, false }, { event.type, event.eventPhase, event.bubbles,
         event.cancelable, event.defaultPrevented, event.isTrusted })
      assert.is_nil(event.target)
      assert.is_nil(event.currentTarget)
      assert.equal("number", type(event.timeStamp))
      assert.is_true(event.timeStamp >= 0)
   end)

   it("sets data, origin and lastEventId of a MessageEvent", function()
      local event = MessageEvent("message")
      assert.same({ "", "" }, { event.origin, event.lastEventId })
      assert.is_nil(event.data)
      local data = {}
      event = MessageEvent("message", { data = data, origin = "ws://a", lastEventId = 7 })
      assert.equal(data, event.data)
      assert.same({ "ws://a", "7" }, { event.origin, event.lastEventId })
      assert.is_false(MessageEvent("message", { data = false }).data)
   end)

   it("sets code, reason and wasClean of a CloseEvent", function()
      local event = CloseEvent("close")
      assert.same({ 0, "", false }, { event.code, event.reason, event.wasClean })
      event = CloseEvent("close", { code = 4000.0, reason = "bye", wasClean = true })
      assert.same({ "4000", "bye", true }, { tostring(event.code), event.reason, event.wasClean })
      assert.equal(1000, CloseEvent("close", { code = 65536 + 1000 }).code)
      assert.equal(0, CloseEvent("close", { code = "none" }).code)
      assert.equal(65535, CloseEvent("close", { code = -1 }).code)
   end)

   it("makes fields that cannot be written", function()
      local event = CloseEvent("close", { code = 1000 })
      for _, name in ipairs({ "type", "target", "currentTarget", "eventPhase", "bubbles", "cancelable",
         "defaultPrevented", "timeStamp", "isTrusted", "code", "reason", "wasClean" }) do
         local before = event[name]
         event[name] = "other"
         assert.equal(before, event[name], name)
      end
   end)
end)

describe("dispatchEvent", function()
   local target

   before_each(function()
      target = EventTarget()
   end)

   it("sets target, currentTarget and eventPhase while it runs", function()
      local event, seen = Event("x"), nil
      target:addEventListener("x", function(given)
         seen = { given.target, given.currentTarget, given.eventPhase }
      end)
      assert.is_true(target:dispatchEvent(event))
      assert.equal(3, #seen)
      assert.equal(target, seen[1])
      assert.equal(target, seen[2])
      assert.equal(2, seen[3])
      assert.equal(target, event.target)
      assert.is_nil(event.currentTarget)
      assert.equal(0, event.eventPhase)
   end)

   it("returns true unless a cancelable event was prevented", function()
      target:addEventListener("x", function(event) event:preventDefault() end)
      local event = Event("x", { cancelable = true })
      assert.is_false(target:dispatchEvent(event))
      assert.is_true(event.defaultPrevented)
      event = Event("x")
      assert.is_true(target:dispatchEvent(event))
      assert.is_false(event.defaultPrevented)
      assert.is_true(target:dispatchEvent(Event("y", { cancelable = true })))
   end)

   it("accepts an event unless it is being dispatched", function()
      for _, value in ipairs({ "x", {}, 1, target }) do
         assert.equal("TypeError", page.raised(target.dispatchEvent, target, value).name)
      end
      assert.equal("TypeError", page.raised(target.dispatchEvent, target).name)
      local problem
      target:addEventListener("x", function(event) problem = page.raised(target.dispatchEvent, target, event) end)
      local event = Event("x")
      target:dispatchEvent(event)
      assert.equal("InvalidStateError", problem.name)
      target:dispatchEvent(event)
   end)

   it("stops at once where a listener asks for it, for this dispatch only", function()
      local calls = {}
      target:addEventListener("x", function(event)
         calls[#calls + 1] = "a"
         event:stopImmediatePropagation()
      end)
      target:addEventListener("x", function() calls[#calls + 1] = "b" end)
      local event = Event("x")
      target:dispatchEvent(event)
      target:dispatchEvent(event)
      assert.same({ "a", "a" }, calls)
   end)

   it("stops after the capturing listeners, or before all, by stopPropagation", function()
      local calls = {}
      target:addEventListener("x", function(event)
         calls[#calls + 1] = "capturing"
         event:stopPropagation()
      end, true)
      target:addEventListener("x", function() calls[#calls + 1] = "capturing too" end, true)
      target:addEventListener("x", function() calls[#calls + 1] = "other" end)
      local event = Event("x")
      target:dispatchEvent(event)
      assert.same({ "capturing", "capturing too" }, calls)
      event:stopPropagation()
      target:dispatchEvent(event)
      assert.equal(2, #calls)
   end)

   it("calls the other listeners of the same phase after stopPropagation", function()
      local calls = {}
      for index = 1, 2 do
         target:addEventListener("x", function(event)
            calls[index] = true
            event:stopPropagation()
         end)
      end
      target:dispatchEvent(Event("x"))
      assert.same({ true, true }, calls)
   end)

   it("makes a trusted event untrusted", function()
      local controller, given = whatwg.AbortController(), nil
      controller.signal.onabort = function(event) given = event end
      controller:abort()
      assert.is_true(given.isTrusted)
      target:dispatchEvent(given)
      assert.is_false(given.isTrusted)
      assert.equal(target, given.target)
   end)

   it("runs a WebSocket's listeners and changes nothing else", function()
      local recorder = page.open(servers.url("/echo"))
      recorder.ws:dispatchEvent(MessageEvent("message", { data = "made up" }))
      recorder.ws:dispatchEvent(CloseEvent("error"))
      assert.same({ "made up" }, page.messages(recorder))
      assert.is_false(recorder.events[2].isTrusted)
      assert.equal(1, recorder.ws.readyState)
      page.finish()
   end)
end)

describe("the events of a WebSocket", function()
   after_each(page.finish)

   it("are trusted, neither bubble nor can be prevented, and have the socket as target", function()
      local program = { "status101", "await:messages:1", steps.frame(0x83, "reserved"), "await-close" }
      local recorder = page.open(servers.script(program))
      local phases = {}
      for _, name in ipairs({ "onopen", "onmessage", "onerror", "onclose" }) do
         recorder.ws[name] = function(event)
            phases[#phases + 1] = event.currentTarget == recorder.ws and event.eventPhase
            event:preventDefault()
         end
      end
      recorder.ws:send("x")
      page.drain(recorder)
      assert.equal("open error close", page.names(recorder))
      assert.same({ 2, 2 }, phases) -- onopen was set too late
      for _, event in ipairs(recorder.events) do
         assert.equal(recorder.ws, event.target)
         assert.is_nil(event.currentTarget)
         assert.same({ true, false, false, false }, { event.isTrusted, event.bubbles, event.cancelable,
            event.defaultPrevented })
      end
      assert.is_false(whatwg.MessageEvent.is(recorder.events[1]))
   end)
end)
