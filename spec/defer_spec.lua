--- `websocket.defer`, `turn` and `connections`: what the next poll runs, which poll it is, and for how many.

local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

local function is_integer(number)
   return not tostring(number):find(".", 1, true)
end

-- A list, and a function that defers a call which appends a value to it.
local function order()
   local list = {}
   return list, function(value)
      websocket.defer(function()
         list[#list + 1] = value
      end)
   end
end

describe("defer", function()
   after_each(client.finish)

   it("calls in the next poll, in order, without arguments", function()
      local list, append = order()
      local arguments
      append(1)
      append(2)
      websocket.defer(function(...)
         arguments = select("#", ...)
      end)
      append(3)
      assert.same({}, list)
      assert.equal(4, websocket.poll())
      assert.same({ 1, 2, 3 }, list)
      assert.equal(0, arguments)
      assert.equal(0, websocket.poll())
   end)

   it("is in order with the events", function()
      local list = {}
      local recorder = client.connect(servers.script({
         -- One write, so both messages wait when the first is dispatched.
         "status101", "await:messages", steps.bytes("\129\1a\129\1b"), "await-close",
      }), nil, function(_, event, message)
         list[#list + 1] = message or event
         if event == "received" then
            websocket.defer(function() list[#list + 1] = "after " .. message end)
         end
      end)
      recorder.ws:send("go")
      client.wait(recorder, function() return list[5] end)
      assert.same({ "open", "a", "b", "after a", "after b" }, list)
   end)

   it("accepts anything that can be called, and raises for anything else", function()
      local called
      websocket.defer(setmetatable({}, { __call = function() called = true end }))
      websocket.poll()
      assert.is_true(called)
      for _, value in ipairs({ "fn", 42, true, {}, coroutine.create(function() end) }) do
         expect.raised(websocket.defer, value)
      end
      expect.raised(websocket.defer)
      expect.raised(websocket.defer, nil)
      assert.equal(0, websocket.poll())
   end)

   it("calls a function twice that was deferred twice", function()
      local count = 0
      local function once_more() count = count + 1 end
      websocket.defer(once_more)
      websocket.defer(once_more)
      assert.equal(2, websocket.poll())
      assert.equal(2, count)
   end)

   it("keeps a function to which there is no other reference", function()
      local called
      do
         websocket.defer(function() called = true end)
      end
      collectgarbage()
      collectgarbage()
      websocket.poll()
      assert.is_true(called)
   end)

   it("wakes a poll of another turn, not the one that runs", function()
      local turns = {}
      websocket.defer(function()
         turns[1] = websocket.turn()
         websocket.defer(function() turns[2] = websocket.turn() end)
      end)
      websocket.poll(1)
      websocket.poll(1)
      assert.equal(turns[1] + 1, turns[2])
   end)
end)

describe("turn", function()
   it("counts the polls that have begun", function()
      local before = websocket.turn()
      assert(is_integer(before))
      assert.equal(before, websocket.turn())
      websocket.poll()
      assert.equal(before + 1, websocket.turn())
      websocket.poll(0.01)
      assert.equal(before + 2, websocket.turn())
   end)

   it("stays the same within one", function()
      local seen = {}
      local before = websocket.turn()
      for number = 1, 3 do
         websocket.defer(function() seen[number] = websocket.turn() end)
      end
      websocket.poll()
      assert.same({ before + 1, before + 1, before + 1 }, seen)
   end)

   it("does not count one that raises for its argument", function()
      local before = websocket.turn()
      expect.raised(websocket.poll, "soon")
      assert.equal(before, websocket.turn())
   end)
end)

describe("connections", function()
   after_each(client.finish)

   it("counts connections whose end was not delivered", function()
      assert.equal(0, websocket.connections())
      local one = client.connect(servers.url("/echo"))
      assert.equal(1, websocket.connections())
      local other = client.open(servers.url("/echo"))
      assert.equal(2, websocket.connections())
      one.ws:terminate()
      assert.equal(2, websocket.connections())
      client.drain(one)
      assert.equal(1, websocket.connections())
      other.ws:close()
      client.drain(other)
      assert.equal(0, websocket.connections())
      assert(is_integer(websocket.connections()))
   end)

   it("counts a connection that has ended until a poll delivers its end", function()
      local recorder = client.ended_undelivered()
      assert.equal(1, websocket.connections())
      client.drain(recorder)
      assert.equal(0, websocket.connections())
   end)
end)
