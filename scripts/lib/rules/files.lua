-- The rules for every source file, of any language.
-- Comes in: a tree, paths to texts. Goes out: breaches, `{path, text}`.

local circles = require "circles"

local M = {}

local LONGEST = 400
local vague_names = { util = true, utils = true, helper = true, helpers = true, manager = true }
local counted = { rs = true, lua = true, py = true, js = true }

local function each_path(tree, check)
   local breaches = {}
   for _, path in ipairs(circles.sorted_keys(tree)) do
      local text = check(path, tree[path])
      if text then
         breaches[#breaches + 1] = { path = path, text = text }
      end
   end
   return breaches
end

--- A file can be read in one sitting.
function M.length(tree)
   return each_path(tree, function(path, text)
      local _, lines = text:gsub("\n", "")
      if counted[path:match("%.(%w+)$")] and lines > LONGEST then
         return ("%d lines, limit %d: split it"):format(lines, LONGEST)
      end
   end)
end

--- The name of a file or folder tells what is in it.
function M.names(tree)
   return each_path(tree, function(path)
      if vague_names[path:match("([^/]+)/[^/]*$")] or vague_names[path:match("([^/]+)%.%w+$")] then
         return "the name does not tell what is inside"
      end
   end)
end

return M
