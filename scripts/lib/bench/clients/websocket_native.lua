-- The client of the benchmarks that uses this module. README.md, in the folder above, describes the workloads.
--
--     websocket_native.lua WORKLOAD URL COUNT SIZE

local cpu_before = os.clock()
local websocket = require "websocket"

local workload, url = arg[1], arg[2]
local count, size = tonumber(arg[3]), tonumber(arg[4])
local options = { tls = url:find("^wss") and { ca_file = os.getenv("BENCH_CA") } or nil }

-- Raises for an event that no workload expects.
local function unexpected(event, message, detail)
   error(("%s: %s (%s)"):format(event, tostring(message), tostring(detail)))
end

-- Returns a connection whose messages go to `on_message(message, ws)`. Workloads that measure what a small message
-- costs do without, because a second call takes as long as all the rest that their script does for it.
local function open(path, on_open, on_message)
   return websocket.new(url .. path, function(event, message, detail, ws)
      if event == "received" then
         on_message(message, ws)
      elseif event == "open" then
         on_open(ws)
      else
         unexpected(event, message, detail)
      end
   end, options)
end

-- Before anything else is loaded, because all of it would count.
if workload == "startup" then
   local is_open = false
   open("/echo", function() is_open = true end)
   while not is_open do
      websocket.poll(1)
   end
   local cpu = os.clock() - cpu_before
   print(('{"wall": %.6f, "cpu": %.6f, "operations": 1}'):format(cpu, cpu))
   os.exit(0)
end

package.path = arg[0]:match("^(.*)/[^/]*$") .. "/?.lua;" .. package.path
local measure = require "measure"

websocket.set_error_handler(function(problem, traceback)
   io.stderr:write(tostring(traceback or problem), "\n")
   os.exit(1)
end)

local workloads = {}

-- Round trips in the way of a program that lives in callbacks.
function workloads.callback()
   local texts, warm_up = measure.texts(size), math.floor(count / 10)
   local received, read = 0, nil
   websocket.new(url .. "/echo", function(event, message, detail, ws)
      if event == "received" then
         if #message ~= size then
            error("a message of another size")
         elseif received == warm_up then
            read = measure.start()
         elseif received == count + warm_up then
            measure.report(read(), count)
         end
         received = received + 1
         ws:send(texts[received % #texts + 1])
      elseif event == "open" then
         ws:send(texts[1])
      else
         unexpected(event, message, detail)
      end
   end, options)
   websocket.run()
end

-- Returns a connection that is open, whose messages wait for `receive`.
local function connect(path)
   return assert(websocket.connect(url .. path, options))
end

-- Round trips in the way of a program that sends and waits.
function workloads.loop()
   local texts, warm_up = measure.texts(size), math.floor(count / 10)
   local ws, read = connect("/echo"), nil
   for number = 0, count + warm_up - 1 do
      if number == warm_up then
         read = measure.start()
      end
      ws:send(texts[number % #texts + 1])
      assert(#ws:receive() == size)
   end
   measure.report(read(), count)
end

function workloads.receive()
   local left, read = 0, nil
   local rounds = { math.floor(count / 10), count }
   local function next_round(ws)
      left = table.remove(rounds, 1)
      if not left then
         measure.report(read(), count)
      end
      read = measure.start()
      ws:send(tostring(left))
   end
   websocket.new(url .. "/flood/" .. size, function(event, message, detail, ws)
      if event == "received" then
         if #message ~= size then
            error("a message of another size")
         end
         left = left - 1
         if left == 0 then
            next_round(ws)
         end
      elseif event == "open" then
         next_round(ws)
      else
         unexpected(event, message, detail)
      end
   end, options)
   websocket.run()
end

function workloads.send()
   local texts = measure.texts(size)
   local ws, read = connect("/sink"), nil
   for _, messages in ipairs({ math.floor(count / 10), count }) do
      read = measure.start()
      for number = 1, messages do
         while not ws:send(texts[number % #texts + 1]) do
            websocket.poll(0.001) -- the buffer is full
         end
         if number % measure.BATCH == 0 then
            websocket.poll(0)
         end
      end
      assert(ws:send("."))
      assert(ws:receive())
   end
   measure.report(read(), count)
end

-- Opens `number` connections, a few at a time; each sends a message and waits for its echo. Later messages go to
-- `on_message`.
local function open_many(path, number, on_message)
   local begun, opened = 0, 0
   local function begin()
      begun = begun + 1
      local text, is_first = measure.text(64, begun), true
      open(path, function(ws) ws:send(text) end, function(message)
         if not is_first then
            return on_message()
         end
         assert(message == text)
         is_first = false
         opened = opened + 1
         if begun < number then
            begin()
         end
      end)
   end
   for _ = 1, math.min(number, measure.AT_ONCE) do
      begin()
   end
   while opened < number do
      websocket.poll(1)
   end
end

function workloads.connections()
   local key, left = measure.process(), 0
   local function on_message()
      left = left - 1
   end
   local trigger = connect("/trigger/" .. key)
   local read = measure.start()
   open_many("/fan/" .. key, math.min(count, measure.FIRST), on_message)
   local before, more = measure.memory(), math.max(count - measure.FIRST, 0)
   open_many("/fan/" .. key, more, on_message)
   local members = read()
   members = members .. (', "memory": %.2f'):format((measure.memory() - before) / math.max(more, 1))
   if url:find("^wss") then
      measure.report(members, count) -- the service needs plain sockets
   end
   for _, fan in ipairs(measure.FANS) do
      local name, messages, burst = fan[1], fan[2], fan[3]
      left = messages
      read = measure.start()
      trigger:send(("fan %d %d"):format(messages, burst))
      while left > 0 do
         websocket.poll(1)
      end
      members = members .. (', %s, "%s_operations": %d'):format(read(name .. "_"), name, messages)
   end
   measure.report(members, count)
end

function workloads.idle()
   open_many("/echo", count, function() end)
   local read, stop = measure.start(), measure.now() + size
   repeat
      local left = stop - measure.now()
      websocket.poll(left)
   until left <= 0
   measure.report(read(), count)
end

workloads[workload]()
