-- Converts arguments as the standards' interface language (Web IDL) does, as far as Lua has the types.
-- Comes in: values as a script gave them. Goes out: converted values, or a raised TypeError. Knows nothing of what the
-- values are for.

local websocket = require "websocket"
local closing = require "websocket.shape.closing"
local raise = require("websocket.shape.error").raise

local floor, huge, tonumber, tostring, type = math.floor, math.huge, tonumber, tostring, type

local M = {}

--- Returns a string, with U+FFFD in place of what is not UTF-8. A number becomes what `tostring` returns.
--- @param value any
--- @param what string the name of the value in the text of a TypeError
--- @return string
function M.text(value, what)
   local kind = type(value)
   if kind == "string" then
      return websocket.to_utf8(value)
   elseif kind ~= "number" then
      raise("TypeError", ("%s must be a string, got %s"):format(what, kind))
   end
   return tostring(value)
end

--- Returns a table as it is, and an empty one for nil.
--- @param value any
--- @param what string
--- @return table
function M.dictionary(value, what)
   if value ~= nil and type(value) ~= "table" then
      raise("TypeError", ("%s must be a table, got %s"):format(what, type(value)))
   end
   return value or {}
end

--- Converts a value to an integer: clamped to 0-65535, a half rounded to the even neighbour, 0 for what is not a number
--- (Web IDL, [Clamp] unsigned short).
--- @param value any
--- @return integer
function M.clamped(value)
   local number = tonumber(value) or 0
   if number ~= number or number <= 0 then
      return 0
   elseif number >= 65535 then
      return 65535
   end
   local below = floor(number)
   local rest = number - below
   if rest > 0.5 or (rest == 0.5 and below % 2 == 1) then
      below = below + 1
   end
   return closing.integer(below)
end

--- Converts a value to an integer without a limit: rounded towards zero, 0 for what is not a number.
--- @param value any
--- @param default number the result for nil
--- @return number
function M.offset(value, default)
   local number = default
   if value ~= nil then
      number = tonumber(value) or 0
   end
   if number ~= number then
      return 0
   elseif number == huge or number == -huge then
      return number
   end
   return number < 0 and -floor(-number) or floor(number)
end

--- Converts a value to an integer: rounded towards zero, modulo 65536 (Web IDL, unsigned short).
--- @param value any nil gives 0
--- @return integer
function M.short(value)
   local number = M.offset(value, 0)
   return (number == huge or number == -huge) and 0 or closing.integer(number % 65536)
end

return M
