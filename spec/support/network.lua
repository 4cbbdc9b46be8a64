--- Makes a network of its own for a spec: two network namespaces that a cable joins, with a test server in one of them.
--- Comes in: scripts of clients. Goes out: what they printed, and commands that cut the cable or spoil it. network.sh
--- makes the namespaces, lists their addresses, and removes them when this process ends, however it ends.

local child = require "child"
local clock = require "clock"
local servers = require "servers"
local shell = require "shell"

local M = {}

--- Seconds until the namespaces and their server must be ready.
local PATIENCE = 60

--- Two namespaces with a test server.
--- @class Network
--- @field name string of the namespaces, without `-client` and `-server`
--- @field url string of the server's echo, with its IPv4 address
--- @field port integer of the server
--- @field run fun(source: string): ChildResult runs a script in the namespace of the client
--- @field inside fun(side: string, command: string): string returns a command that runs in a namespace
--- @field remove fun()

local function read_file(path)
   local file = io.open(path, "rb")
   local text = file and file:read("*a") or ""
   return text, file and file:close()
end

-- Returns the line that network.sh prints, and the pipe that keeps the namespaces.
local function started(directory)
   assert(os.execute("mkdir -p " .. shell.quote(directory)))
   local log = directory .. "/network.log"
   local pipe = assert(io.popen(string.format("{ sh spec/support/network.sh %s %s || echo failed; } >%s 2>&1",
      shell.quote(directory), shell.quote(os.getenv("TEST_SERVER") or "target/debug/test-server"),
      shell.quote(log)), "w"))
   for _ = 1, PATIENCE * 20 do
      local text = read_file(log)
      local last = text:match("([^\n]*)\n$") or ""
      if last:match("^ready ") or last:match("^cannot ") then
         return last, pipe
      elseif last == "failed" then
         pipe:close()
         error("network.sh failed:\n" .. text)
      end
      clock.sleep(0.05)
   end
   pipe:close()
   error(string.format("network.sh was not ready after %d s:\n%s", PATIENCE, (read_file(log))))
end

--- Makes the namespaces, and starts the server.
--- @return Network? network nil where the system does not allow it
--- @return string? reason why there is none
function M.new()
   local directory = servers.file("network-" .. servers.token())
   local line, pipe = started(directory)
   local name = line:match("^ready (.*)")
   if not name then
      pipe:close()
      return nil, "no network of its own " .. line:match("^cannot (.*)")
   end
   local network = { name = name, port = assert(loadfile(directory .. "/ports.lua"))().ws }
   network.url = "ws://198.51.100.2:" .. network.port .. "/echo"
   function network.inside(side, command)
      return string.format("ip netns exec %s-%s %s", name, side, command)
   end
   function network.run(source)
      return child.run(source, {}, network.inside("client", ""))
   end
   function network.remove()
      pipe:close()
   end
   return network
end

--- Returns a command that cuts the cable without a word to either side.
--- @param network Network
--- @return string
function M.cutting(network)
   return "ip -n " .. network.name .. "-server link set cable down"
end

--- Lets the cable carry 1 Mbit/s in each direction, and lose 5 % of the packets that arrive at either end.
--- @param network Network
--- @return boolean? spoiled nil where the kernel cannot
--- @return string? reason what it said
function M.spoil(network)
   for _, side in ipairs({ "client", "server" }) do
      for _, command in ipairs({
         "tc qdisc add dev cable root tbf rate 1mbit burst 4000 latency 200ms",
         "nft add table inet spoiled",
         "nft add chain inet spoiled arriving '{ type filter hook input priority 0; }'",
         "nft add rule inet spoiled arriving meta l4proto tcp numgen random mod 100 '<' 5 counter drop",
      }) do
         local output, status = shell.execute(network.inside(side, command))
         if status ~= 0 then
            return nil, "no lossy cable: " .. output:gsub("%s+$", "")
         end
      end
   end
   return true
end

--- Returns how many packets the cable has lost on their way to one side.
--- @param network Network
--- @param side string `client` or `server`
--- @return integer
function M.lost(network, side)
   local output, status = shell.execute(network.inside(side, "nft list table inet spoiled"))
   assert(status == 0, output)
   return tonumber(output:match("counter packets (%d+)"))
end

return M
