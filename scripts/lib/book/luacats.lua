--- Parses the annotations (LuaCATS) of lua/websocket/types.lua and of the file beside it.
--- Comes in: texts. Goes out: classes, aliases and functions, in their order. Does not know what they are read for.

local M = {}

local FILES = { "lua/websocket/types.lua", "lua/websocket/types/records.lua" }

--- @class luacats.Value
--- @field name? string
--- @field type string
--- @field is_optional boolean
--- @field text string

--- @class luacats.Function
--- @field owner string the local name of the table or object that has it
--- @field name string
--- @field separator "."|":"
--- @field text string paragraphs, separated by an empty line
--- @field parameters luacats.Value[]
--- @field returns luacats.Value[]
--- @field overloads string[]

--- @class luacats.Class
--- @field name string
--- @field text string
--- @field fields luacats.Value[]
--- @field object? string the local name by which functions are given to it

--- @class luacats.Alias
--- @field name string
--- @field type string
--- @field text string

local openers, closers = { ["("] = true, ["<"] = true, ["{"] = true, ["["] = true },
   { [")"] = true, [">"] = true, ["}"] = true, ["]"] = true }

-- Returns the type that a text begins with, and what follows. A space ends a type unless it stands inside of brackets
-- or after a comma, a colon or a bar.
local function split_type(text)
   local depth = 0
   for at = 1, #text do
      local char = text:sub(at, at)
      if openers[char] then
         depth = depth + 1
      elseif closers[char] then
         depth = depth - 1
      elseif char == " " and depth == 0 and not text:sub(1, at - 1):find("[,:|]$") then
         return text:sub(1, at - 1), text:sub(at + 1)
      end
   end
   return text, ""
end

-- Parses `name? type text`.
local function named(line)
   local name, mark, rest = line:match("^([%w_%.]+)(%??) (.*)$")
   if not name then
      error("an annotation without a name: " .. line, 0)
   end
   local kind, text = split_type(rest)
   return { name = name, type = kind, is_optional = mark == "?", text = text }
end

-- Parses `type name text`, of which name and text may be missing.
local function returned(line)
   local kind, rest = split_type(line)
   local name, text = rest:match("^(%S+) ?(.*)$")
   return { name = name, type = kind, is_optional = false, text = text or "" }
end

-- What a tag adds to the block of annotations that is being read.
local tags = {
   class = function(block, line) block.class = line:match("^[%w_%.]+") end,
   alias = function(block, line)
      local name, kind = line:match("^(%S+) (.*)$")
      block.alias = { name = name, type = kind }
   end,
   field = function(block, line) table.insert(block.fields, named(line)) end,
   param = function(block, line) table.insert(block.parameters, named(line)) end,
   ["return"] = function(block, line) table.insert(block.returns, returned(line)) end,
   overload = function(block, line) table.insert(block.overloads, line) end,
   type = function(block, line) block.type = line end,
   meta = function() end,
}

local function new_block()
   return { lines = {}, fields = {}, parameters = {}, returns = {}, overloads = {} }
end

-- Adds a line of a block of annotations.
local function read_annotation(block, line)
   local tag, rest = line:match("^@(%w+) ?(.*)$")
   if not tag then
      table.insert(block.lines, line)
   elseif tags[tag] then
      tags[tag](block, rest)
   else
      error("an unknown tag: @" .. tag, 0)
   end
end

-- Joins the lines of each paragraph.
local function text_of(block)
   local text = table.concat(block.lines, "\n"):gsub("\n\n+", "\0"):gsub("\n", " "):gsub("%z", "\n\n")
   return (text:gsub("^%s+", ""):gsub("%s+$", ""))
end

-- Adds what a block describes, which the line after it may name, to the model.
local function finish(model, block, line)
   local text = text_of(block)
   local owner, separator, name = line:match("^function ([%w_]+)([.:])([%w_]+)%(")
   if name then
      table.insert(model.functions, {
         owner = owner, separator = separator, name = name, text = text,
         parameters = block.parameters, returns = block.returns, overloads = block.overloads,
         arguments = line:match("%((.-)%)"),
      })
   elseif block.class then
      table.insert(model.classes, {
         name = block.class, text = text, fields = block.fields, object = line:match("^local ([%w_]+) = "),
      })
   elseif block.alias then
      table.insert(model.aliases, { name = block.alias.name, type = block.alias.type, text = text })
   elseif block.type then
      table.insert(model.values, { name = line:match("^([%w_%.]+) ="), type = block.type, text = text })
   else
      model.header = model.header or text:match("^[^\n]+")
   end
end

--- Parses the text of a file of annotations.
--- @param source string
--- @return table model `classes`, `aliases`, `functions` and `values`, and the `header`: the first paragraph of a
---    comment that belongs to none of them
function M.parse(source)
   local model = { classes = {}, aliases = {}, functions = {}, values = {} }
   local block
   for line in (source .. "\n"):gmatch("(.-)\n") do
      local annotation = line:match("^%-%-%- ?(.*)$")
      if annotation then
         block = block or new_block()
         read_annotation(block, annotation)
      elseif block then
         finish(model, block, line)
         block = nil
      end
   end
   return model
end

--- Returns what the files of the module declare together, in the folder of the project.
--- @return table
function M.read()
   local texts = {}
   for index, path in ipairs(FILES) do
      local file = assert(io.open(path, "rb"))
      texts[index] = file:read("*a")
      file:close()
   end
   return M.parse(table.concat(texts, "\n"))
end

return M
