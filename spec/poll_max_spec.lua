--- `websocket.poll(timeout, max)`: a bound on the callbacks of one poll.

local client = require "client"
local expect = require "expect"
local servers = require "servers"
local websocket = require "websocket"

describe("poll with a bound", function()
   after_each(client.finish)

   it("runs at most so many callbacks, and the rest in order in the polls that follow", function()
      local list = {}
      for index = 1, 10 do
         websocket.defer(function() list[#list + 1] = index end)
      end
      assert.equal(3, websocket.poll(0, 3))
      assert.same({ 1, 2, 3 }, list)
      assert.equal(1, websocket.poll(0, 1))
      websocket.defer(function() list[#list + 1] = 11 end)
      -- A float without fraction is an integer.
      assert.equal(4, websocket.poll(0, 4.0))
      assert.equal(3, websocket.poll(0, 100))
      assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 }, list)
      assert.equal(0, websocket.poll(0, 1))
   end)

   it("does not make the next poll wait", function()
      for _ = 1, 3 do
         websocket.defer(function() end)
      end
      assert.equal(1, websocket.poll(0, 1))
      expect.within(5, function()
         websocket.defer(function() end)
         assert.equal(1, websocket.poll(60, 1))
      end)
      while websocket.poll() > 0 do end
   end)

   it("delivers every message, and the end last", function()
      local recorder = client.connect(servers.url("/push", { count = 100, ["then"] = "close", code = 4000 }))
      local polls = 0
      local deadline = client.now() + 30
      while not recorder.ended and client.now() < deadline do
         local count = websocket.poll(0.1, 7)
         assert(count <= 7)
         polls = polls + (count > 0 and 1 or 0)
      end
      assert.equal(102, #recorder.events)
      assert.equal(4000, recorder.ended[3])
      assert(polls >= 15, polls .. " polls")
   end)

   it("counts no event that has no callback", function()
      local given_up = client.connect(servers.url("/push", { count = 3 }))
      given_up.ws:close()
      websocket.defer(function() end)
      assert.equal(1, websocket.poll(0, 1))
      client.drain(given_up)
      assert.equal("closed", client.names(given_up))
   end)

   it("keeps run going until all has run", function()
      local ran = 0
      for _ = 1, 5 do
         websocket.defer(function() ran = ran + 1 end)
      end
      websocket.poll(0, 2)
      websocket.run()
      assert.equal(5, ran)
   end)

   it("raises at a bound that is no integer of 1 or more, and runs nothing", function()
      local ran = false
      websocket.defer(function() ran = true end)
      for shown, max in pairs({ ["0"] = 0, ["-1"] = -1, ["1.5"] = 1.5, ["math.huge"] = math.huge, nan = 0 / 0,
         ["9.223372036854776e18"] = 2 ^ 63, ["9007199254740994"] = 2 ^ 53 + 2, string = "3", boolean = true,
         table = {} }) do
         local text = expect.raised(websocket.poll, 0, max)
         assert.equal("max must be an integer from 1 to 9007199254740992, got " .. shown, text:match("max.*"))
      end
      assert.is_false(ran)
      assert.equal(1, websocket.poll(nil, nil))
   end)
end)
