--- Measures time and lets it pass, on any system. Comes in: seconds. Goes out: seconds. Knows no connection.

local system = require "system" -- which busted uses, too

local M = {}

--- Returns the seconds of a clock that is never set, which is the same in all processes.
--- @return number
function M.now()
   return system.monotime()
end

--- Returns after a number of seconds. Nothing is polled meanwhile.
--- @param seconds number
function M.sleep(seconds)
   system.sleep(seconds)
end

return M
