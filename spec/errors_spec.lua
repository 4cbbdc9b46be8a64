--- Callbacks that raise, yield or are interrupted, and `websocket.set_error_handler`.

local child = require "child"
local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

-- Collects the calls of the error handler as `{ problem = ..., traceback = ... }`.
local reported

local function collect()
   reported = {}
   websocket.set_error_handler(function(problem, traceback)
      reported[#reported + 1] = { problem = problem, traceback = traceback }
   end)
end

local function restore()
   websocket.set_error_handler(nil)
end

describe("A callback that raises", function()
   before_each(collect)
   after_each(function()
      restore()
      client.finish()
   end)

   it("is reported once, with its text and a traceback", function()
      local function culprit()
         error("what a mess")
      end
      websocket.defer(function()
         culprit()
      end)
      assert.equal(1, websocket.poll())
      assert.equal(1, #reported)
      assert.matches("errors_spec%.lua:%d+: what a mess$", reported[1].problem)
      assert.equal("string", type(reported[1].traceback))
      assert.matches("^[^\n]*what a mess\nstack traceback:\n", reported[1].traceback)
      assert.matches("errors_spec%.lua:%d+: in [^\n]*culprit", reported[1].traceback)
   end)

   it("does not affect other events or other connections", function()
      local raising = client.connect(servers.url("/push", { count = 20, ["then"] = "close", code = 4000 }), nil,
         function(_, event, message)
            error(event .. " " .. (message or ""))
         end)
      local other = client.connect(servers.url("/push", { count = 20, ["then"] = "close", code = 4001 }))
      assert.same({ "closed", "", 4000 }, client.drain(raising))
      assert.same({ "closed", "", 4001 }, client.drain(other))
      assert.equal(22, #raising.events)
      assert.equal(22, #other.events)
      -- Each event was delivered once, so each error was reported once.
      assert.equal(22, #reported)
      assert.matches("open $", reported[1].problem)
      assert.matches("closed $", reported[22].problem)
      websocket.poll(0.05)
      assert.equal(22, #reported)
   end)

   it("leaves its connection as it was", function()
      local recorder = client.open(servers.url("/echo"), nil, function(_, event)
         if event ~= "received" then
            error("not now")
         end
      end)
      recorder.ws:send("still open")
      assert.equal("still open", client.wait(recorder, "received")[2])
      recorder.ws:close(4000)
      assert.equal(4000, client.drain(recorder)[3])
      assert.equal(2, #reported)
   end)

   it("counts in the result of poll, and does not end run", function()
      local ran
      websocket.defer(function() error("one") end)
      websocket.defer(function() error("two") end)
      websocket.defer(function() ran = true end)
      assert.equal(3, websocket.poll())
      assert.is_true(ran)
      assert.equal(2, #reported)
      client.connect(servers.url("/close"), nil, function() error("in run") end)
      websocket.run()
      assert.equal(4, #reported)
   end)

   it("may raise anything", function()
      local with_text = setmetatable({}, { __tostring = function() return "my own text" end })
      local bad = setmetatable({}, { __tostring = function() error("no text") end })
      local values = { {}, with_text, bad, 42, true, print, "\255\0" }
      for _, value in ipairs(values) do
         websocket.defer(function() error(value, 0) end)
      end
      assert.equal(#values, websocket.poll())
      assert.equal(#values, #reported)
      for index, value in ipairs(values) do
         assert(rawequal(value, reported[index].problem), "value " .. index)
         assert.equal("string", type(reported[index].traceback))
      end
      assert.matches("my own text", reported[2].traceback)
      assert.matches("42", reported[4].traceback)
   end)

   it("may raise nil", function()
      websocket.defer(function() error() end)
      local ran
      websocket.defer(function() ran = true end)
      assert.equal(2, websocket.poll())
      assert.equal(1, #reported)
      assert.is_nil(reported[1].problem)
      assert.equal("string", type(reported[1].traceback))
      assert.is_true(ran)
   end)

   it("may overflow the stack", function()
      local function deeper()
         return 1 + deeper()
      end
      websocket.defer(deeper)
      assert.equal(1, websocket.poll())
      assert.equal(1, #reported)
      assert.matches("overflow", tostring(reported[1].problem))
      websocket.defer(function() end)
      assert.equal(1, websocket.poll())
   end)
end)

describe("set_error_handler", function()
   after_each(function()
      restore()
      client.finish()
   end)

   it("accepts anything that can be called, and raises for anything else", function()
      local problem
      websocket.set_error_handler(setmetatable({}, { __call = function(_, value) problem = value end }))
      websocket.defer(function() error("an error", 0) end)
      websocket.poll()
      assert.equal("an error", problem)
      for _, value in ipairs({ "handler", 42, true, {} }) do
         expect.raised(websocket.set_error_handler, value)
      end
      -- The last valid handler stays.
      websocket.defer(function() error("another error", 0) end)
      websocket.poll()
      assert.equal("another error", problem)
   end)

   it("calls a handler with two arguments", function()
      local count
      websocket.set_error_handler(function(...) count = select("#", ...) end)
      websocket.defer(function() error("x") end)
      websocket.poll()
      assert.equal(2, count)
   end)

   it("lets a handler send and defer", function()
      local recorder
      local deferred = false
      websocket.set_error_handler(function()
         recorder.ws:send("from the handler")
         websocket.defer(function() deferred = true end)
      end)
      recorder = client.open(servers.url("/echo"))
      websocket.defer(function() error("x") end)
      websocket.poll()
      assert.equal("from the handler", client.wait(recorder, "received")[2])
      assert.is_true(deferred)
   end)
end)

describe("An error without a handler", function()
   it("is written to stderr with a traceback, and the rest goes on", function()
      local result = child.run([[
         local websocket = require "websocket"
         io.stdout:setvbuf("no")
         local function culprit() error("what a mess") end
         websocket.defer(function() culprit() end)
         websocket.defer(function() error(setmetatable({}, { __tostring = function() return "a table" end })) end)
         websocket.defer(function() error({}) end)
         websocket.defer(function() print("the rest") end)
         print(websocket.poll())
      ]])
      assert.equal(0, result.status)
      assert.matches("what a mess\nstack traceback:\n.*culprit", result.output)
      assert.matches("a table", result.output)
      assert.matches("the rest\n4\n$", result.output)
   end)

   it("is written to stderr after set_error_handler(nil), too", function()
      local result = child.run([[
         local websocket = require "websocket"
         websocket.set_error_handler(print)
         websocket.set_error_handler(nil)
         io.stdout:close()
         websocket.defer(function() error("what a mess") end)
         websocket.poll()
      ]])
      assert.equal(0, result.status)
      assert.matches("what a mess", result.output)
   end)

   it("is written to stderr together with the handler's error if the handler raises", function()
      local result = child.run([[
         local websocket = require "websocket"
         io.stdout:setvbuf("no")
         websocket.set_error_handler(function() error("the handler fails") end)
         websocket.defer(function() error("the callback fails") end)
         websocket.defer(function() print("the rest") end)
         print(websocket.poll())
      ]])
      assert.equal(0, result.status)
      assert.matches("the callback fails", result.output)
      assert.matches("the handler fails", result.output)
      assert.matches("the rest\n2\n$", result.output)
   end)
end)

describe("An error without a handler, in a script without io", function()
   it("is printed, and the rest goes on", function()
      local result = child.run([[
         io.stdout:setvbuf("no")
         io, debug = nil, nil
         local websocket = require "websocket"
         websocket.defer(function() error("what a mess") end)
         websocket.defer(function() print("the rest") end)
         print(websocket.poll())
      ]])
      assert.equal(0, result.status)
      assert.matches("error in a callback: [^\n]*what a mess\nthe rest\n2\n$", result.output)
   end)
end)

describe("A yield in a callback", function()
   before_each(collect)
   after_each(function()
      restore()
      client.finish()
   end)

   it("is an error that says so, in a coroutine and outside, and the rest goes on", function()
      local function poll_once()
         local after
         websocket.defer(function()
            coroutine.yield("never seen")
         end)
         websocket.defer(function() after = true end)
         local count = websocket.poll()
         return count, after
      end
      local polling = coroutine.create(poll_once)
      local ok, count, after = coroutine.resume(polling)
      assert.same({ true, 2, true }, { ok, count, after })
      assert.equal("dead", coroutine.status(polling))
      assert.equal(1, #reported)
      assert.matches("attempt to yield", reported[1].problem)

      count, after = poll_once()
      assert.same({ 2, true }, { count, after })
      assert.equal(2, #reported)
      assert.matches("yield", reported[2].problem)
   end)

   it("in an event of a connection does not affect the connection", function()
      local recorder
      local polling = coroutine.wrap(function()
         recorder = client.connect(servers.url("/echo"), nil, function(_, event)
            if event == "open" then
               coroutine.yield()
            end
         end)
         client.wait(recorder, "open")
         recorder.ws:send("alive")
         return client.wait(recorder, "received")[2]
      end)
      assert.equal("alive", polling())
      assert.equal(1, #reported)
      assert.matches("attempt to yield", reported[1].problem)
   end)

   it("inside a coroutine that the callback made works as usual", function()
      local list = {}
      websocket.defer(function()
         local inner = coroutine.wrap(function()
            list[1] = coroutine.yield("out")
            return "done"
         end)
         list[2] = inner()
         list[3] = inner("in")
      end)
      websocket.poll()
      assert.same({ "in", "out", "done" }, list)
      assert.equal(0, #reported)
   end)
end)

describe("An interrupt in a callback", function()
   before_each(collect)
   after_each(function()
      restore()
      client.finish()
   end)

   it("leaves poll, reaches no handler, and the rest stays queued", function()
      local list = {}
      websocket.defer(function() list[#list + 1] = "before" end)
      websocket.defer(function()
         list[#list + 1] = "interrupted"
         error("interrupted!", 0)
      end)
      websocket.defer(function() list[#list + 1] = "after" end)
      assert.equal("interrupted!", expect.raised(websocket.poll, 1))
      assert.same({ "before", "interrupted" }, list)
      assert.equal(1, websocket.poll())
      assert.same({ "before", "interrupted", "after" }, list)
      assert.equal(0, #reported)
   end)

   it("leaves run, also if the text begins with a position", function()
      local recorder = client.open(servers.script({
         "status101", "await:messages", steps.bytes("\129\0011\129\0012\129\0013"), "await-close",
      }), nil, function(_, event, message)
         if event == "received" and message == "2" then
            error("somewhere.lua:1: interrupted!", 0)
         end
      end)
      recorder.ws:send("go")
      assert.equal("somewhere.lua:1: interrupted!", expect.raised(websocket.run))
      assert.equal(2, #client.messages(recorder))
      -- It is neither lost nor delivered again.
      client.wait(recorder, function() return #client.messages(recorder) == 3 end)
      assert.same({ "1", "2", "3" }, client.messages(recorder))
      assert.equal(0, #reported)
   end)

   it("leaves poll from the error handler, too", function()
      websocket.set_error_handler(function() error("interrupted!", 0) end)
      websocket.defer(function() error("x") end)
      local ran
      websocket.defer(function() ran = true end)
      assert.equal("interrupted!", expect.raised(websocket.poll))
      assert.is_nil(ran)
      assert.equal(1, websocket.poll())
      assert.is_true(ran)
   end)
end)
