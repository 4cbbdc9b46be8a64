-- The rules for Lua files.
-- Comes in: a tree, paths to texts. Goes out: breaches, `{path, text}`. ARCHITECTURE.md gives the reasons.

local circles = require "circles"

local M = {}

local STEP = 3

-- The code without comments. A `--` inside a string cuts that line short, which hides no `require`.
local function bare(text)
   return (("\n" .. text):gsub("%-%-%[(=*)%[.-%]%1%]", ""):gsub("%-%-[^\n]*", ""))
end

-- Where `require` looks for a module of ours.
local places = {
   "lua/%s.lua", "lua/%s/init.lua", "spec/support/%s.lua", "examples/%s.lua", "scripts/lib/rules/%s.lua",
}

local function each_file(tree, pattern, check)
   local breaches = {}
   for _, path in ipairs(circles.sorted_keys(tree)) do
      if path:find(pattern) then
         check(path, tree[path], function(text, ...)
            breaches[#breaches + 1] = { path = path, text = text:format(...) }
         end)
      end
   end
   return breaches
end

--- No two files require each other, directly or by others.
function M.circles(tree)
   local edges = {}
   each_file(tree, "%.lua$", function(path, text)
      edges[path] = {}
      for name in bare(text):gmatch("%f[%w_]require%f[^%w_]%s*%(?%s*[\"']([%w_.]+)[\"']") do
         for _, place in ipairs(places) do
            local target = place:format((name:gsub("%.", "/")))
            if tree[target] and target ~= path then
               edges[path][target] = true
            end
         end
      end
   end)
   return circles.breaches(edges)
end

-- The files that belong to the shape `client`, since lua-websockets has modules of these names.
local client = { client_copas = "client", client_ev = "client", client_sync = "client", frame = "client" }

--- A shape stands on the public calls of `websocket` and on the adapters of loops, so that anyone could write one. An
--- adapter requires its loop's library, too.
function M.shapes(tree)
   return each_file(tree, "^lua/websocket/.*%.lua$", function(path, text, breach)
      if path == "lua/websocket/init.lua" or path == "lua/websocket/types.lua" then
         return
      end
      local own = path:match("^lua/websocket/([%w_]+)")
      own = client[own] or own
      for what in bare(text):gmatch("%f[%w_]require%f[^%w_]%s*%(?%s*([^\n]*)") do
         local name = what:match('^"([%w_.]+)"')
         local other = name and (name .. "."):match("^websocket%.([%w_]+)%.")
         other = client[other] or other
         local is_allowed = other == "shape" or other == "loop" or other == own
         local is_of_a_loop = own == "loop" and name and not other
         if name ~= "websocket" and not is_allowed and not is_of_a_loop then
            breach("a shape may require websocket, websocket.{shape,loop}.* and its own files, not %s", name or what)
         end
      end
      for _, door in ipairs({ "_host", "websocket.core", "package.loaded", "getregistry" }) do
         if text:find(door, 1, true) then
            breach("%s is named here; a shape uses the public calls of websocket alone", door)
         end
      end
   end)
end

--- Every Lua file is indented in steps of three spaces.
function M.indentation(tree)
   return each_file(tree, "%.lua$", function(_, text, breach)
      local number = 0
      for line in text:gmatch("([^\n]*)\n") do
         number = number + 1
         local space = line:match("^(%s*)%S")
         if space and (space:find("\t", 1, true) or #space % STEP ~= 0) then
            return breach("line %d is not indented in steps of %d spaces", number, STEP)
         end
      end
   end)
end

return M
