-- Lets a Lua run busted that no package has it for. Run by busted.lua.
--
-- Comes in: BUSTED_PATH, the path on which another Lua finds busted and the libraries that it needs, and
-- BUSTED_LIBRARIES, what scripts/lib/lua-sources.sh has made of spec/support/luas/libraries.c. Goes out: a searcher for
-- `require` and entries of package.preload, for these libraries alone. Other libraries of that Lua stay unknown, since
-- their parts in C would not load.

local path = assert(os.getenv("BUSTED_PATH"), "BUSTED_PATH is not set")
local libraries = assert(os.getenv("BUSTED_LIBRARIES"), "BUSTED_LIBRARIES is not set")
local compile = rawget(_G, "loadstring") or load

local borrowed = {}
for name in ("busted cliargs luassert mediator pl say system term"):gmatch("%a+") do
   borrowed[name] = true
end

-- Gives the body of the loop around a line a copy of the loop's variable. Returns nothing where no such loop is found.
local function copy_loop_variable(source, line_number, variable)
   local lines = {}
   for line in (source .. "\n"):gmatch("(.-)\n") do
      lines[#lines + 1] = line
   end
   local copy = " local " .. variable .. " = " .. variable .. ";"
   for index = line_number, 1, -1 do
      local names = lines[index]:match("^%s*for%s+([%w_,%s]-)%s+in%s") or lines[index]:match("^%s*for%s+([%w_]+)%s*=")
      if names and (" " .. names .. " "):find("[%s,]" .. variable .. "[%s,]") then
         local head, rest = lines[index]:match("^(.*%f[%w_]do)%f[^%w_](.*)$")
         if not head or rest:find(copy, 1, true) then
            return
         end
         lines[index] = head .. copy .. rest
         return table.concat(lines, "\n")
      end
   end
end

-- Compiles a file. Lua 5.5 refuses assignments to the variables of loops, which the older Luas allow.
local function compile_file(file_path)
   local file = assert(io.open(file_path))
   local source = file:read("*a")
   file:close()
   while true do
      local chunk, problem = compile(source, "@" .. file_path)
      if chunk then
         return chunk
      end
      local line, variable = problem:match(":(%d+): attempt to assign to const variable '([%w_]+)'")
      source = line and copy_loop_variable(source, tonumber(line), variable) or error(problem, 0)
   end
end

local function find(name)
   for template in path:gmatch("[^;]+") do
      local file_path = template:gsub("%?", (name:gsub("%.", "/")))
      local file = io.open(file_path)
      if file then
         file:close()
         return file_path
      end
   end
end

table.insert(package.searchers or rawget(package, "loaders"), function(name)
   local file_path = borrowed[name:match("^[^.]*")] and find(name)
   if file_path then
      return compile_file(file_path), file_path
   end
   return "\n\tno part of busted is named '" .. name .. "'"
end)

for _, name in ipairs({ "lfs", "system.core", "term.core", "descriptor.core" }) do
   package.preload[name] = assert(package.loadlib(libraries, "luaopen_" .. name:gsub("%.", "_")))
end
