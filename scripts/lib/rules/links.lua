-- The rules for the links of the documents, as the forge shows them. The book is checked where it is built.
-- Comes in: a tree, paths to texts. Goes out: breaches, `{path, text}`. Links to other hosts are not followed.

local circles = require "circles"

local M = {}

-- Returns a document without its blocks and spans of code, in which nothing is a link.
local function prose(text)
   text = ("\n" .. text):gsub("\n( *```)[^\n]*\n.-\n%1", "\n")
   return (text:gsub("`[^`\n]*`", "``"))
end

-- Returns the anchor that the forge gives to a heading.
local function anchor_of(heading)
   local text = heading:gsub("%[(.-)%]%(.-%)", "%1"):lower()
   return (text:gsub("[^%w_ \128-\255-]", ""):gsub(" ", "-"))
end

-- Returns the anchors of a document. The second heading of a text gets `-1`.
local function anchors(text)
   local found, count = {}, {}
   text = ("\n" .. text):gsub("\n( *```)[^\n]*\n.-\n%1", "\n")
   for heading in text:gmatch("\n#+ +([^\n]+)") do
      local anchor = anchor_of(heading)
      local number = count[anchor]
      count[anchor] = (number or 0) + 1
      found[number and anchor .. "-" .. number or anchor] = true
   end
   for anchor in text:gmatch('<a id="([^"]+)">') do
      found[anchor] = true
   end
   return found
end

-- Returns the path of a link from a document, without `..`.
local function resolve(from, link)
   local path = from:match("^(.*/)") or ""
   path = link == "" and from or path .. link
   local count = 1
   while count > 0 do
      path, count = path:gsub("[^/]+/%.%./", "", 1)
   end
   return path
end

local function problem_of(tree, path, link)
   local target, anchor = link:match("^([^#]*)#?(.*)$")
   target = resolve(path, target)
   local text = tree[target]
   if not text then
      return ("the link %s leads to no file"):format(link)
   elseif anchor ~= "" and not anchors(text)[anchor] then
      return ("the link %s leads to no heading of %s"):format(link, target)
   end
end

--- Every link of a document leads to a file of the tree, and to a heading of it.
function M.targets(tree)
   local breaches = {}
   for _, path in ipairs(circles.sorted_keys(tree)) do
      local text = path:match("%.md$") and prose(tree[path]) or ""
      for link in text:gmatch("%]%(([^%s%)]+)[^%)]*%)") do
         local problem = not link:match("^%a+:") and problem_of(tree, path, link)
         if problem then
            breaches[#breaches + 1] = { path = path, text = problem }
         end
      end
   end
   return breaches
end

return M
