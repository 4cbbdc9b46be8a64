--- Compares what lua/websocket/types.lua declares with what a running module has.
--- Comes in: the text of such a file, and tables. Goes out: differences, as texts in the order of their names. Names
--- that begin with an underscore and a small letter are private.

package.path = "scripts/lib/book/?.lua;" .. package.path
local luacats = require "luacats"

local M = {}

local function is_private(name)
   return type(name) == "string" and name:find("^_%l") ~= nil
end

local function sorted(set)
   local names = {}
   for name in pairs(set) do
      names[#names + 1] = name
   end
   table.sort(names)
   return names
end

--- Returns what a file of annotations declares.
--- @param source string
--- @return table model as luacats.parse makes it
function M.model(source)
   return luacats.parse(source)
end

--- Returns what the module's own files of annotations declare.
--- @return table model
function M.whole()
   return luacats.read()
end

--- Returns the names that are given to an object of the file: its functions and values.
--- @param model table
--- @param owner string the local name of the object in the file
--- @return table<string, true>
function M.names_of(model, owner)
   local names = {}
   for _, fn in ipairs(model.functions) do
      if fn.owner == owner then
         names[fn.name] = true
      end
   end
   for _, value in ipairs(model.values) do
      local of, name = value.name:match("^(%w+)%.(.+)$")
      if of == owner then
         names[name] = true
      end
   end
   return names
end

--- Compares declared names with the keys of a table.
--- @param what string for the texts
--- @param declared table<string, true>
--- @param found table
--- @return string[] differences
function M.compare_names(what, declared, found)
   local differences = {}
   for _, name in ipairs(sorted(declared)) do
      if found[name] == nil then
         differences[#differences + 1] = ("%s has no %s, which is declared"):format(what, name)
      end
   end
   for _, name in ipairs(sorted(found)) do
      if not declared[name] and not is_private(name) then
         differences[#differences + 1] = ("%s has %s, which is not declared"):format(what, name)
      end
   end
   return differences
end

--- The Lua types that a declared type allows, where the declaration says so by itself.
local simple = {
   string = "string", integer = "number", number = "number", boolean = "boolean", table = "table",
}

local function type_allows(kind, value)
   local wanted = simple[kind]
   if kind:find("^table<") or kind:find("%[%]$") then
      wanted = "table"
   end
   return not wanted or type(value) == wanted
end

--- Compares the declared fields of a class with a record: no other fields, all that are not optional, and their types.
--- @param model table
--- @param class string the name of the class
--- @param record table
--- @return string[] differences
function M.compare_record(model, class, record)
   local differences, fields = {}, {}
   for _, each in ipairs(model.classes) do
      if each.name == class then
         for _, field in ipairs(each.fields) do
            local value = record[field.name]
            fields[field.name] = true
            if value == nil and not field.is_optional then
               differences[#differences + 1] = ("a %s has no %s, which is declared"):format(class, field.name)
            elseif value ~= nil and not type_allows(field.type, value) then
               differences[#differences + 1] = ("%s of a %s is a %s, declared as %s"):format(field.name, class,
                  type(value), field.type)
            end
         end
      end
   end
   for _, name in ipairs(sorted(record)) do
      if not fields[name] then
         differences[#differences + 1] = ("a %s has %s, which is not declared"):format(class, name)
      end
   end
   return differences
end

--- Compares the names of parameters that the annotations have with those of the functions below them.
--- @param model table
--- @return string[] differences
function M.compare_parameters(model)
   local differences = {}
   for _, fn in ipairs(model.functions) do
      local names = {}
      for _, parameter in ipairs(fn.parameters) do
         names[#names + 1] = parameter.name
      end
      local annotated = table.concat(names, ", ")
      if annotated ~= fn.arguments then
         differences[#differences + 1] = ("%s%s%s(%s) is annotated with (%s)"):format(fn.owner, fn.separator, fn.name,
            fn.arguments, annotated)
      end
      if fn.text == "" then
         differences[#differences + 1] = ("%s%s%s has no text"):format(fn.owner, fn.separator, fn.name)
      end
   end
   return differences
end

--- Tells which names of a module its own file does not annotate: neither by a comment of `---` above their definition
--- nor by an `@field`.
--- @param source string the text of the module's file
--- @param found table the module
--- @return string[] differences
function M.unannotated(source, found)
   local differences = {}
   for _, name in ipairs(sorted(found)) do
      local defined = "\n%-%-%-[^\n]*\n[^\n]-%f[%w_]" .. name .. "%f[^%w_]"
      local is_annotated = source:find("%-%-%- @field " .. name .. "%f[^%w_]") or source:find(defined)
      if not is_annotated and not is_private(name) then
         differences[#differences + 1] = name .. " is not annotated"
      end
   end
   return differences
end

return M
