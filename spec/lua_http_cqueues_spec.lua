-- The client of lua-http in coroutines of cqueues, where that is installed: its calls yield to the controller.
local client = require "client"
local servers = require "servers"

local http = require "websocket.http"

local is_there, cqueues = pcall(require, "cqueues")

local function check(name, test)
   it(name, is_there and test or function() return pending("this Lua has no module cqueues") end)
end

describe("websocket.http in a controller of cqueues", function()
   after_each(function()
      if is_there then
         require("websocket.loop.cqueues").detach()
      end
      client.finish()
   end)

   local function open(url)
      local ws = http.new_from_uri(url)
      assert.is_true(ws:connect(30))
      return ws
   end

   check("lets other coroutines go on while it waits", function()
      local controller, ticks, is_over = cqueues.new(), 0, false
      controller:wrap(function()
         local ws = open(servers.url("/push", { count = 1, size = 2, kind = "text", interval = 50 }))
         assert.same({ "1:", "text" }, { ws:receive(30) })
         assert.is_true(ws:close())
         is_over = true
      end)
      controller:wrap(function()
         while not is_over do
            ticks = ticks + 1
            cqueues.sleep(0.005)
         end
      end)
      assert(controller:loop(30))
      assert.is_true(is_over)
      assert.is_true(ticks > 2)
   end)

   check("holds several conversations at once, and one may close while another coroutine receives", function()
      local controller, echoes, ended = cqueues.new(), {}, 0
      for index = 1, 3 do
         controller:wrap(function()
            local ws = open(servers.url "/echo")
            controller:wrap(function()
               local data
               repeat
                  data = ws:receive()
                  echoes[#echoes + 1] = data
               until not data
               ended = ended + 1
            end)
            for round = 1, 3 do
               ws:send(index .. "." .. round)
               cqueues.sleep(0.01)
            end
            while #echoes < 9 do
               cqueues.sleep(0.01)
            end
            assert.is_true(ws:close())
         end)
      end
      assert(controller:loop(30))
      table.sort(echoes)
      assert.same({ 9, "1.1", "3.3", 3 }, { #echoes, echoes[1], echoes[9], ended })
   end)

   check("works without a controller after that", function()
      local ws = open(servers.url "/echo")
      ws:send "plain"
      assert.equal("plain", (ws:receive(30)))
   end)
end)
