--- Runs commands of the shell.
--- Comes in: words and commands. Goes out: what they printed, and their exit status. Knows no program.

local M = {}

--- What a command ends with whose exit status `status_of` reads. Lua 5.1 does not return that of a pipe.
M.WITH_STATUS = " 2>&1; echo \"status $?\""

--- Returns a text as one word of a command.
--- @param text string
--- @return string
function M.quote(text)
   return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Splits what a command with `WITH_STATUS` has printed.
--- @param text string
--- @return string output of stdout and stderr
--- @return integer status
function M.status_of(text)
   local output, status = text:match("^(.*)status (%d+)%s*$")
   return output, tonumber(status)
end

--- Runs a command to its end.
--- @param command string
--- @return string output of stdout and stderr
--- @return integer status
function M.execute(command)
   local pipe = assert(io.popen(command .. M.WITH_STATUS))
   local text = pipe:read("*a")
   pipe:close()
   return M.status_of(text)
end

return M
