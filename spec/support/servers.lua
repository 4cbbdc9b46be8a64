--- Starts the servers that the specs talk to, and spells the URLs that steer them.
-- Comes in: TEST_SERVER, PYTHON_SERVER and NODE_SERVER of the environment, commands that stand in for those that
-- scripts/test has made ready. Goes out: ports, URLs, and what the test server recorded. Knows nothing of the module
-- under test, so it serves where nothing may poll, too.

local M = {}

--- Seconds that a server may take to listen, and a record to come.
local PATIENCE = 30
--- Bytes of a script that a URL takes.
local LONGEST = 4096

-- busted forgets modules after each file, so what must outlive one stands in the registry: pipes that the servers
-- take for their sign of life, and the ports behind them.
local KEY = "websocket-native.servers"
local registry = debug.getregistry()
registry[KEY] = registry[KEY] or { tokens = 0, started = {} }
local state = registry[KEY]

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function read_file(path)
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
  local command = os.getenv(variable) or default
  local base = directory() .. "/" .. name
  local line = string.format("if %s --dir %s --ports-file %s >%s 2>&1; then %s; else echo >%s; fi", command,
    quote(directory()), quote(base .. ".lua"), quote(base .. ".log"), after, quote(base .. ".failed"))
  local pipe = assert(io.popen(line, "w"))
  for _ = 1, PATIENCE * 20 do
    if read_file(base .. ".failed") then
      break
    end
    local text = read_file(base .. ".lua")
    if text then
      local ports = assert((loadstring or load)(text, "=" .. name))()
      state.started[name] = { ports = ports, pipe = pipe }
      return ports
    end
    os.execute("sleep 0.05")
  end
  error(string.format("%s (%s) failed, or does not listen after %d s:\n%s", name, command, PATIENCE,
    read_file(base .. ".log") or ""))
end

--- Returns the ports of the test server by name, starting it at the first call.
-- @treturn table name to number; the names are in README.md
function M.ports()
  return start("test-server", "TEST_SERVER", "target/release/test-server", "rm -rf " .. quote(directory()))
end

--- Returns the ports `ws` and `wss` of the server by Python's websockets.
function M.python()
  M.ports()
  return start("python", "PYTHON_SERVER", "python3 spec/support/python_server.py", ":")
end

--- Returns the ports `ws` and `wss` of the server by Node's ws.
function M.node()
  M.ports()
  return start("node", "NODE_SERVER", "node spec/support/node_server.js", ":")
end

--- Returns the path of a file that the test server made, such as `ca.pem`.
function M.file(name)
  M.ports()
  return directory() .. "/" .. name
end

--- Returns a token that no other spec of this run uses.
function M.token()
  state.tokens = state.tokens + 1
  return "t" .. state.tokens
end

--- Percent-encodes everything but letters, digits and `-._~`.
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

--- Spells a URL of the test server.
-- @string path such as `/echo`
-- @tparam[opt] table query names to values; a list of values repeats the name
-- @string[opt="ws"] port a port's name; one that begins with `wss` makes a wss URL
-- @string[opt] host default `127.0.0.1`, `[::1]` for ws6 and wss6
function M.url(path, query, port, host)
  port = port or "ws"
  local number = M.ports()[port]
  assert(number, "the test server has no port " .. port)
  return M.url_at(number, path, query, port:match("^wss") and "wss" or "ws",
    host or (port:match("^wss?6$") and "[::1]") or "127.0.0.1")
end

--- Spells a URL at any port, as of the Python and Node servers.
-- @int number the port
-- @string path such as `/echo`
-- @tparam[opt] table query as in `url`
-- @string[opt="ws"] scheme
-- @string[opt="127.0.0.1"] host
function M.url_at(number, path, query, scheme, host)
  return string.format("%s://%s:%d%s%s", scheme or "ws", host or "127.0.0.1", number, path, query_string(query or {}))
end

--- Spells the URL of a script; `steps` makes its steps. A long one goes through a file, as URLs have their limits.
-- @tparam table list of steps
-- @string[opt] token to record under
-- @string[opt="ws"] port
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

--- Returns what was recorded for a token up to now; an empty table where nothing was. Numbers are numbers.
-- `port.<name>` is the token of a port: `accepted` counts its connections.
function M.recorded(token)
  local record = {}
  for line in (read_file(M.file("reports/" .. token)) or ""):gmatch("[^\n]+") do
    local key, value = line:match("^([^=]*)=(.*)$")
    value = value:gsub("%%(%x%x)", function(digits)
      return string.char(tonumber(digits, 16))
    end)
    record[key] = value:match("^%d+$") and tonumber(value) or value
  end
  return record
end

--- Tells whether a record has what `wait` asks for: `key`, or `key:least` for a count.
function M.has(record, wait)
  local key, least = wait:match("^(.-):(%d+)$")
  local value = record[key or wait]
  if not least then
    return value ~= nil
  end
  return type(value) == "number" and value >= tonumber(least)
end

--- Waits, without polling the module, until a record has what is asked for, and returns it.
-- @string token
-- @string wait as in `has`
-- @number[opt=30] seconds
function M.await(token, wait, seconds)
  for _ = 1, (seconds or PATIENCE) * 20 do
    local record = M.recorded(token)
    if M.has(record, wait) then
      return record
    end
    os.execute("sleep 0.05")
  end
  error(M.describe(token, wait, seconds or PATIENCE), 2)
end

--- Says what was waited for in vain and what is there.
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
