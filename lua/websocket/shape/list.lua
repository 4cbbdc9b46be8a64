-- Lists, as scripts pass them to the shapes.
-- Comes in: any value. Goes out: how many elements it has, or a text that says why it is no list. Knows nothing of what
-- the elements are for.

local next, rawget, type = next, rawget, type

local M = {}

--- Counts the elements of a list: a table whose only keys are 1 to the count.
--- @param value any
--- @param of string what its elements are, for the text
--- @return integer? count nil where it is no list
--- @return string? problem
function M.count(value, of)
   if type(value) ~= "table" then
      return nil, ("list of %s expected, got %s"):format(of, type(value))
   end
   local count = 0
   for key in next, value do
      if type(key) ~= "number" then
         return nil, ("list of %s expected, got a table with a %s as key"):format(of, type(key))
      end
      count = count + 1
   end
   for index = 1, count do
      if rawget(value, index) == nil then
         return nil, ("list of %s expected, element %d is missing"):format(of, index)
      end
   end
   return count
end

return M
