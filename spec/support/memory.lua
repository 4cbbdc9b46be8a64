--- Measures the memory of this process: what it has for itself, without files that are mapped. Goes out: bytes.

local M = {}

-- Windows tells this by functions in C.
local function of_windows()
   local libraries = assert(os.getenv("BUSTED_LIBRARIES"), "BUSTED_LIBRARIES is not set")
   return assert(package.loadlib(libraries, "luaopen_memory_core"))()
end

if package.config:sub(1, 1) == "\\" then
   return of_windows()
end

--- Returns the bytes that this process takes now; 0 on a system that does not tell, where there is nothing to compare.
--- On Windows `usage` returns the numbers of handles and threads, too, before these bytes.
--- @return integer
function M.in_use()
   local file = io.open("/proc/self/status")
   if not file then
      return 0
   end
   local kibibytes = tonumber(file:read("*a"):match("RssAnon:%s*(%d+)"))
   file:close()
   return kibibytes * 1024
end

return M
