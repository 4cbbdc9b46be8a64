-- EventTarget of websocket.whatwg: which listeners are called, in which order, and which are not.
local garbage = require "garbage"
local page = require "whatwg_client"
local servers = require "servers"
local whatwg = require "websocket.whatwg"

local Event, EventTarget = whatwg.Event, whatwg.EventTarget

local target, calls

-- Makes a listener that records its name, and then does more.
local function noting(name, more)
   return function(event)
      calls[#calls + 1] = name
      if more then
         return more(event)
      end
   end
end

local function dispatched(kind)
   calls = {}
   target:dispatchEvent(Event(kind or "x"))
   return table.concat(calls, " ")
end

local function callable(name)
   return setmetatable({}, { __call = function(_, event) calls[#calls + 1] = name .. ":" .. event.type end })
end

before_each(function()
   target, calls = EventTarget(), {}
end)

describe("addEventListener", function()
   it("calls the listeners of the event's type only, in order", function()
      target:addEventListener("x", noting("a"))
      target:addEventListener("y", noting("other"))
      target:addEventListener("x", noting("b"))
      target:addEventListener("X", noting("other case"))
      assert.equal("a b", dispatched())
      assert.equal("other", dispatched("y"))
      assert.equal("", dispatched("z"))
   end)

   it("passes only the event to a function", function()
      local count, given
      target:addEventListener("x", function(...) count, given = select("#", ...), ... end)
      local event = Event("x")
      target:dispatchEvent(event)
      assert.equal(1, count)
      assert.equal(event, given)
   end)

   it("ignores a duplicate of type, callback and capture", function()
      local listener = noting("a")
      target:addEventListener("x", listener)
      target:addEventListener("x", listener)
      target:addEventListener("x", listener, { once = true })
      target:addEventListener("x", listener, { capture = false })
      assert.equal("a", dispatched())
      assert.equal("a", dispatched())
      target:addEventListener("x", listener, true)
      assert.equal("a a", dispatched())
   end)

   it("compares listeners by identity", function()
      local equal = { __eq = function() return true end, __call = function() calls[#calls + 1] = "one" end }
      target:addEventListener("x", setmetatable({}, equal))
      target:addEventListener("x", setmetatable({}, equal))
      assert.equal("one one", dispatched())
   end)

   it("accepts callables, and tables whose handleEvent is looked up at dispatch and gets the table as self", function()
      local object = {}
      target:addEventListener("x", callable("callable"))
      target:addEventListener("x", object)
      object.handleEvent = function(self, event)
         assert.equal(object, self)
         calls[#calls + 1] = "first:" .. event.type
      end
      assert.equal("callable:x first:x", dispatched())
      object.handleEvent = callable("second")
      object.handleEvent = function() calls[#calls + 1] = "second" end
      assert.equal("callable:x second", dispatched())
      target:removeEventListener("x", object)
      assert.equal("callable:x", dispatched())
   end)

   it("calls a callable itself even where it has handleEvent", function()
      local both = callable("called")
      both.handleEvent = noting("handled")
      target:addEventListener("x", both)
      assert.equal("called:x", dispatched())
   end)

   it("reports a TypeError for a table without handleEvent and goes on", function()
      target:addEventListener("x", {})
      target:addEventListener("x", { handleEvent = 5 })
      target:addEventListener("x", noting("after"))
      local errors = page.errors_of(function() assert.equal("after", dispatched()) end)
      assert.same({ "TypeError", "TypeError" }, { errors[1].name, errors[2].name })
      assert.equal(2, #errors)
   end)

   it("accepts nil, and nothing else that cannot be called", function()
      target:addEventListener("x", nil)
      target:removeEventListener("x", nil)
      assert.equal("", dispatched())
      for _, method in ipairs({ "addEventListener", "removeEventListener" }) do
         for _, callback in ipairs({ 1, "f", true }) do
            assert.equal("TypeError", page.raised(target[method], target, "x", callback).name)
         end
         assert.equal("TypeError", page.raised(target[method], target, "x").name)
         assert.equal("TypeError", page.raised(target[method], target).name)
         assert.equal("TypeError", page.raised(target[method], target, nil, print).name)
      end
   end)

   it("accepts a boolean as capture, and calls listeners that capture first", function()
      target:addEventListener("x", noting("late"))
      target:addEventListener("x", noting("early"), true)
      target:addEventListener("x", noting("earlier?"), { capture = true })
      target:addEventListener("x", noting("later"), false)
      assert.equal("early earlier? late later", dispatched())
   end)

   it("removes a listener with once before it is called", function()
      target:addEventListener("x", noting("once", function()
         target:dispatchEvent(Event("x"))
      end), { once = true })
      target:addEventListener("x", noting("always"))
      assert.equal("once always always", dispatched())
      assert.equal("always", dispatched())
   end)

   it("does not call a listener in the dispatch in which it is added", function()
      target:addEventListener("x", noting("a", function()
         target:addEventListener("x", noting("added"))
      end), { once = true })
      target:addEventListener("x", noting("capturing", function()
         target:addEventListener("x", noting("added in capture"))
      end), { once = true, capture = true })
      assert.equal("capturing a", dispatched())
      assert.equal("added in capture added", dispatched())
   end)

   it("goes on after a listener that raises, and reports the error", function()
      target:addEventListener("x", noting("a", function() error("oops", 0) end))
      target:addEventListener("x", noting("b", function() error({ 1 }) end))
      target:addEventListener("x", noting("c"))
      local errors = page.errors_of(function() assert.equal("a b c", dispatched()) end)
      assert.equal("oops", errors[1])
      assert.same({ 1 }, errors[2])
   end)
end)

describe("removeEventListener", function()
   it("removes by type, callback and capture", function()
      local listener = noting("a")
      target:addEventListener("x", listener)
      for _, arguments in ipairs({ { "y", listener }, { "x", noting("a") }, { "x", listener, true },
         { "x", listener, { capture = true } } }) do
         target:removeEventListener(arguments[1], arguments[2], arguments[3])
         assert.equal("a", dispatched())
      end
      target:removeEventListener("x", listener, { once = true })
      assert.equal("", dispatched())
      target:removeEventListener("x", listener)
   end)

   it("removes a capturing listener by a boolean or an option", function()
      local listener = noting("a")
      for _, options in ipairs({ true, { capture = true } }) do
         target:addEventListener("x", listener, true)
         target:removeEventListener("x", listener)
         assert.equal("a", dispatched())
         target:removeEventListener("x", listener, options)
         assert.equal("", dispatched())
      end
   end)

   it("keeps a listener that has not run yet from running in the same dispatch", function()
      local last = noting("last")
      target:addEventListener("x", noting("a", function() target:removeEventListener("x", last) end))
      target:addEventListener("x", last)
      assert.equal("a", dispatched())
   end)

   it("keeps it from running even where it is added again in the same dispatch", function()
      local last = noting("last")
      target:addEventListener("x", noting("a", function()
         target:removeEventListener("x", last)
         target:addEventListener("x", last)
      end))
      target:addEventListener("x", last)
      assert.equal("a", dispatched())
   end)
end)

describe("the option signal", function()
   local controller

   before_each(function()
      controller = whatwg.AbortController()
   end)

   it("removes its listeners when it aborts", function()
      target:addEventListener("x", noting("a"), { signal = controller.signal })
      target:addEventListener("x", noting("b"))
      target:addEventListener("y", noting("c"), { signal = controller.signal, capture = true })
      assert.equal("a b", dispatched())
      controller:abort()
      assert.equal("b", dispatched())
      assert.equal("", dispatched("y"))
   end)

   it("adds no listener once it is aborted", function()
      controller:abort()
      target:addEventListener("x", noting("a"), { signal = controller.signal })
      assert.equal("", dispatched())
   end)

   it("takes effect in the middle of a dispatch", function()
      target:addEventListener("x", noting("a", function() controller:abort() end))
      target:addEventListener("x", noting("b"), { signal = controller.signal })
      assert.equal("a", dispatched())
   end)

   it("does not affect a listener that was added without it", function()
      local listener = noting("a")
      target:addEventListener("x", listener)
      target:addEventListener("x", listener, { signal = controller.signal })
      controller:abort()
      assert.equal("a", dispatched())
   end)

   it("does not remove a listener that was added again after a removal", function()
      local listener = noting("a")
      target:addEventListener("x", listener, { signal = controller.signal })
      target:removeEventListener("x", listener)
      target:addEventListener("x", listener)
      controller:abort()
      assert.equal("a", dispatched())
   end)

   it("does not keep what was removed", function()
      local weak = setmetatable({}, { __mode = "k" })
      local function add_and_remove(how, options)
         local listener = { handleEvent = function() end }
         weak[listener] = true
         options.signal = controller.signal
         target:addEventListener("x", listener, options)
         how(listener)
      end
      add_and_remove(function(listener) target:removeEventListener("x", listener) end, {})
      add_and_remove(function() target:dispatchEvent(Event("x")) end, { once = true })
      garbage.await_collected(weak)
   end)

   it("is a TypeError where it is none", function()
      for _, signal in ipairs({ {}, true, 1, controller }) do
         assert.equal("TypeError", page.raised(target.addEventListener, target, "x", print, { signal = signal }).name)
      end
   end)
end)

describe("an AbortController", function()
   it("aborts its signal once, with a reason, and dispatches the event abort", function()
      local controller = whatwg.AbortController()
      local signal = controller.signal
      assert.same({ false, nil }, { signal.aborted, signal.reason })
      signal:throwIfAborted()
      local seen = {}
      signal.onabort = function(event) seen[#seen + 1] = event end
      signal:addEventListener("abort", function(event) seen[#seen + 1] = event.type end)
      controller:abort("why")
      controller:abort("again")
      assert.same({ true, "why", 2, "abort" }, { signal.aborted, signal.reason, #seen, seen[2] })
      assert.is_true(seen[1].isTrusted)
      assert.equal(signal, controller.signal)
      local ok, reason = pcall(signal.throwIfAborted, signal)
      assert.same({ false, "why" }, { ok, reason })
      signal.aborted = false
      assert.is_true(signal.aborted)
   end)

   it("gives an AbortError for a reason where it gets none", function()
      local controller = whatwg.AbortController()
      controller:abort()
      assert.equal("AbortError", controller.signal.reason.name)
      assert.equal("AbortError", whatwg.AbortSignal.abort().reason.name)
      assert.same({ true, 5 }, { whatwg.AbortSignal.abort(5).aborted, whatwg.AbortSignal.abort(5).reason })
   end)
end)

describe("the properties onopen, onmessage, onerror, onclose", function()
   after_each(page.finish)

   before_each(function()
      target = page.connect(servers.url("/echo")).ws
   end)

   for _, name in ipairs({ "open", "message", "error", "close" }) do
      it("run for events of their type: on" .. name, function()
         target["on" .. name] = noting("property")
         assert.equal("property", dispatched(name))
         target["on" .. name] = nil
         assert.equal("", dispatched(name))
      end)
   end

   it("read back as they were set", function()
      local listener, object = noting("a"), callable("b")
      target.onopen = listener
      assert.equal(listener, target.onopen)
      target.onopen = object
      assert.equal(object, target.onopen)
      target.onopen = nil
      assert.is_nil(target.onopen)
   end)

   it("keep the place where they were first set", function()
      target:addEventListener("message", noting("before"))
      target.onmessage = noting("first")
      target:addEventListener("message", noting("after"))
      assert.equal("before first after", dispatched("message"))
      target.onmessage = noting("second")
      assert.equal("before second after", dispatched("message"))
      target.onmessage = nil
      target.onmessage = noting("third")
      assert.equal("before after third", dispatched("message"))
   end)

   it("become nil for a value that is neither callable nor a table", function()
      for _, value in ipairs({ 1, "f", true, false, io.stdout }) do
         target.onopen = noting("set")
         target.onopen = value
         assert.is_nil(target.onopen)
         assert.equal("", dispatched("open"))
      end
   end)

   it("store a table that cannot be called, keep its place, and do not call it", function()
      local object = { handleEvent = noting("handled") }
      target.onopen = object
      target:addEventListener("open", noting("after"))
      assert.equal(object, target.onopen)
      local errors = page.errors_of(function() assert.equal("after", dispatched("open")) end)
      assert.equal(0, #errors)
      target.onopen = noting("before")
      assert.equal("before after", dispatched("open"))
   end)

   it("may change within a dispatch", function()
      target:addEventListener("open", noting("a", function() target.onopen = noting("new") end))
      target.onopen = noting("old")
      assert.equal("a new", dispatched("open"))
      target:addEventListener("close", noting("a", function() target.onclose = nil end))
      target.onclose = noting("removed")
      assert.equal("a", dispatched("close"))
   end)

   it("are not duplicates of listeners", function()
      local listener = noting("a")
      target.onopen = listener
      target:addEventListener("open", listener)
      assert.equal("a a", dispatched("open"))
      target:removeEventListener("open", listener)
      assert.equal("a", dispatched("open"))
   end)

   it("prevent a cancelable event by returning false", function()
      target.onopen = function() return false end
      assert.is_false(target:dispatchEvent(Event("open", { cancelable = true })))
      assert.is_true(target:dispatchEvent(Event("open")))
      target.onopen = function() return nil end
      assert.is_true(target:dispatchEvent(Event("open", { cancelable = true })))
   end)
end)
