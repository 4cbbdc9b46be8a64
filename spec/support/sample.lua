--- Runs the programs of examples/ and of the documents in this interpreter.
--- Comes in: the path of a file or the text of a program, with arguments. Goes out: what the program printed. An error
--- of the program is raised.

local M = {}

--- Returns the text of a file.
--- @param path string
--- @return string
function M.read(path)
   local file = assert(io.open(path))
   local text = file:read("*a")
   file:close()
   return text
end

--- Runs a program and returns what it printed.
--- @param text string
--- @param ... any what the program finds in `arg`
--- @return string
function M.output_of(text, ...)
   local lines = {}
   local environment = setmetatable({
      arg = { ... },
      print = function(...)
         local parts = { ... }
         for index = 1, select("#", ...) do
            parts[index] = tostring(parts[index])
         end
         lines[#lines + 1] = table.concat(parts, " ")
      end,
   }, {
      __index = _G,
      __newindex = function(_, name)
         error("the sample sets the global " .. tostring(name), 2)
      end,
   })
   if setfenv then -- luacheck: compat
      setfenv(assert(loadstring(text, "sample")), environment)() -- luacheck: compat
   else
      assert(load(text, "sample", "t", environment))()
   end
   return table.concat(lines, "\n")
end

return M
