-- Runs mixed traffic in the host program of the specs, which reports how much of the C heap is in use. Checks the
-- content and order of every message, and the resources of the process. MINUTES and SEED come from the environment.
--
-- 50 connections of the kinds below are alive at any time; they are opened and closed continuously. Once a minute all
-- of them end, and memory, descriptors and threads are read. Exits with 1 if a message is lost, duplicated or out of
-- order, if an end is wrong, if a descriptor or thread is left over, or if memory use rises.
package.path = "spec/support/?.lua;" .. package.path

local servers = require "servers"
local websocket = require "websocket"

local minutes, seed = tonumber(os.getenv("MINUTES")), tonumber(os.getenv("SEED"))
local AT_ONCE = 50
local ROUND = math.min(60, minutes * 60 / 6) -- seconds between two readings
local WARM_UP = 1 / 3 -- of all readings
local MAX_RISE = 1024 -- KiB an hour
-- KiB by which each value varies anyway; a short run cannot tell this from a rise. Most resident memory is what the C
-- library keeps after the peak.
local NOISE = { heap = 128, resident = 8192 }
-- Seconds that opening, closing and the answer to a ping may take, long enough for a busy machine.
local PATIENCE = 60
local CA = { ca_file = servers.file("ca.pem") }

math.randomseed(seed)
local random = math.random

local counts = { opened = 0, ended = 0, sent = 0, received = 0, bytes = 0, stalls = 0, full = 0 }
local wrong = 0
local alive = 0

local function complain(...)
   wrong = wrong + 1
   if wrong <= 20 then
      io.stderr:write("wrong: ", string.format(...), "\n")
   end
end

local function now()
   local file = io.open("/proc/uptime")
   local seconds = file:read("*n")
   file:close()
   return seconds
end

-- Sizes from 0 to 1 MiB: many small ones, few large ones.
local function any_size()
   local chance = random()
   if chance < 0.02 then
      return random(65536, 1048576)
   elseif chance < 0.1 then
      return random(1024, 65536)
   end
   return random(0, 1024)
end

local fillers = {}
for index = 0, 7 do
   fillers[index] = string.rep(index % 2 == 0 and string.char(97 + index) or string.char(195, 160 + index), 524288)
end

-- Returns the payload of a message: its connection, its number, and filler. It is always valid text.
local function payload(name, index, size)
   local head = name .. ":" .. index .. ":"
   local filler = fillers[index % 8]
   local wanted = math.max(0, size - #head)
   return head .. filler:sub(1, wanted - wanted % 2)
end

local function is_end(name, ws, event, detail, code)
   if event ~= "closed" or detail ~= code then
      complain("%s ended with %s %s: %s", name, event, tostring(detail), ws:end_info().text)
   end
end

local names = 0

-- Opens a connection. `on(event, message, detail, ws)` gets every event except the end, which `at_end` gets.
local function open(url, options, on, at_end)
   options.tls = CA
   options.open_timeout, options.close_timeout, options.ping_timeout = PATIENCE, PATIENCE, PATIENCE
   local ws
   ws = websocket.new(url, function(event, message, detail)
      if event == "closed" or event == "fail" then
         alive = alive - 1
         counts.ended = counts.ended + 1
         return at_end(event, message, detail, ws)
      elseif event == "received" then
         counts.received = counts.received + 1
         counts.bytes = counts.bytes + #message
      end
      on(event, message, detail, ws)
   end, options)
   alive = alive + 1
   counts.opened = counts.opened + 1
   return ws
end

local kinds = {}

-- Sends messages to an echo server, over ws or wss. Half of the connections close right after the last message, so that
-- the echoes cross our Close.
function kinds.echo(name)
   local total, sent, received = random(1, 200), 0, 0
   local expected, is_binary = {}, {}
   local crossing = random() < 0.5
   local function fill(ws)
      while sent < total and sent - received < 20 do
         sent = sent + 1
         expected[sent] = payload(name, sent, any_size())
         is_binary[sent] = random() < 0.5
         if not ws:send(expected[sent], is_binary[sent]) then
            counts.full = counts.full + 1
            sent = sent - 1
            return
         end
         counts.sent = counts.sent + 1
      end
      if sent == total and (crossing or received == total) then
         ws:close(4000, name)
      end
   end
   open(servers.url("/echo", nil, random() < 0.3 and "wss" or "ws"), {
      max_queue = random() < 0.3 and 65536 or nil,
   }, function(event, message, detail, ws)
      if event == "received" then
         received = received + 1
         if message ~= expected[received] or detail ~= (is_binary[received] and "binary" or "text") then
            complain("%s: message %d of %d is %q", name, received, sent, message:sub(1, 40))
         end
         expected[received] = nil
      end
      fill(ws)
   end, function(event, message, detail, ws)
      is_end(name, ws, event, detail, 4000)
      if received ~= total then
         complain("%s: %d of %d echoes, %s", name, received, total, tostring(message))
      end
   end)
end

-- The server sends as fast as it can and then closes. A small queue makes the engine pause reading again and again.
function kinds.push(name)
   local total, size, received = random(1, 2000), random(8, 4096), 0
   local url = servers.url("/push", { count = total, size = size, kind = "both", ["then"] = "close" },
      random() < 0.3 and "wss" or "ws")
   open(url, { max_queue = random() < 0.5 and 65536 or nil }, function(event, message, detail)
      if event == "received" then
         received = received + 1
         local head = received .. ":"
         local is_binary = received % 2 == 0
         local filler = is_binary and "\255" or "x"
         if message ~= head .. filler:rep(size - #head) or detail ~= (is_binary and "binary" or "text") then
            complain("%s: message %d of %d is %q", name, received, total, message:sub(1, 40))
         end
      end
   end, function(event, message, detail, ws)
      is_end(name, ws, event, detail, 1005)
      if received ~= total then
         complain("%s: %d of %d messages, %s", name, received, total, tostring(message))
      end
   end)
end

-- The server does not read for a while. In the end it must have read everything that was sent.
function kinds.slow_reader(name)
   local token, total = servers.token(), random(1, 40)
   local list = { "status101", "sleep:" .. random(100, 1000), "reply-close" }
   local accepted = 0
   open(servers.script(list, token), { max_buffered = 262144 }, function(event, _, _, ws)
      if event == "open" then
         for index = 1, total do
            if ws:send(payload(name, index, 65536)) then
               accepted = accepted + 1
            else
               counts.full = counts.full + 1
            end
         end
         counts.sent = counts.sent + accepted
         ws:close(4001)
      end
   end, function(event, _, detail, ws)
      is_end(name, ws, event, detail, 4001)
      local record = servers.await(token, "closes:1", PATIENCE)
      if record.messages ~= accepted then
         complain("%s: the server has %s of %d messages", name, tostring(record.messages), accepted)
      end
      os.remove(servers.file("reports/" .. token))
   end)
end

-- The script terminates the connection at a random moment. The messages until then must be in order.
function kinds.given_up(name)
   local received, enough = 0, random(0, 300)
   open(servers.url("/flood", { bytes = 1e9, size = 1000 }), { max_queue = 65536 }, function(_, message, _, ws)
      if message then
         received = received + 1
         if message:match("^(%d+):") ~= tostring(received) then
            complain("%s: message %d is %q", name, received, message:sub(1, 40))
         end
      end
      if received >= enough then
         ws:terminate()
      end
   end, function(event, _, detail, ws)
      is_end(name, ws, event, detail, 1006)
   end)
end

-- The server refuses the handshake or the TCP connection.
function kinds.failing(name)
   local url, code = servers.url("/status", { code = 503, body = "no" }), "http_status"
   if random() < 0.5 then
      url, code = servers.url("/", nil, "refused"), "connect"
   end
   open(url, {}, function() end, function(event, message, detail)
      if event ~= "fail" or detail ~= code then
         complain("%s ended with %s %s %s", name, event, tostring(detail), tostring(message))
      end
   end)
end

local shares = { "echo", "echo", "echo", "push", "push", "slow_reader", "given_up", "failing" }

local function open_one()
   names = names + 1
   local kind = shares[random(#shares)]
   kinds[kind](kind .. names)
end

-- The script is busy and does not poll, so that the queues fill up.
local function stall()
   counts.stalls = counts.stalls + 1
   local stop = now() + random() * 0.5
   while now() < stop do end
end

local function resident()
   local file = io.open("/proc/self/status")
   local value = file:read("*a"):match("\nVmRSS:%s*(%d+)")
   file:close()
   return tonumber(value)
end

local readings = {}

local function take_reading(start)
   -- The queue returns the memory of its peak in later polls.
   for _ = 1, 3 do
      websocket.defer(function() end)
      websocket.poll()
   end
   collectgarbage()
   collectgarbage()
   -- A socket may be closed, and a thread leave the list of Linux, a moment after the event of the end.
   local first, deadline = readings[1] or { descriptors = math.huge, threads = math.huge }, now() + PATIENCE
   local descriptors, threads, heap
   repeat
      websocket.poll(0.01)
      descriptors, threads, heap = host.usage()
   until descriptors <= first.descriptors and threads <= first.threads or now() > deadline
   local reading = {
      at = now() - start, heap = heap / 1024, resident = resident(), threads = threads, descriptors = descriptors,
   }
   readings[#readings + 1] = reading
   local line = "%5.0f s  %6.0f KiB heap  %6d KiB  %2d descriptors  %d threads  %d opened  %d sent  %d received  "
      .. "%.0f MiB  %d full  %d stalls  %d wrong"
   print(line:format(reading.at, reading.heap, reading.resident, reading.descriptors, reading.threads,
      counts.opened, counts.sent, counts.received, counts.bytes / 1048576, counts.full, counts.stalls, wrong))
   io.stdout:flush()
end

local function traffic(seconds)
   local stop = now() + seconds
   while now() < stop do
      while alive < AT_ONCE do
         open_one()
      end
      websocket.poll(0.05)
      if random() < 0.01 then
         stall()
      end
   end
   local patience = now() + 2 * PATIENCE
   while alive > 0 and now() < patience do
      websocket.poll(0.05)
   end
   if alive > 0 or websocket.connections() > 0 then
      complain("%d connections did not end", alive)
   end
end

-- Returns the reading with the least memory of a kind from `first` to `last`.
local function least(kind, first, last)
   local best = readings[first]
   for index = first, last do
      if readings[index][kind] < best[kind] then
         best = readings[index]
      end
   end
   return best
end

local start = now()
websocket.set_error_handler(function(_, traceback)
   complain("%s", traceback)
end)
repeat
   traffic(ROUND)
   take_reading(start)
until now() - start >= minutes * 60

local last = #readings
local first = math.min(last, math.floor(last * WARM_UP) + 1)
local middle = math.floor((first + last) / 2)
for kind, noise in pairs(NOISE) do
   local early, late = least(kind, first, middle), least(kind, math.min(last, middle + 1), last)
   local rise = late[kind] - early[kind]
   local hourly = rise * 3600 / math.max(late.at - early.at, 1)
   print(string.format("%s: %.0f KiB at %.0f s, %.0f KiB at %.0f s: %.0f KiB an hour", kind, early[kind], early.at,
      late[kind], late.at, hourly))
   if rise > noise and hourly > MAX_RISE then
      complain("%s memory rises by %.0f KiB an hour", kind, hourly)
   end
end
for _, key in ipairs({ "descriptors", "threads" }) do
   if readings[last][key] > readings[first][key] then
      complain("%d %s, %d after the warm-up", readings[last][key], key, readings[first][key])
   end
end
print(string.format("%d connections, %d messages sent, %d received, %.0f MiB: %d wrong", counts.opened, counts.sent,
   counts.received, counts.bytes / 1048576, wrong))
os.exit(wrong == 0 and 0 or 1, true)
