--- Runs a script in a process of its own, on the same kind of interpreter as this one.
--- Comes in: Lua source, an environment. Goes out: what the script printed, its exit status, and when it ended. This is
--- for what a process shows only once: its environment, the loading of modules, and its end.

local client = require "client"
local servers = require "servers"
local shell = require "shell"

local quote = shell.quote

local M = {}

--- The end of a child process.
--- @class ChildResult
--- @field output string what it wrote to stdout and stderr
--- @field status integer its exit status as the shell reports it: 124 if it was killed because it took too long
--- @field ended number when it ended, by the clock of `client.now`

--- A child process that is still running.
--- @class Child
--- @field pid integer
--- @field ready string the line that it printed when it was ready
--- @field finish fun(): ChildResult waits for the end; the output is what came after the line `ready`

--- Seconds after which a child is killed.
local PATIENCE = 60

-- A script may require busted's libraries, which some Luas have from another one.
local BORROWING = os.getenv("BUSTED_PATH") and 'dofile "scripts/lib/borrow-busted.lua"\n' or ""

local resolver

--- Returns the command of this interpreter.
--- @return string
function M.interpreter()
   local first = 0
   while arg[first - 1] do
      first = first - 1
   end
   return arg[first]
end

-- Returns the command that runs a script, and kills it after PATIENCE seconds. The prefix may be nil.
local function command_for(source, env, prefix)
   local path = servers.write("child-" .. servers.token() .. ".lua", string.format(
      "package.path, package.cpath = %q, %q\n%s%s", package.path, package.cpath, BORROWING, source))
   local words = { "timeout --kill-after=1", PATIENCE, "env" }
   for name, value in pairs(env) do
      -- The options of env must come before its assignments.
      if value then
         words[#words + 1] = quote(name .. "=" .. value)
      else
         table.insert(words, 4, "-u " .. quote(name))
      end
   end
   words[#words + 1] = prefix
   words[#words + 1] = quote(M.interpreter())
   words[#words + 1] = quote(path)
   return table.concat(words, " ")
end

--- Runs a script to its end. It finds the same modules as this interpreter, those of spec/support included.
--- @param source string
--- @param env? table<string, string|false> variables to set; false unsets one
--- @param prefix? string words of a command that runs the interpreter
--- @return ChildResult
function M.run(source, env, prefix)
   local output, status = shell.execute(command_for(source, env or {}, prefix))
   return { output = output, status = status, ended = client.now() }
end

--- Starts a script that prints a line when it is ready, and waits for that line.
--- @param source string must flush its output
--- @return Child
function M.start(source)
   local command = command_for(source, {}, [[sh -c 'echo $$; exec "$@"' sh]])
   local pipe = assert(io.popen(command .. shell.WITH_STATUS))
   local child = { pid = tonumber(pipe:read("*l")), ready = pipe:read("*l") }
   function child.finish()
      local output, status = shell.status_of(pipe:read("*a"))
      pipe:close()
      return { output = output, status = status, ended = client.now() }
   end
   return child
end

--- Compiles resolver.c once in a run of the specs, and returns the environment that loads it before the C library. The
--- variable CC names the compiler for this interpreter.
--- @return table<string, string> env for `run`
function M.with_resolver()
   if not resolver then
      resolver = servers.file("resolver.so")
      local output, status = shell.execute(("%s -shared -fPIC -o %s spec/support/resolver.c -ldl"):format(
         os.getenv("CC") or "cc", quote(resolver)))
      assert(status == 0, output)
   end
   local before = os.getenv("LD_PRELOAD") -- the library of a sanitizer must come first
   -- The names of resolver.c are for this process alone, so no proxy is asked for them.
   return { LD_PRELOAD = before and before .. ":" .. resolver or resolver, no_proxy = "*" }
end

return M
