--- The option tls.keylog, which writes the secrets of TLS sessions for Wireshark. The environment belongs to a process,
--- so each case runs in one of its own.

local child = require "child"
local expect = require "expect"
local servers = require "servers"
local shell = require "shell"

local TLS13 = { "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0",
   "SERVER_TRAFFIC_SECRET_0" }

--- Connects once for each port, one after the other, and prints `open` for each connection that opens.
--- @param ports string[]
--- @param path string|false of SSLKEYLOGFILE
--- @param keylog string[] the values of the option, as Lua source
--- @param prefix? string words of a command that runs the interpreter
local function connects(ports, path, keylog, prefix)
   local lines = { 'local client = require "client"' }
   for at, port in ipairs(ports) do
      lines[#lines + 1] = string.format([[
         client.open(%q, { tls = { ca_file = %q, keylog = %s } })
         io.write("open ")
      ]], servers.url("/echo", nil, port), servers.file("ca.pem"), keylog[at])
   end
   lines[#lines + 1] = "client.finish()"
   return child.run(table.concat(lines, "\n"), { SSLKEYLOGFILE = path }, prefix).output
end

--- Returns the secrets of a file by label, and the number of different sessions.
local function secrets(path)
   local labels, sessions, count = {}, {}, 0
   for line in assert(servers.read_file(path)):gmatch("[^\n]*\n") do
      local label, random, secret = line:match("^([%u%d_]+) (%x+) (%x+)\n$")
      assert(label, line)
      assert.equal(64, #random)
      assert.is_true(#secret >= 64, line)
      labels[label] = secret
      if not sessions[random] then
         sessions[random], count = true, count + 1
      end
   end
   return labels, count
end

local function new_path()
   return servers.file("keylog-" .. servers.token())
end

describe("tls.keylog", function()
   it("writes the secrets of TLS 1.3 and 1.2 to the file that SSLKEYLOGFILE names", function()
      local path = new_path()
      assert.equal("open ", connects({ "wss" }, path, { "true" }))
      local labels, sessions = secrets(path)
      for _, label in ipairs(TLS13) do
         assert.is_string(labels[label], label)
      end
      assert.equal(1, sessions)
      assert.equal("open ", connects({ "wss_tls12" }, path, { "true" }))
      labels, sessions = secrets(path)
      assert.equal(96, #labels.CLIENT_RANDOM)
      -- The file was appended to.
      assert.is_string(labels.CLIENT_TRAFFIC_SECRET_0)
      assert.equal(2, sessions)
   end)

   it("creates the file for its owner alone", function()
      local path = new_path()
      connects({ "wss" }, path, { "true" })
      assert.equal("-rw-------", shell.execute("ls -l " .. shell.quote(path)):match("^%S%S%S%S%S%S%S%S%S%S"))
   end)

   it("writes nothing for connections without it, also beside one with it", function()
      local path = new_path()
      assert.equal("open open ", connects({ "wss", "wss" }, path, { "nil", "false" }))
      assert.is_nil(servers.read_file(path))
      assert.equal("open open open ", connects({ "wss", "wss", "wss" }, path, { "nil", "true", "nil" }))
      local _, sessions = secrets(path)
      assert.equal(1, sessions)
   end)

   it("has no effect without the variable", function()
      assert.equal("open ", connects({ "wss" }, false, { "true" }))
      assert.equal("open ", connects({ "wss" }, "", { "true" }))
   end)

   it("drops the lines that the process may not write, and lives on", function()
      local path = new_path()
      local file = assert(io.open(path, "wb"))
      file:write(("#"):rep(1023), "\n")
      file:close()
      -- In blocks of 512 bytes.
      local limited = [[sh -c 'ulimit -f 2; exec "$@"' sh]]
      assert.equal("open open ", connects({ "wss", "wss_tls12" }, path, { "true", "true" }, limited))
      assert.equal(1024, #servers.read_file(path))
   end)

   it("creates no file where other options are refused", function()
      local path = new_path()
      for options, variables in pairs({
         ["tls = { keylog = true, insecure = true }"] = { https_proxy = "http://127.0.0.1:1" },
         ["tls = { keylog = true }"] = { https_proxy = "ftp://127.0.0.1:1" },
         ['proxy = "https://-tv-", tls = { keylog = true }'] = {},
         ['local_address = "::1", tls = { keylog = true }'] = {},
      }) do
         variables.SSLKEYLOGFILE = path
         local output = child.run(([[
            io.write(tostring(pcall(require("websocket").new, "wss://192.0.2.1/", print, { %s })))
         ]]):format(options), variables).output
         assert.equal("false", output:match("^%a+"), output)
         assert.is_nil(servers.read_file(path), options)
      end
   end)

   it("raises for a file that cannot be opened, with its path", function()
      local on_windows = package.config:sub(1, 1) == "\\"
      local causes = {
         [servers.file("missing/keylog")] = "no such file or directory",
         [servers.file("reports")] = on_windows and "permission denied" or "is a directory",
      }
      if not on_windows then
         local fifo = new_path()
         shell.execute("mkfifo " .. shell.quote(fifo))
         causes[fifo] = "cannot be opened"
      end
      for path, cause in pairs(causes) do
         local output = child.run([[
            local made, text = pcall(require("websocket").new, "wss://127.0.0.1:81/?q=hush", print,
               { tls = { keylog = true } })
            io.write(tostring(made), " ", tostring(text))
         ]], { SSLKEYLOGFILE = path }).output
         expect.holds(output, { "false ", "option tls.keylog", path, "SSLKEYLOGFILE", cause })
         expect.has_no_secrets(output)
      end
   end)
end)
