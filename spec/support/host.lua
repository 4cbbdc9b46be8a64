--- Runs scripts in the host program of this Lua, which has several states, several threads, and an allocator that can
--- fail. host.c lists what it offers.
--- Comes in: Lua source; the variable HOST_PROGRAM, a program in place of the one in target/host. Goes out: what the
--- script printed and its exit status.

local servers = require "servers"
local shell = require "shell"

local M = {}

--- Seconds after which a host is killed.
local PATIENCE = 180

local name = os.getenv("LUA_NAME") or rawget(_G, "jit") and "luajit" or _VERSION:match("%d%.%d")

-- Every script starts with this: the module, and functions that several specs use.
local BEGINNING = [[
local websocket = require "websocket"

-- Polls until the condition holds; raises after 60 seconds.
local function poll_until(condition, what)
   local deadline = host.now() + 60
   while not condition() do
      websocket.poll(0.02)
      if host.now() > deadline then
         error((what or "it") .. " did not come within 60 s", 2)
      end
   end
end

-- Waits until `expected` accepts the descriptors, threads and bytes of heap that this process has, and returns these;
-- raises after 30 seconds. One reading would not do: Linux lists a thread for up to a millisecond after it was joined.
local function await_usage(expected)
   local deadline = host.now() + 30
   while true do
      local descriptors, threads, heap = host.usage()
      if expected(descriptors, threads, heap) then
         return descriptors, threads, heap
      elseif host.now() > deadline then
         error(("after 30 s: %d descriptors, %d threads, %.0f bytes of heap"):format(descriptors, threads, heap), 2)
      end
      os.execute("sleep 0.001")
   end
end

-- Connects and waits for the event `open`; its list of events is the second result.
local function open(url, options, callback)
   local events = {}
   local ws = websocket.new(url, function(...)
      events[#events + 1] = { ... }
      if callback then
         callback(...)
      end
   end, options)
   poll_until(function() return events[1] end, "open")
   assert(events[1][1] == "open", events[1][1] .. " " .. tostring(events[1][2]))
   return ws, events
end
]]

--- Runs a script in the host program.
--- @param command string of the host: `run`, `again 10`, `threads 2`, `moved`
--- @param source string
--- @param texts? table<string, string> local variables of the source
--- @param before? string source that runs before the module is loaded
--- @return string output
--- @return integer status
function M.execute(command, source, texts, before)
   local program = os.getenv("HOST_PROGRAM") or "target/host/" .. name
   local file = io.open(program)
   assert(file, program .. " is missing: scripts/test compiles it from spec/support/host.c")
   file:close()
   local path = servers.file("host-" .. servers.token() .. ".lua")
   file = assert(io.open(path, "wb"))
   file:write(string.format("package.path, package.cpath = %q, %q\nlocal number = ...\n", package.path, package.cpath))
   for name_of_text, text in pairs(texts or {}) do
      file:write(string.format("local %s = %q\n", name_of_text, text))
   end
   file:write(before or "", "\n", BEGINNING, source)
   file:close()
   -- With its thread caches the C library would count freed memory as memory in use.
   return shell.execute(string.format("GLIBC_TUNABLES=glibc.malloc.tcache_count=0 timeout --kill-after=1 %d %s %s %s",
      PATIENCE, program, command, shell.quote(path)))
end

--- Runs a script as `execute` does, fails unless its exit status is 0, and returns what it printed.
--- @param command string
--- @param source string
--- @param texts? table<string, string>
--- @param before? string
--- @return string output
function M.run(command, source, texts, before)
   local output, status = M.execute(command, source, texts, before)
   assert(status == 0, string.format("the host ended with %s:\n%s", tostring(status), output))
   return output
end

return M
