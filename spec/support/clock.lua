--- Measures time and lets it pass, on any system. Comes in: seconds. Goes out: seconds. Knows no connection.

local M = {}

-- The library that busted uses itself. Where no package has it, BUSTED_LIBRARY contains what is needed of it, in a process
-- of its own, too.
local function system()
   local library = os.getenv("BUSTED_LIBRARY")
   local open = library and package.loadlib(library, "luaopen_system_core")
   return open and open() or require("system")
end

local core = system()

--- Returns the seconds of a clock that is never set, which is the same in all processes.
--- @return number
function M.now()
   return core.monotime()
end

--- Returns after a number of seconds. Nothing is polled meanwhile.
--- @param seconds number
function M.sleep(seconds)
   core.sleep(seconds)
end

return M
