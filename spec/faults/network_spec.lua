--- The faults that need a network: packets that go nowhere, a cable that is cut, and one that loses packets. Each spec
--- has a network of its own (network.lua), and is skipped where the system does not allow one.

local expect = require "expect"
local network = require "network"

-- Returns the lines that a script of a client printed.
local function printed(result)
   assert.equal(0, result.status, result.output)
   return result.output
end

describe("fault", function()
   local net

   after_each(function()
      if net then
         net.remove()
      end
      net = nil
   end)

   -- Makes the network, or marks the spec as pending and returns nil.
   local function made()
      local reason
      net, reason = network.new()
      return net or pending(reason)
   end

   it("4: a SYN that goes nowhere fails with timeout, within 5 % of open_timeout", function()
      if not made() then return end
      for _, host in ipairs({ "198.51.100.9", "[2001:db8::9]" }) do
         expect.in_time(function()
            local output = printed(net.run(string.format([[
               local client = require "client"
               local begun = client.now()
               local last = client.drain(client.connect("ws://%s:81/", { open_timeout = 2 }))
               print(client.now() - begun, last[1], last[3], last[2])
            ]], host)))
            local passed, ending = output:match("^(%S+)\t(.*)\n$")
            assert.equal(string.format("fail\ttimeout\ttimed out after 2 s: TCP connection to %s:81 "
               .. "(tried %s:81: no answer)", host, host), ending)
            -- The clock has steps of 10 ms.
            assert(math.abs(tonumber(passed) - 2) <= 0.1 + 0.02, passed .. " s")
         end)
      end
   end)

   it("5: a name whose IPv6 address goes nowhere opens by IPv4 within 400 ms", function()
      if not made() then return end
      expect.in_time(function()
         local passed, echo = printed(net.run(string.format([[
            local client = require "client"
            local begun = client.now()
            local recorder = client.open("ws://both.test:%d/echo")
            local passed = client.now() - begun
            recorder.ws:send("hello")
            print(passed, client.wait(recorder, "received")[2])
         ]], net.port))):match("^(%S+)\t(%S+)\n$")
         assert.equal("hello", echo)
         -- The IPv6 address was tried: IPv4 has to wait for its 250 ms.
         assert(tonumber(passed) >= 0.22 and tonumber(passed) <= 0.4, passed .. " s")
      end)
   end)

   it("41: a link that is cut while idle fails with keepalive within ping_interval + ping_timeout + 1 s", function()
      if not made() then return end
      local output = printed(net.run(string.format([[
         local client = require "client"
         local recorder = client.open(%q, { ping_interval = 1, ping_timeout = 1 })
         recorder.ws:send("hello")
         print(client.wait(recorder, "received")[2])
         -- A ping must have been answered, so that the next one is not the first.
         client.wait(recorder, function() return recorder.ws:latency() end)
         assert(os.execute(%q))
         local cut = client.now()
         local last = client.drain(recorder)
         print(client.now() - cut, last[1], last[3])
      ]], net.url, network.cutting(net))))
      local passed, ending = output:match("^hello\n(%S+)\t(.*)\n$")
      assert.equal("fail\tkeepalive", ending, output)
      assert(tonumber(passed) >= 0.98 and tonumber(passed) <= 3, passed .. " s")
   end)

   it("47: 2,000 messages over 1 Mbit/s with 5 % packet loss all come, in order", function()
      if not made() then return end
      local spoiled, reason = network.spoil(net)
      if not spoiled then
         return pending(reason)
      end
      local output = printed(net.run(string.format([[
         local client = require "client"
         local COUNT = 2000
         local recorder = client.open(%q, { open_timeout = 50 })
         for index = 1, COUNT do
            assert(recorder.ws:send(index .. ":" .. ("x"):rep(index %% 200)))
         end
         recorder.ws:close(4000, "all sent")
         local last = client.drain(recorder, 50)
         local messages = client.messages(recorder)
         for index = 1, COUNT do
            assert(messages[index] == index .. ":" .. ("x"):rep(index %% 200), "message " .. index)
         end
         print(#messages, last[1], last[3])
      ]], net.url)))
      assert.equal("2000\tclosed\t4000\n", output)
      for _, side in ipairs({ "client", "server" }) do
         assert(network.lost(net, side) > 0, "no packet was lost on its way to the " .. side)
      end
   end)
end)
