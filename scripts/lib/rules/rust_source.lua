-- Reads Rust source as text, without a parser.
-- Comes in: the text of a file. Goes out: its code without comments, strings and tests; the paths that it names.

local M = {}

--- Returns the code without comments, the contents of strings, and the tests at the end of the file.
--- @param text string
--- @return string
function M.bare(text)
   local code = ("\n" .. text):gsub("\n#%[cfg%(test%)%]\nmod [%w_]+ {.*$", "\n")
   code = code:gsub('r#".-"#', '""'):gsub('\\"', ""):gsub("'\"'", "' '"):gsub('"[^"\n]*"', '""')
   return (code:gsub("//[^\n]*", ""))
end

-- Expands `a::{b, c::{self, d}}` to `a::b`, `a::c` and `a::c::d`, each with the name that it gets here.
local function expand(tree, prefix, into)
   tree = tree:match("^%s*(.-)%s*$")
   local head, group = tree:match("^([^{]*)(%b{})$")
   if not group then
      local alias = tree:match("%s+as%s+([%w_]+)$")
      local path = (prefix .. tree:gsub("%s+as%s+[%w_]+$", "")):gsub("%s", ""):gsub("::self$", "")
      into[#into + 1] = { path = path, name = alias or path:match("[%w_*]+$") }
      return
   end
   -- A comma inside braces separates nothing here.
   local depth, item = 0, ""
   for char in (group:sub(2, -2) .. ","):gmatch(".") do
      if char == "," and depth == 0 then
         if item:find("%S") then
            expand(item, prefix .. head, into)
         end
         item = ""
      else
         depth = depth + (char == "{" and 1 or char == "}" and -1 or 0)
         item = item .. char
      end
   end
end

--- Returns what each `use` of the code names: `path` such as `crate::a::B`, the `name` that it gets here, and `public`
--- for a re-export. The second result is the code without them.
--- @param code string bare code
--- @return {path: string, name: string, public: boolean}[]
--- @return string
function M.uses(code)
   local uses = {}
   local rest = code:gsub("\n([^\n%S]*)([^\n;{}]-)%f[%w_]use%s+([^;]-);", function(_, before, tree)
      local first = #uses + 1
      expand(tree, "", uses)
      for index = first, #uses do
         uses[index].public = before:find("pub", 1, true) ~= nil
      end
      return "\n"
   end)
   return uses, rest
end

--- Returns every path in the code that begins with `crate`, `self` or `super`, or with one of these modules.
--- @param code string bare code, without its `use` declarations
--- @param modules table<string, any> names of child modules
--- @return string[]
function M.paths(code, modules)
   local paths = {}
   for path in code:gmatch("%f[%w_]([%l_][%w_]*::[%w_:]+)") do
      local first = path:match("^[%w_]+")
      if first == "crate" or first == "self" or first == "super" or modules[first] then
         paths[#paths + 1] = path
      end
   end
   return paths
end

--- Tells whether the code defines an item of that name itself.
--- @param code string bare code
--- @param name string
--- @return boolean
function M.defines(code, name)
   for _, kind in ipairs({ "fn", "struct", "enum", "trait", "const", "static", "type", "union", "macro_rules!" }) do
      if code:find("%f[%w_]" .. kind .. "%s+" .. name .. "%f[^%w_]") then
         return true
      end
   end
   return false
end

--- Returns the parameters of every function of the code that are of the type `bool` or `&mut bool`, each as
--- `function(parameter)`.
--- @param code string bare code
--- @return string[]
function M.boolean_parameters(code)
   local found = {}
   for name, rest in code:gmatch("%f[%w_]fn%s+([%w_]+)()") do
      local parameters = code:sub(rest):match("^%s*(%b())") or code:sub(rest):match("^%s*%b<>%s*(%b())") or ""
      -- A function type, such as `impl Fn(bool)`, is no parameter.
      local plain = parameters:sub(2, -2):gsub("%b()", "")
      for parameter, kind in (plain .. ","):gmatch("([%w_]+)%s*:%s*([^,]-)%s*,") do
         -- Without its reference, its lifetime and its `mut`.
         if kind:gsub("^&%s*", ""):gsub("^'[%w_]+%s+", ""):gsub("^mut%s+", "") == "bool" then
            found[#found + 1] = name .. "(" .. parameter .. ")"
         end
      end
   end
   return found
end

return M
