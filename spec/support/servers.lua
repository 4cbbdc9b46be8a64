--- Starts the servers that the specs connect to, and makes the URLs that steer them.
--- Comes in: the environment variables TEST_SERVER, PYTHON_SERVER and NODE_SERVER, commands that replace the servers
--- that scripts/test has built. Goes out: ports, URLs, and what the test server recorded. Does not use the module under
--- test, so it can be used while nothing may poll.

local clock = require "clock"
local shell = require "shell"

local quote = shell.quote

local M = {}

--- Seconds that a server may take until it listens, and a record until it is written.
local PATIENCE = 30
--- Bytes of a script that may stand in a URL.
local LONGEST = 4096

-- busted unloads all modules after each file. What must outlive a file is kept in the registry: the ports of the
-- servers, and the pipes to their stdin, whose end makes them exit.
local KEY = "websocket-native.servers"
local registry = debug.getregistry()
registry[KEY] = registry[KEY] or { tokens = 0, started = {} }
local state = registry[KEY]

--- Reads a whole file.
--- @param path string
--- @return string? text nil if there is no such file
function M.read_file(path)
   local file = io.open(path, "rb")
   if not file then
      return nil
   end
   local text = file:read("*a")
   file:close()
   return text
end

local function output_of(command)
   local pipe = assert(io.popen(command))
   local text = pipe:read("*a"):gsub("%s+$", "")
   pipe:close()
   return text
end

local function directory()
   if not state.directory then
      state.directory = output_of("mktemp -d")
      assert(state.directory ~= "", "mktemp -d made no directory")
   end
   return state.directory
end

local function start(name, variable, default, after)
   if state.started[name] then
      return state.started[name].ports
   end
   local command = variable and os.getenv(variable) or default
   local base = directory() .. "/" .. name
   local line = string.format("if %s --dir %s --ports-file %s >%s 2>&1; then %s; else echo >%s; fi", command,
      quote(directory()), quote(base .. ".lua"), quote(base .. ".log"), after, quote(base .. ".failed"))
   local pipe = assert(io.popen(line, "w"))
   for _ = 1, PATIENCE * 20 do
      if M.read_file(base .. ".failed") then
         break
      end
      local text = M.read_file(base .. ".lua")
      if text then
         local ports = assert((loadstring or load)(text, "=" .. name))()
         state.started[name] = { ports = ports, pipe = pipe }
         return ports
      end
      clock.sleep(0.05)
   end
   error(string.format("%s (%s) failed, or does not listen after %d s:\n%s", name, command, PATIENCE,
      M.read_file(base .. ".log") or ""))
end

--- Returns the ports of the test server by name, and starts it at the first call. README.md lists the names.
--- @return table<string, integer>
function M.ports()
   return start("test-server", "TEST_SERVER", "target/debug/test-server", "rm -rf " .. quote(directory()))
end

--- Returns the ports `ws` and `wss` of the server that Python's websockets runs.
--- @return table<string, integer>
function M.python()
   M.ports()
   return start("python", "PYTHON_SERVER", "python3 spec/support/python_server.py", ":")
end

--- Returns the ports `ws` and `wss` of the server that Node's ws runs. It listens at the Unix socket `node.sock`, too.
--- @return table<string, integer>
function M.node()
   M.ports()
   return start("node", "NODE_SERVER", "node spec/support/node_server.js", ":")
end

--- Starts a program of Debian at the first call, and returns its port: `tinyproxy`, `danted`, `mosquitto`,
--- `tinyproxy-auth` and `mosquitto-auth` (user `user`, password `password`), or `nginx`, which speaks TLS before the
--- test server's port `ws`.
--- @param name string
--- @return integer
function M.daemon(name)
   local command = string.format("python3 spec/support/daemon.py %s --upstream %d", name, M.ports().ws)
   return start(name, nil, command, ":").port
end

--- Starts a server of this folder in Python at the first call with these arguments, and returns its ports.
--- @param name string such as `obs` for obs_server.py
--- @param arguments? string words of a command
--- @return table<string, integer>
function M.program(name, arguments)
   M.ports()
   local command = ("python3 spec/support/%s_server.py %s"):format(name, arguments or "")
   return start((name .. (arguments or "")):gsub("%W", "-"), nil, command, ":")
end

--- Returns what a program of Debian has logged of its requests so far.
--- @param name string
--- @return string
function M.daemon_log(name)
   return M.read_file(directory() .. "/" .. name .. ".requests") or ""
end

--- Returns the path of a file in the folder of the test server, such as `ca.pem`.
--- @param name string
--- @return string
function M.file(name)
   M.ports()
   return directory() .. "/" .. name
end

--- Returns the contents of a file of the test server's directory; raises if there is none.
--- @param name string such as `ca.pem`
--- @return string
function M.text(name)
   local text = M.read_file(M.file(name))
   return text or error("the test server has no file " .. name)
end

--- Writes a file in the folder of the test server, and returns its path.
--- @param name string
--- @param text string
--- @return string
function M.write(name, text)
   local path = M.file(name)
   local file = assert(io.open(path, "wb"))
   file:write(text)
   file:close()
   return path
end

--- Returns a token that no other spec of this run uses.
--- @return string
function M.token()
   state.tokens = state.tokens + 1
   return "t" .. state.tokens
end

--- Percent-encodes everything but letters, digits and `-._~`.
--- @param text string|number
--- @return string
function M.encode(text)
   return (tostring(text):gsub("[^%w%-%._~]", function(char)
      return string.format("%%%02X", char:byte())
   end))
end

local function query_string(query)
   local names, parts = {}, {}
   for name in pairs(query) do
      names[#names + 1] = name
   end
   table.sort(names)
   for _, name in ipairs(names) do
      local value = query[name]
      for _, one in ipairs(type(value) == "table" and value or { value }) do
         parts[#parts + 1] = name .. "=" .. M.encode(one)
      end
   end
   return #parts > 0 and "?" .. table.concat(parts, "&") or ""
end

--- Makes a URL of the test server.
--- @param path string such as `/echo`
--- @param query? table<string, any> names to values; a list of values repeats the name
--- @param port? string the name of a port, default `ws`; one that begins with `wss` makes a wss URL
--- @param host? string default `127.0.0.1`, and `[::1]` for ws6 and wss6
--- @return string
function M.url(path, query, port, host)
   port = port or "ws"
   local number = M.ports()[port]
   assert(number, "the test server has no port " .. port)
   return M.url_at(number, path, query, port:match("^wss") and "wss" or "ws",
      host or (port:match("^wss?6$") and "[::1]") or "127.0.0.1")
end

--- Makes a URL with any port, such as one of the Python and Node servers.
--- @param number integer the port
--- @param path string such as `/echo`
--- @param query? table<string, any> as in `url`
--- @param scheme? string default `ws`
--- @param host? string default `127.0.0.1`
--- @return string
function M.url_at(number, path, query, scheme, host)
   return string.format("%s://%s:%d%s%s", scheme or "ws", host or "127.0.0.1", number, path, query_string(query or {}))
end

--- Makes the URL of a script; steps.lua makes the steps. A long script is passed in a file, since URLs must be short.
--- @param list string[] the steps
--- @param token? string of the record
--- @param port? string the name of a port, default `ws`
--- @return string
function M.script(list, token, port)
   local program = table.concat(list, ";")
   if #program <= LONGEST then
      return M.url("/script", { program = program, token = token }, port)
   end
   local name = "script-" .. M.token()
   local file = assert(io.open(M.file(name), "wb"))
   file:write(program)
   file:close()
   return M.url("/script", { file = name, token = token }, port)
end

--- Returns what the test server has recorded for a token so far; an empty table if that is nothing. Values that are
--- numbers are returned as numbers. `port.<name>` is the token of a port: `accepted` counts its connections.
--- @param token string
--- @return table<string, string|number>
function M.recorded(token)
   local record = {}
   for line in (M.read_file(M.file("reports/" .. token)) or ""):gmatch("[^\n]+") do
      local key, value = line:match("^([^=]*)=(.*)$")
      value = value:gsub("%%(%x%x)", function(digits)
         return string.char(tonumber(digits, 16))
      end)
      record[key] = value:match("^%d+$") and tonumber(value) or value
   end
   return record
end

--- Tells whether a record has what `wait` asks for: `key`, or `key:least` for a count.
--- @param record table<string, string|number>
--- @param wait string
--- @return boolean
function M.has(record, wait)
   local key, least = wait:match("^(.-):(%d+)$")
   local value = record[key or wait]
   if not least then
      return value ~= nil
   end
   return type(value) == "number" and value >= tonumber(least)
end

--- Waits until a record has what is asked for, and returns the record; raises at the deadline. Does not poll.
--- @param token string
--- @param wait string as in `has`
--- @param seconds? number default 30
--- @return table<string, string|number>
function M.await(token, wait, seconds)
   for _ = 1, (seconds or PATIENCE) * 20 do
      local record = M.recorded(token)
      if M.has(record, wait) then
         return record
      end
      clock.sleep(0.05)
   end
   error(M.describe(token, wait, seconds or PATIENCE), 2)
end

--- Returns an error text: what did not come, and what the record has instead.
--- @param token string
--- @param wait string
--- @param seconds number
--- @return string
function M.describe(token, wait, seconds)
   local lines = {}
   for key, value in pairs(M.recorded(token)) do
      if key ~= "request" then
         lines[#lines + 1] = "  " .. key .. " = " .. tostring(value)
      end
   end
   table.sort(lines)
   return string.format("the server did not record %s for %s within %g s; it has:\n%s", wait, token, seconds,
      table.concat(lines, "\n"))
end

return M
