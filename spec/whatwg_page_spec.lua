-- The page and the example of websocket.whatwg: the examples run, and the page names every choice of ours.
local sample = require "sample"
local servers = require "servers"

local read, output_of = sample.read, sample.output_of

describe("examples/whatwg.lua", function()
   local text = read("examples/whatwg.lua")
   local expected = "Message from server  Hello Server!\nConnection closed  1000 goodbye true"

   it("talks to an echo server over ws", function()
      assert.equal(expected, output_of(text, servers.url("/echo")))
   end)

   it("talks to an echo server over wss", function()
      assert.equal(expected, output_of(text, servers.url("/echo", nil, "wss"), servers.file("ca.pem")))
   end)
end)

describe("docs/shapes/whatwg.md", function()
   local page = read("docs/shapes/whatwg.md")

   it("opens with a sample that runs", function()
      local text = page:match("```lua\n(.-)```")
      local mine, changed = text:gsub("ws://127%.0%.0%.1:8765/", (servers.url("/echo"):gsub("%%", "%%%%")))
      assert.equal(1, changed)
      assert.equal("Message from server  Hello Server!", output_of(mine))
   end)

   it("has a row for each choice of ours", function()
      local ours = page:match("\n## What is ours\n(.-)\n## ")
      for _, choice in ipairs({
         "third argument", "is a table but no list", "what cannot be sent", "a view", "a reason that is neither",
         "port 0", "a full buffer", "timeStamp",
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
