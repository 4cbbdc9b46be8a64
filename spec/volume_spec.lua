--- Many messages, large messages and many connections: everything comes back unchanged and in order.

local client = require "client"
local servers = require "servers"
local websocket = require "websocket"

local MIB = 1024 * 1024
local LARGEST = 70000

-- Text without a pattern, so that no cut of it looks like another.
local filling
do
   local parts, state = {}, 1
   for index = 1, 40000 do
      state = (state * 16807) % 2147483647
      parts[index] = string.format("%07x", state % 0x10000000)
   end
   filling = table.concat(parts)
end

-- Every size from 0 to 70,000 is as likely; the steps of lengths on the wire are among them.
local EDGES = { 0, 1, 125, 126, 127, 65535, 65536, LARGEST }
local function size_of(number)
   return EDGES[number] or (number * 7919) % (LARGEST + 1)
end

-- The message of a number: even ones are binary and begin with bytes that are no UTF-8.
local function message(number, size)
   local head = number .. ":"
   if number % 2 == 0 then
      head = "\255\0\254" .. head
   end
   local from = (number * 104729) % (#filling - size) + 1
   return (head .. filling:sub(from, from + size)):sub(1, size), number % 2 == 0
end

describe("much at once", function()
   after_each(client.finish)

   it("is 10,000 messages of 0 to 70,000 bytes, echoed intact and in order", function()
      local COUNT = 10000
      local arrived, wrong = 0, nil
      local recorder = client.open(servers.url("/echo"), nil, function(recorder, event, payload, kind)
         if event == "received" then
            arrived = arrived + 1
            local right, binary = message(arrived, size_of(arrived))
            if not wrong and (payload ~= right or kind ~= (binary and "binary" or "text")) then
               wrong = arrived
            end
            recorder.events[#recorder.events] = nil
         end
      end)
      local refusals = 0
      for number = 1, COUNT do
         local payload, binary = message(number, size_of(number))
         local sent, text, code = recorder.ws:send(payload, binary)
         while not sent do
            assert.equal("buffer_full", code)
            assert.truthy(text:find("^send buffer full"), text)
            refusals = refusals + 1
            websocket.poll(1)
            sent, text, code = recorder.ws:send(payload, binary)
         end
      end
      client.wait(recorder, function()
         return arrived == COUNT or recorder.ended
      end, 120)
      assert.is_nil(wrong, "the first wrong message")
      assert.equal(COUNT, arrived, client.describe(recorder))
      -- 350 MB never fit in max_buffered and the sockets' buffers.
      assert.is_true(refusals > 0)
      assert.equal(0, recorder.ws:buffered_amount())
      recorder.ws:close()
      assert.equal(1000, client.drain(recorder)[3])
   end)

   for name, size in pairs({ ["16 MiB"] = 16 * MIB, ["a byte under 16 MiB"] = 16 * MIB - 1 }) do
      it("is messages of " .. name .. ", over ws and wss", function()
         local text = filling:rep(math.ceil(size / #filling)):sub(1, size)
         local binary = text:reverse():gsub("f", "\255")
         for _, port in ipairs({ "ws", "wss" }) do
            local options = { tls = { ca_file = servers.file("ca.pem") } }
            local recorder = client.open(servers.url("/echo", nil, port), options)
            recorder.ws:send(text)
            assert.is_true(client.wait(recorder, "received")[2] == text)
            recorder.ws:send(binary, true)
            local event = client.wait(recorder, "received")
            assert.is_true(event[2] == binary)
            assert.equal("binary", event[3])
            recorder.ws:close()
            assert.equal(1000, client.drain(recorder)[3])
         end
      end)
   end

   it("is 200 connections, each with an echo of its own", function()
      local COUNT, ECHOES = 200, 5
      local before = websocket.connections()
      local recorders = {}
      for number = 1, COUNT do
         recorders[number] = client.connect(servers.url("/echo"))
         for index = 1, ECHOES do
            recorders[number].ws:send("connection " .. number .. ", message " .. index)
         end
      end
      assert.equal(before + COUNT, websocket.connections())
      for number, recorder in ipairs(recorders) do
         client.wait(recorder, function()
            return recorder.ended or #client.messages(recorder) == ECHOES
         end, 30)
         for index, payload in ipairs(client.messages(recorder)) do
            assert.equal("connection " .. number .. ", message " .. index, payload)
         end
         assert.equal("open", recorder.ws:status())
         recorder.ws:close(4000, "done with " .. number)
      end
      for number, recorder in ipairs(recorders) do
         assert.same({ "closed", "done with " .. number, 4000 }, client.drain(recorder))
         assert.equal("open" .. (" received"):rep(ECHOES) .. " closed", client.names(recorder))
         assert.is_true(recorder.ws:end_info().clean)
      end
      assert.equal(before, websocket.connections())
   end)
end)
