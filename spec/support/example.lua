--- Runs scripts of examples/ as their users do: in a process of their own, on the same kind of interpreter as this one.
--- Comes in: a name, arguments, an environment. Goes out: what the script printed, and its exit status.

local child = require "child"
local shell = require "shell"

local M = {}

--- Seconds after which a script is killed.
local PATIENCE = 120

--- Runs a script to its end.
--- @param name string such as `obs`
--- @param arguments? (string|integer)[]
--- @param environment? table<string, string> variables to set
--- @return string output what it wrote to stdout and stderr, with a space in place of each tab
--- @return integer status its exit status as the shell reports it: 124 if it was killed because it took too long
function M.run(name, arguments, environment)
   local words = { "timeout --kill-after=1", PATIENCE, "env" }
   for variable, value in pairs(environment or {}) do
      words[#words + 1] = shell.quote(variable .. "=" .. value)
   end
   words[#words + 1] = shell.quote(child.interpreter())
   words[#words + 1] = ("examples/%s.lua"):format(name)
   for _, argument in ipairs(arguments or {}) do
      words[#words + 1] = shell.quote(tostring(argument))
   end
   local output, status = shell.execute(table.concat(words, " "))
   return (output:gsub("\t", " ")), status
end

--- Runs a script that must end well, and returns what it printed, line by line.
--- @param name string
--- @param arguments? (string|integer)[]
--- @param environment? table<string, string>
--- @return string[]
function M.lines(name, arguments, environment)
   local output, status = M.run(name, arguments, environment)
   assert(status == 0, ("examples/%s.lua ended with status %d:\n%s"):format(name, status, output))
   local lines = {}
   for line in output:gmatch("[^\n]+") do
      lines[#lines + 1] = line
   end
   return lines
end

return M
