--- Tells whether a descriptor is readable, by LuaSocket's `select`.
--- @param descriptor integer
--- @return boolean

local socket = require "socket"

return function(descriptor)
   local source = {
      getfd = function() return descriptor end,
      dirty = function() return false end,
   }
   return #socket.select({ source }, nil, 0) > 0
end
