-- Writes docs/api.md, the reference of every function, record and option, from lua/websocket/types.lua.
--
--   lua scripts/lib/book/api.lua           compares the page with what it should be; exits 1 where they differ
--   lua scripts/lib/book/api.lua --write   writes the page

package.path = "scripts/lib/book/?.lua;" .. package.path
local luacats = require "luacats"

local PAGE = "docs/api.md"

--- How the page names the objects of types.lua.
local shown = { websocket = "websocket", connection = "ws", timer = "timer" }

--- Where docs/options.md describes the options of a class.
local option_sections = {
   ["websocket.Options"] = "options-of-a-connection",
   ["websocket.BasicAuth"] = "basic_auth",
   ["websocket.TlsOptions"] = "tls",
   ["websocket.CompressionOptions"] = "compression",
   ["websocket.ReconnectOptions"] = "reconnect",
   ["websocket.SendOptions"] = "options-of-a-message",
}

local HEAD = [[
# Every function

<!-- Written by `scripts/docs` from lua/websocket/types.lua. -->

What `require "websocket"` has, in short. [How it works](reference.md) says how the parts work together, and
[Options](options.md) describes every option. Times are in seconds and sizes in bytes. A wrong argument raises an error
at the line of the caller.
]]

local function read(path)
   local file = assert(io.open(path, "rb"))
   local text = file:read("*a")
   file:close()
   return text
end

-- Splits a type at the bars that stand outside of brackets.
local function alternatives(kind)
   local parts, depth, from = {}, 0, 1
   if kind:find("^fun%(") then
      return { kind } -- a bar may belong to what the function returns
   end
   for at = 1, #kind do
      local char = kind:sub(at, at)
      if char:find("[(<{]") then
         depth = depth + 1
      elseif char:find("[)>}]") then
         depth = depth - 1
      elseif char == "|" and depth == 0 then
         parts[#parts + 1], from = kind:sub(from, at - 1), at + 1
      end
   end
   parts[#parts + 1] = kind:sub(from)
   return parts
end

local function anchor(name)
   return (name:lower():gsub("[^%w_]", ""))
end

-- Returns a type as Markdown, in which the names of classes and aliases are links.
local function type_text(kind, known)
   local parts = {}
   if not kind:find("^fun%(") and kind:find("%?$") then
      kind = kind:sub(1, -2) .. "|nil"
   end
   for _, part in ipairs(alternatives(kind)) do
      local name = part:gsub("%[%]$", "")
      parts[#parts + 1] = known[name] and ("[`%s`](#%s)"):format(part, anchor(name)) or "`" .. part .. "`"
   end
   return table.concat(parts, " or ")
end

local function value_line(value, known)
   local text = value.text ~= "" and ": " .. value.text or ""
   local name = value.name and ("`%s`, "):format(value.name) or ""
   local says_nil = value.type:find("%?$") and not value.type:find("^fun%(")
   local optional = value.is_optional and not says_nil and "optional " or ""
   return ("- %s%s%s%s"):format(name, optional, type_text(value.type, known), text)
end

local function add_values(lines, title, values, known)
   if #values > 0 then
      lines[#lines + 1] = title .. "\n"
      for _, value in ipairs(values) do
         lines[#lines + 1] = value_line(value, known)
      end
      lines[#lines + 1] = ""
   end
end

-- Returns the parameters as a call shows them, for instance `url[, options]`.
local function arguments(fn)
   local parts, open = {}, 0
   for index, parameter in ipairs(fn.parameters) do
      local separator = index > 1 and ", " or ""
      if parameter.is_optional then
         separator, open = "[" .. separator, open + 1
      end
      parts[#parts + 1] = separator .. parameter.name
   end
   return table.concat(parts) .. ("]"):rep(open)
end

local function add_function(lines, fn, known)
   local name = shown[fn.owner] .. fn.separator .. fn.name
   lines[#lines + 1] = ("### `%s`\n\n`%s(%s)`\n\n%s\n"):format(name, name, arguments(fn), fn.text)
   add_values(lines, "Parameters:", fn.parameters, known)
   add_values(lines, "Returns:", fn.returns, known)
   for _, overload in ipairs(fn.overloads) do
      lines[#lines + 1] = ("It can also be called as `%s`.\n"):format(overload)
   end
end

local function add_class(lines, class, known)
   local section = option_sections[class.name]
   lines[#lines + 1] = ("### `%s`\n\n%s\n"):format(class.name, class.text)
   if section then
      local names = {}
      for _, field in ipairs(class.fields) do
         local facts = field.text:match("%. %(([^()]*)%)$") -- range and default, after the sentence of an option
         facts = facts and ": " .. facts or ""
         names[#names + 1] = ("- `%s`, %s%s"):format(field.name, type_text(field.type, known), facts)
      end
      lines[#lines + 1] = ("[Options](options.md#%s) describes them:\n"):format(section)
      lines[#lines + 1] = table.concat(names, "\n") .. "\n"
   else
      add_values(lines, "Fields:", class.fields, known)
   end
end

-- Adds the modules for the loops of other programs, each with its functions.
local function add_loops(lines, known)
   local listing = io.popen("ls lua/websocket/loop/*.lua 2>/dev/null")
   local paths = listing:read("*a")
   listing:close()
   if paths ~= "" then
      lines[#lines + 1] = "## Modules for loops\n"
   end
   for path in paths:gmatch("[^\n]+") do
      local model = luacats.parse(read(path))
      lines[#lines + 1] = ("### `websocket.loop.%s`\n\n%s\n"):format(path:match("([^/]+)%.lua$"), model.header)
      for _, fn in ipairs(model.functions) do
         lines[#lines + 1] = ("- `%s(%s)`: %s"):format(fn.name, arguments(fn), fn.text)
         for _, parameter in ipairs(fn.parameters) do
            lines[#lines + 1] = "    " .. value_line(parameter, known)
         end
      end
      lines[#lines + 1] = ""
   end
end

local function add_functions(lines, title, model, owner, known)
   lines[#lines + 1] = "## " .. title .. "\n"
   for _, fn in ipairs(model.functions) do
      if fn.owner == owner then
         add_function(lines, fn, known)
      end
   end
end

-- Returns the objects that have functions, by the local name that types.lua gives them, and the names that are links.
local function names(model)
   local objects, known = {}, {}
   for _, class in ipairs(model.classes) do
      known[class.name] = class.name ~= "websocket"
      if class.object then
         objects[#objects + 1] = { name = class.object, class = class }
      end
   end
   for _, alias in ipairs(model.aliases) do
      known[alias.name] = true
   end
   return objects, known
end

local function render(model)
   local objects, known = names(model)
   local lines = { HEAD }
   for _, object in ipairs(objects) do
      if object.name == "websocket" then
         add_functions(lines, "The module", model, object.name, known)
         for _, value in ipairs(model.values) do
            lines[#lines + 1] = ("### `%s`\n\n%s\n"):format(value.name, value.text)
         end
      end
   end
   for _, object in ipairs(objects) do
      if object.name ~= "websocket" then
         local title = object.class.name:match("[^.]+$")
         lines[#lines + 1] = ("## `%s`\n\n%s Below, `%s` is one.\n"):format(object.class.name, object.class.text,
            shown[object.name] or error(("the page has no name for a %s"):format(title)))
         for _, fn in ipairs(model.functions) do
            if fn.owner == object.name then
               add_function(lines, fn, known)
            end
         end
      end
   end
   add_loops(lines, known)
   lines[#lines + 1] = "## Records and options\n"
   for _, class in ipairs(model.classes) do
      if not class.object then
         add_class(lines, class, known)
      end
   end
   lines[#lines + 1] = "## Names of types\n"
   for _, alias in ipairs(model.aliases) do
      lines[#lines + 1] = ("### `%s`\n\n%s\n"):format(alias.name,
         (alias.text ~= "" and alias.text .. "\n\n" or "") .. type_text(alias.type, known))
   end
   return (table.concat(lines, "\n"):gsub("\n\n\n+", "\n\n"):gsub("\n+$", "\n"))
end

local wanted = render(luacats.read())
if arg[1] == "--write" then
   local file = assert(io.open(PAGE, "wb"))
   file:write(wanted)
   file:close()
elseif read(PAGE) ~= wanted then
   io.stderr:write(PAGE, " differs from lua/websocket/types.lua: run scripts/docs, which writes it\n")
   os.exit(1)
end
