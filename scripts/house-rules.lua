-- Checks the rules of the house, in the project's folder. Prints every breach and exits 1 where there is one.
--
--   lua scripts/house-rules.lua            checks the tree
--   lua scripts/house-rules.lua examples   checks the rules: each must find its planted breach (rules/examples.lua)
--
-- A rule is a function of the whole tree, paths to texts, that returns its breaches. CONTRIBUTING.md lists the rules.

package.path = "scripts/lib/rules/?.lua;" .. package.path

local rules = {}
for _, name in ipairs({ "rust", "lua", "files", "faults", "links" }) do
   for rule, check in pairs(require(name)) do
      rules[name .. "." .. rule] = check
   end
end

local function read(path)
   local file = assert(io.open(path))
   local text = file:read("*a")
   file:close()
   return text
end

local function read_tree()
   local tree = {}
   local listing = io.popen(
      "find *.md LICENSE src cli lua tests spec examples scripts rockspec fuzz benches docs -type f"
         .. " -not -path '*/node_modules/*' 2>/dev/null")
   for path in listing:lines() do
      tree[path] = read(path)
   end
   listing:close()
   return tree
end

local found = arg[1] == "examples" and require("examples").check(rules) or {}
if arg[1] ~= "examples" then
   local tree = read_tree()
   for _, check in pairs(rules) do
      for _, breach in ipairs(check(tree)) do
         found[#found + 1] = breach.path .. ": " .. breach.text
      end
   end
end
table.sort(found)
for _, line in ipairs(found) do
   io.stderr:write(line, "\n")
end
os.exit(#found == 0 and 0 or 1)
