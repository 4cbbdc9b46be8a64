--- Runs samples, of the examples and of the pages, in this interpreter.
-- Comes in: a file's path or a program's text, with arguments. Goes out: what it printed. Raises what it raises.

local M = {}

--- Returns a file's text.
function M.read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

--- Runs a program and returns what it printed.
-- @string text
-- @param ... what it finds in `arg`
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
