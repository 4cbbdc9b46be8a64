-- Resolves what Rust files name to the files that define it.
-- Comes in: the files under src/, paths to texts. Goes out: edges, `edges[from][to] = true`.
--
-- Counted is every `use` and every path in the code that leads to another file, followed through re-exports to the file
-- that defines the name. Not counted are `mod` declarations and re-exports of a file's own children, which only arrange
-- names; a file's own ancestors, since a child module belongs to its parent and Rust lets it use the parent's private
-- items; and tests.

local source = require "rust_source"

local M = {}

-- The module that a file is: `src/lib.rs` is `crate`, `src/a/mod.rs` and `src/a.rs` are `crate::a`.
local function module_of(path)
   local inner = path:match("^src/(.*)%.rs$"):gsub("/mod$", "")
   return inner == "lib" and "crate" or "crate::" .. inner:gsub("/", "::")
end

local function parent_of(module)
   return module:match("^(.*)::[%w_]+$")
end

-- Reads all files: by module its `path`, `code`, `uses`, and the names of its `children`.
local function read_modules(files)
   local modules = { crate = { path = "src/lib.rs", uses = {}, code = "", children = {} } }
   for path, text in pairs(files) do
      local uses, code = source.uses(source.bare(text))
      modules[module_of(path)] = { path = path, uses = uses, code = code, children = {} }
   end
   for name in pairs(modules) do
      local parent = parent_of(name)
      if parent and modules[parent] then
         modules[parent].children[name:match("[%w_]+$")] = name
      end
   end
   return modules
end

local function split(path)
   local segments = {}
   for segment in path:gmatch("[^:]+") do
      segments[#segments + 1] = segment
   end
   return segments
end

-- Makes a path begin with `crate`; returns its segments, or nil where it leads to another crate.
local function absolute(modules, module, path)
   local segments = split(path)
   local first = segments[1]
   local base = module
   if first == "crate" then
      base = "crate"
      table.remove(segments, 1)
   elseif first == "self" then
      table.remove(segments, 1)
   elseif first == "super" then
      while segments[1] == "super" do
         base = parent_of(base) or base
         table.remove(segments, 1)
      end
   elseif not modules[module].children[first] then
      return nil
   end
   return base, segments
end

-- Returns the module whose file defines what a path names, as it is seen from `module`.
local function resolve(modules, module, path, seen)
   local base, segments = absolute(modules, module, path)
   if not base then
      return nil
   end
   while segments[1] and modules[base].children[segments[1]] do
      base = modules[base].children[table.remove(segments, 1)]
   end
   local name = segments[1]
   seen = seen or {}
   local step = base .. "::" .. (name or "")
   if not name or name == "*" or seen[step] or source.defines(modules[base].code, name) then
      return base
   end
   seen[step] = true
   for _, use in ipairs(modules[base].uses) do
      if use.name == name then
         return resolve(modules, base, use.path, seen) or base
      end
   end
   for _, use in ipairs(modules[base].uses) do
      local target = use.name == "*" and resolve(modules, base, use.path, seen)
      if target and source.defines(modules[target].code, name) then
         return target
      end
   end
   return base
end

local function is_ancestor(other, module)
   return other == "crate" or module:sub(1, #other + 2) == other .. "::"
end

--- Returns which file takes what from which.
--- @param files table<string, string> paths under src/ to texts
--- @return table<string, table<string, true>>
function M.edges(files)
   local modules, edges = read_modules(files), {}
   for name, module in pairs(modules) do
      local targets = {}
      local function take(path, is_public)
         local target = resolve(modules, name, path)
         local arranges = target and is_public and is_ancestor(name, target)
         if target and target ~= name and not arranges and not is_ancestor(target, name) then
            targets[modules[target].path] = true
         end
      end
      for _, use in ipairs(module.uses) do
         take(use.path, use.public)
      end
      for _, path in ipairs(source.paths(module.code, module.children)) do
         take(path)
      end
      edges[module.path] = targets
   end
   return edges
end

return M
