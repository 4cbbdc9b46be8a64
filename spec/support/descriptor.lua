--- Tells whether a file descriptor is readable, and closes it: by LuaSocket, or by spec/support/luas/libraries.c for a
--- Lua that no package has LuaSocket for.

local is_there, core = pcall(require, "descriptor.core")
if is_there then
   return core
end

local socket = require "socket"

local M = {}

--- Tells whether a descriptor is readable now.
--- @param descriptor integer
--- @return boolean
function M.is_readable(descriptor)
   local source = {
      getfd = function() return descriptor end,
      dirty = function() return false end,
   }
   return #socket.select({ source }, nil, 0) > 0
end

--- Closes a descriptor.
--- @param descriptor integer
function M.close(descriptor)
   local handle = socket.udp()
   handle:setfd(descriptor)
   handle:close()
end

return M
