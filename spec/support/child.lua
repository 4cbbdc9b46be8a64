--- Runs a script in an interpreter of its own, of the kind that runs this one.
-- Comes in: Lua source, an environment. Goes out: what it printed, its exit status, and when it ended. For what one
-- process can show only once: its environment, its loader, its end.

local client = require "client"
local servers = require "servers"

local M = {}

--- Seconds after which a child is killed.
local PATIENCE = 60

local resolver

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function interpreter()
  local first = 0
  while arg[first - 1] do
    first = first - 1
  end
  return arg[first]
end

local function write(name, text)
  local path = servers.file(name)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

-- Lua 5.1 tells no exit status of a pipe.
local function execute(command)
  local pipe = assert(io.popen(command .. " 2>&1; echo \"status $?\""))
  local text = pipe:read("*a")
  pipe:close()
  local output, status = text:match("^(.*)status (%d+)%s*$")
  return output, tonumber(status)
end

-- Spells the command that runs a script, killed when it is too slow.
local function command_for(source, env, prefix)
  local path = write("child-" .. servers.token() .. ".lua", string.format(
    "package.path, package.cpath = %q, %q\n%s", package.path, package.cpath, source))
  local words = { "timeout --kill-after=1", PATIENCE, "env" }
  for name, value in pairs(env) do
    -- Options of env stand before its assignments.
    if value then
      words[#words + 1] = quote(name .. "=" .. value)
    else
      table.insert(words, 4, "-u " .. quote(name))
    end
  end
  words[#words + 1] = prefix
  words[#words + 1] = quote(interpreter())
  words[#words + 1] = quote(path)
  return table.concat(words, " ")
end

--- Runs a script. It finds every module that this interpreter finds, those of spec/support too.
-- @string source
-- @tparam[opt] table env names to values; false takes a name away
-- @treturn table `output`, `status` (that of the shell: 124 where it was killed as too slow), and `ended`, by the
-- clock of `client.now`
function M.run(source, env)
  local output, status = execute(command_for(source, env or {}))
  return { output = output, status = status, ended = client.now() }
end

--- Starts a script that prints a line when it is ready, and waits for that.
-- @string source which must flush its output
-- @treturn table `pid`, `ready` (the line), and `finish()`, which waits for the end and returns what `run` does, with
-- the rest of the output
function M.start(source)
  local command = command_for(source, {}, [[sh -c 'echo $$; exec "$@"' sh]])
  local pipe = assert(io.popen(command .. " 2>&1; echo \"status $?\""))
  local child = { pid = tonumber(pipe:read("*l")), ready = pipe:read("*l") }
  function child.finish()
    local output, status = pipe:read("*a"):match("^(.*)status (%d+)%s*$")
    pipe:close()
    return { output = output, status = tonumber(status), ended = client.now() }
  end
  return child
end

--- Compiles resolver.c once a run, and returns the environment that puts it before the resolver.
-- @treturn table for `run`
function M.with_resolver()
  if not resolver then
    resolver = servers.file("resolver.so")
    local output, status = execute("cc -shared -fPIC -o " .. quote(resolver) .. " spec/support/resolver.c -ldl")
    assert(status == 0, output)
  end
  local before = os.getenv("LD_PRELOAD") -- a sanitizer's library must come first
  return { LD_PRELOAD = before and before .. ":" .. resolver or resolver }
end

return M
