-- What the clients in Lua share: the messages that they send, and what a run has used.
-- Comes in: the arguments of the program. Goes out: one line of JSON. Knows no WebSocket library.

local system = require "system" -- of the Debian package lua-system, for its clock

local M = {}

-- The same as in benches/src/workloads.rs.
M.BATCH = 1000
M.AT_ONCE = 50
M.FIRST = 10
M.FANS = { { "single", 40000, 1 }, { "burst", 160000, 16 } }

M.now = system.monotime

--- Returns a text of a size, which differs from those of other numbers.
--- @param size integer
--- @param number integer
--- @return string
function M.text(size, number)
   local letter = string.char(97 + number % 26)
   return (number .. " " .. letter:rep(size)):sub(1, size)
end

--- Returns the messages that a client sends in turn: fewer if they are large, because they only have to differ.
--- @param size integer
--- @return string[]
function M.texts(size)
   local texts = {}
   for number = 1, math.max(2, math.floor(64000 / math.max(size, 64))) do
      texts[number] = M.text(size, number)
   end
   return texts
end

--- Returns a function that returns what was used since, as JSON members whose names begin with `prefix`.
--- @return fun(prefix: string?): string
function M.start()
   local wall, cpu = M.now(), os.clock() -- os.clock counts all threads, in the kernel, too
   return function(prefix)
      prefix = prefix or ""
      return ('"%swall": %.9f, "%scpu": %.6f'):format(prefix, M.now() - wall, prefix, os.clock() - cpu)
   end
end

--- Returns the anonymous resident memory in KiB.
--- @return integer
function M.memory()
   collectgarbage()
   collectgarbage()
   for line in io.lines("/proc/self/status") do
      local kib = line:match("^RssAnon:%s*(%d+)")
      if kib then
         return tonumber(kib)
      end
   end
end

--- Returns the number of this process.
--- @return string
function M.process()
   local file = assert(io.open("/proc/self/stat"))
   local number = file:read("*a"):match("^%d+")
   file:close()
   return number
end

--- Prints the result of a run of `count` operations, and leaves without closing anything.
function M.report(members, count)
   io.stdout:write(("{%s, \"operations\": %d}\n"):format(members, count))
   io.stdout:flush()
   os.exit(0)
end

return M
