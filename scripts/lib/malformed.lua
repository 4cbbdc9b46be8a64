-- Runs malformed streams in the host program of the specs, which reports how much of the C heap is in use, and checks
-- that memory, descriptors and threads stay flat. COUNT, MINUTES, SEED and FIRST come from the environment.
--
-- The cases run in rounds. After each round all connections have ended, and a line is printed. Exits with 1 if a
-- connection ended wrongly or hangs, or if resources are left over. FIRST=123 repeats case 123 with a COUNT of 1.
package.path = "spec/support/?.lua;" .. package.path

local client = require "client"
local malformed = require "malformed"
local websocket = require "websocket"

local function number(name)
   return assert(tonumber(os.getenv(name)), name .. " is no number")
end

local count, minutes, seed, first = number("COUNT"), number("MINUTES"), number("SEED"), number("FIRST")
local AT_ONCE = 200
local ROUNDS = 20
-- KiB by which a reading varies anyway.
local NOISE = 256
-- Seconds that descriptors and threads may take to be gone after the event of the end.
local PATIENCE = 60

-- Returns descriptors, threads and KiB of heap, once there are no more descriptors and threads than before.
local function usage(before)
   for _ = 1, 3 do
      websocket.defer(function() end)
      websocket.poll()
   end
   collectgarbage()
   collectgarbage()
   local deadline = client.now() + PATIENCE
   local descriptors, threads, heap
   repeat
      websocket.poll(0.01)
      descriptors, threads, heap = host.usage()
   until not before or descriptors <= before.descriptors and threads <= before.threads or client.now() > deadline
   return { descriptors = descriptors, threads = threads, heap = heap / 1024 }
end

local start = client.now()
local report = malformed.report(first)
local last = first + count - 1
local readings = {}
while report.next <= last and client.now() - start < minutes * 60 do
   malformed.run(report, math.min(last, report.next + math.ceil(count / ROUNDS) - 1), seed, AT_ONCE)
   local reading = usage(readings[1])
   readings[#readings + 1] = reading
   print(("%5.0f s  %8d cases  %5.0f KiB heap  %2d descriptors  %d threads  %d wrong"):format(client.now() - start,
      report.ended, reading.heap, reading.descriptors, reading.threads, report.problems))
   io.stdout:flush()
end

local problems = report.wrong
-- Spare buffers and the like are made during the first rounds.
local early, late = readings[math.ceil(#readings / 3)], readings[#readings]
if late.heap > early.heap + NOISE then
   problems[#problems + 1] = ("the heap grew from %.0f to %.0f KiB"):format(early.heap, late.heap)
end
for _, key in ipairs({ "descriptors", "threads" }) do
   if late[key] > readings[1][key] then
      problems[#problems + 1] = ("%d %s, %d after the first round"):format(late[key], key, readings[1][key])
   end
end

local names = {}
for name in pairs(report.ends) do
   names[#names + 1] = name
end
table.sort(names, function(a, b)
   return report.ends[a] == report.ends[b] and a < b or report.ends[a] > report.ends[b]
end)
for index = 1, math.min(12, #names) do
   print(("%9d  %s"):format(report.ends[names[index]], names[index]))
end
for _, problem in ipairs(problems) do
   io.stderr:write("wrong: ", problem, "\n")
end
print(("%d cases from %d on with seed %d: %d wrong"):format(report.ended, first, seed, #problems))
os.exit(#problems == 0 and 0 or 1, true)
