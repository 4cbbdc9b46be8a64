-- The numbers and texts of errors that lua-http returns, without cqueues.
-- Goes out: numbers of this system, and texts as strerror has them. Knows nothing of connections.

-- A host may give its scripts no io library.
local io = rawget(_G, "io")

local M = {}

-- macOS counts these differently than Linux. Lua has no call that tells the system's name.
local is_mac = io and io.open and io.open "/System/Library/CoreServices/SystemVersion.plist" ~= nil or false

--- @type table<string, integer>
M.codes = is_mac and { EINVAL = 22, EPIPE = 32, EILSEQ = 92, ECONNRESET = 54, ENOTCONN = 57, ETIMEDOUT = 60,
   ECONNREFUSED = 61 } or { EINVAL = 22, EPIPE = 32, EILSEQ = 84, ECONNRESET = 104, ENOTCONN = 107, ETIMEDOUT = 110,
   ECONNREFUSED = 111 }

local texts = {
   EPIPE = "Broken pipe",
   ECONNRESET = "Connection reset by peer",
   ENOTCONN = is_mac and "Socket is not connected" or "Transport endpoint is not connected",
   ETIMEDOUT = is_mac and "Operation timed out" or "Connection timed out",
   ECONNREFUSED = "Connection refused",
}

--- Returns what lua-http returns for an error of the system.
--- @param operation string such as "read"
--- @param name string such as "ETIMEDOUT"
--- @return nil
--- @return string text
--- @return integer errno
function M.failure(operation, name)
   return nil, operation .. ": " .. texts[name], M.codes[name]
end

return M
