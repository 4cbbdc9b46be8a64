-- The page and the example of websocket.whatwg: the examples run, and the page names every choice of ours.
local servers = require "servers"

local function read(path)
   local file = assert(io.open(path))
   local text = file:read("*a")
   file:close()
   return text
end

-- Runs a program in this interpreter, and returns what it prints.
local function output_of(text, name, ...)
   assert.equal(0, require("websocket").connections()) -- because its run would wait for them
   local lines = {}
   local environment = setmetatable({
      arg = { ... },
      print = function(...)
         local parts = { ... }
         for index = 1, select("#", ...) do
            parts[index] = tostring(parts[index])
         end
         lines[#lines + 1] = table.concat(parts, "\t")
      end,
   }, { __index = _G })
   if setfenv then -- luacheck: compat
      setfenv(assert(loadstring(text, name)), environment)() -- luacheck: compat
   else
      assert(load(text, name, "t", environment))()
   end
   return table.concat(lines, "\n")
end

describe("examples/whatwg.lua", function()
   local text = read("examples/whatwg.lua")
   local expected = "Message from server \tHello Server!\nConnection closed \t1000\tgoodbye\ttrue"

   it("talks to an echo server over ws", function()
      assert.equal(expected, output_of(text, "example", servers.url("/echo")))
   end)

   it("talks to an echo server over wss", function()
      assert.equal(expected, output_of(text, "example", servers.url("/echo", nil, "wss"), servers.file("ca.pem")))
   end)
end)

describe("docs/shapes/whatwg.md", function()
   local page = read("docs/shapes/whatwg.md")

   it("opens with a sample that runs", function()
      local sample = page:match("```lua\n(.-)```")
      local mine, changed = sample:gsub("ws://127%.0%.0%.1:8765/", (servers.url("/echo"):gsub("%%", "%%%%")))
      assert.equal(1, changed)
      assert.equal("Message from server \tHello Server!", output_of(mine, "sample"))
   end)

   it("has a row for each choice of ours", function()
      local ours = page:match("\n## What is ours\n(.-)\n## ")
      for _, choice in ipairs({
         "third argument", "what cannot be sent", "a view", "a reason that is neither", "port 0", "a full buffer",
         "timeStamp",
      }) do
         assert.truthy(ours:find("\n| [^|]*" .. choice:gsub("%p", "%%%0") .. "[^|]* |"), choice)
      end
   end)

   it("has a row for each way in which a connection ends", function()
      local ends = page:match("\n## How a connection ends\n(.-)\n## ")
      for _, case in ipairs({
         "before it is open", "both sides sent a Close", "ends the stream or resets", "broke the protocol",
         "keepalive ping", "max_buffered", "script closes before", "close_timeout", "ours could not be written",
      }) do
         assert.truthy(ends:find("\n| [^|]*" .. case:gsub("%p", "%%%0") .. "[^|]* |"), case)
      end
   end)

   it("names every class", function()
      for name in pairs(require "websocket.whatwg") do
         assert.truthy(page:find("`" .. name .. "`", 1, true) or page:find(name .. ".is(x)", 1, true), name)
      end
   end)
end)
