-- The clients of lua-websockets in coroutines: those of websocket.spawn, and threads of copas where that is installed.
local client = require "client"
local servers = require "servers"
local websocket = require "websocket"

local clients = require "websocket.client"

-- Returns a client that is connected.
local function connected(url, make)
   local ws = (make or clients.sync) { timeout = 30 }
   assert.is_true(ws:connect(url))
   return ws
end

-- Returns the results of a call and their count.
local function pack(...)
   return { n = select("#", ...), ... }
end

describe("websocket.client.sync in coroutines", function()
   after_each(client.finish)

   -- Starts a function and polls until it has returned; raises what it raises.
   local function finished(fn)
      local outcome
      websocket.set_error_handler(function(problem) outcome = { false, problem } end)
      websocket.spawn(function()
         fn()
         outcome = { true }
      end)
      client.poll_until(function() return outcome end)
      websocket.set_error_handler()
      assert(outcome[1], outcome[2])
   end

   it("calls let others go on", function()
      local order = {}
      finished(function()
         local slow, fast = connected(servers.url "/echo"), connected(servers.url "/echo")
         websocket.spawn(function()
            local message = slow:receive()
            order[#order + 1] = message
            slow:close()
         end)
         fast:send "fast"
         local message = fast:receive()
         order[#order + 1] = message
         slow:send "slow"
         fast:close()
      end)
      client.poll_until(function() return order[2] end)
      assert.same({ "fast", "slow" }, order)
   end)

   it("one may close while another receives", function()
      local received
      finished(function()
         local ws = connected(servers.url "/echo")
         websocket.spawn(function() received = pack(ws:receive()) end)
         websocket.sleep(0)
         assert.same({ n = 3, true, 1000, "" }, pack(ws:close()))
      end)
      client.poll_until(function() return received end)
      assert.is_nil(received[1])
   end)
end)

describe("websocket.client.copas", function()
   local is_there, copas = pcall(require, "copas")

   local function check(name, test)
      it(name, is_there and test or function() return pending("this Lua has no module copas") end)
   end

   after_each(function()
      if is_there then
         require("websocket.loop.copas").detach()
      end
      client.finish()
   end)

   -- Runs the loop of copas until the condition holds; `copas.loop` of an old copas never ends.
   local function loop_until(condition)
      local deadline = client.now() + 30
      repeat copas.step(0.05) until condition() or client.now() > deadline
      assert.is_true(condition(), "not in time")
   end

   check("lets other threads of copas go on", function()
      local order, ticks, has_ended = {}, 0, false
      copas.addthread(function()
         local ws = connected(servers.url "/push?count=1&size=2&kind=text&interval=50", clients.copas)
         local message, opcode = ws:receive()
         order[#order + 1] = message .. opcode
         assert.same({ n = 3, true, 1000, "" }, pack(ws:close()))
         order[#order + 1] = "closed"
      end)
      copas.addthread(function()
         while not order[2] do
            ticks = ticks + 1
            websocket.sleep(0.005)
         end
         has_ended = true
      end)
      loop_until(function() return has_ended end)
      assert.same({ "1:1", "closed" }, order)
      assert.is_true(ticks > 2)
   end)

   check("holds several conversations at once", function()
      local echoes, ended = {}, 0
      for index = 1, 5 do
         copas.addthread(function()
            local ws = connected(servers.url "/echo", clients.copas)
            for round = 1, 3 do
               ws:send(index .. "." .. round)
               local message = ws:receive()
               echoes[#echoes + 1] = message
            end
            ws:close()
            ended = ended + 1
         end)
      end
      loop_until(function() return ended == 5 end)
      table.sort(echoes)
      assert.same({ "1.1", "5.3" }, { echoes[1], echoes[15] })
   end)
end)
