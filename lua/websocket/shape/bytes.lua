-- Lists of bytes, for the shapes that represent binary messages as lists of numbers.
-- Comes in: a string, or a list of 0-255. Goes out: the other of the two. Knows no connection.

local lists = require "websocket.shape.list"
local quote = require "websocket.shape.quote"

local byte, char, concat = string.byte, string.char, table.concat
local rawget, type = rawget, type
local unpack = table.unpack or rawget(_G, "unpack")

local M = {}

-- How many bytes one call takes as arguments, which lie on Lua's stack, whose size is limited.
local SLICE = 256

--- Returns the bytes of a string as a 1-based list of 0-255.
--- @param text string
--- @return integer[]
function M.to_list(text)
   local list = {}
   for first = 1, #text, 8 do
      list[first], list[first + 1], list[first + 2], list[first + 3], list[first + 4], list[first + 5],
         list[first + 6], list[first + 7] = byte(text, first, first + 7)
   end
   return list
end

--- Returns the string that a 1-based list of 0-255 stands for. Floats without a fraction are accepted.
--- @param list any
--- @return string? text nil where it is not such a list
--- @return string? problem what is wrong with it
function M.from_list(list)
   local count, problem = lists.count(list, "bytes")
   if not count then
      return nil, problem
   end
   for index = 1, count do
      local value = rawget(list, index)
      if type(value) ~= "number" or not (value >= 0 and value <= 255) or value % 1 ~= 0 then
         local shown = type(value) == "string" and "a string" or quote.value(value) -- no error shows a payload
         return nil, ("element %d is not a byte of 0 to 255: %s"):format(index, shown)
      end
   end
   local parts = {}
   for first = 1, count, SLICE do
      local last = first + SLICE - 1
      parts[#parts + 1] = char(unpack(list, first, last < count and last or count))
   end
   return concat(parts)
end

return M
