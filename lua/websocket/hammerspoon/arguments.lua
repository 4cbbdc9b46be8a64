-- Checks of arguments as LuaSkin, Hammerspoon's bridge between Lua and its own code, makes them.
-- Comes in: what a function expects, and what a script gave it. Goes out: nothing, or an error with LuaSkin's text,
-- raised at the script's line. Knows nothing of what the arguments are for.

local callable = require("websocket").is_callable

local error, getmetatable, ipairs, select, type = error, getmetatable, ipairs, select, type

--- What one argument must be.
--- @class websocket.hammerspoon.Expected
--- @field type "string"|"function"|"boolean"|"userdata"
--- @field optional? boolean the last arguments may be missing; an explicit nil is not missing
--- @field metatable? table of a userdata, with its name in `__name`

local M = {}

-- The types that LuaSkin knows, besides userdata.
local known = { boolean = true, ["nil"] = true, number = true, string = true, ["function"] = true, table = true }

-- Returns what is wrong with an argument, nil where nothing is. `kind` is its type, or "no value".
local function problem_of(expected, index, value, kind)
   if expected.type == "function" and callable(value) then
      return nil
   elseif kind == "userdata" and expected.type ~= "userdata" then
      return ("ERROR:  incorrect type 'userdata' for argument %d (expected %s)"):format(index, expected.type)
   elseif kind == "userdata" then
      local metatable = expected.metatable
      return getmetatable(value) ~= metatable
         and ("ERROR: incorrect userdata type for argument %d (expected %s)"):format(index, metatable.__name) or nil
   elseif not known[kind] and kind ~= "no value" then
      return ("ERROR: unknown type '%s' for argument %d"):format(kind, index)
   elseif kind ~= expected.type then
      return ("ERROR: incorrect type '%s' for argument %d (expected %s)"):format(kind, index, expected.type)
   end
end

--- Raises, for the caller's caller, unless the arguments are those that are expected.
--- @param list websocket.hammerspoon.Expected[]
--- @param ... any the arguments
function M.check(list, ...)
   local given, taken = select("#", ...), 0
   for _, expected in ipairs(list) do
      local index = taken + 1
      if index <= given or not expected.optional then
         local value = (select(index, ...))
         local problem = problem_of(expected, index, value, index <= given and type(value) or "no value")
         if problem then
            error(problem, 3)
         end
         taken = index
      end
   end
   if given ~= taken then
      error(("ERROR: incorrect number of arguments. Expected %d, got %d"):format(taken, given), 3)
   end
end

return M
