-- The client of the benchmarks that uses this module. client.py and client.js do the same with other libraries.
--
--     client.lua echo URL MESSAGES IN_FLIGHT WARM_UP [NAME=VALUE...]
--     client.lua hold URL MESSAGES FIRST MORE [NAME=VALUE...]
--
-- MESSAGES is a file with a message on each line. echo: sends all messages, with IN_FLIGHT unanswered at a time, and
-- reads the echoes. The CPU time of the whole process is measured from the echo of number WARM_UP to the last. hold:
-- opens FIRST connections and then MORE of them; each sends all messages, one at a time, and stays open. The result is
-- the memory that each of the later connections holds. Both print a line of JSON. Settings: compression=none, or
-- window_bits=, level= and takeover=0.
package.path = arg[0]:match("^(.*)/[^/]*$") .. "/clients/?.lua;" .. package.path
local memory = require("measure").memory
local websocket = require "websocket"

local mode, url, path = arg[1], arg[2], arg[3]
local first_number, second_number = tonumber(arg[4]), tonumber(arg[5])

local settings = {}
for index = 6, #arg do
   local name, value = arg[index]:match("^(.-)=(.*)$")
   settings[name] = value
end

local function compression()
   if settings.compression == "none" then
      return false
   end
   if not next(settings) then
      return true
   end
   local bits, alone = tonumber(settings.window_bits), settings.takeover == "0"
   return {
      threshold = 0,
      level = tonumber(settings.level),
      client_max_window_bits = bits,
      server_max_window_bits = bits ~= 15 and bits or nil,
      client_no_context_takeover = alone,
      server_no_context_takeover = alone,
   }
end

local messages = {}
for line in io.lines(path) do
   messages[#messages + 1] = line
end

local function report(text, ws)
   print(('{%s, "extensions": "%s"}'):format(text, ws:extensions()))
end

-- Opens a connection and calls `on_echo(ws, count)` for each echo.
local function open(on_open, on_echo)
   local received = 0
   return websocket.new(url, function(event, message, detail)
      if event == "received" then
         received = received + 1
         on_echo(received, message)
      elseif event == "open" then
         on_open()
      elseif event == "fail" then
         error(message .. " (" .. detail .. ")")
      end
   end, { compression = compression() })
end

local function echo(in_flight, warm_up)
   local ws, started
   local sent, bytes = 0, 0
   local function send()
      sent = sent + 1
      assert(ws:send(messages[sent]))
   end
   ws = open(function()
      for _ = 1, math.min(in_flight, #messages) do
         send()
      end
   end, function(received, message)
      bytes = bytes + #message
      if sent < #messages then
         send()
      end
      if received == warm_up then
         started = os.clock() -- of all threads, in the kernel, too
      elseif received == #messages then
         local cpu = (os.clock() - started) / (#messages - warm_up)
         report(('"cpu": %.9f, "bytes": %d'):format(cpu, bytes), ws)
         ws:close()
      end
   end)
   websocket.run()
end

local function hold(first, more)
   local sockets = {}
   local function add(count)
      local waiting = count
      for _ = 1, count do
         local ws
         local function send(number)
            assert(ws:send(messages[number]))
         end
         ws = open(function() send(1) end, function(received)
            if received < #messages then
               send(received + 1)
            else
               waiting = waiting - 1
            end
         end)
         sockets[#sockets + 1] = ws
      end
      while waiting > 0 do
         websocket.poll(60)
      end
   end
   add(first)
   local before = memory()
   add(more)
   report(('"kib": %.1f'):format((memory() - before) / more), sockets[1])
   for _, ws in ipairs(sockets) do
      ws:terminate()
   end
   websocket.run()
end

local modes = { echo = echo, hold = hold }
modes[mode](first_number, second_number)
