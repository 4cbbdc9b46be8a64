-- The pages and examples of four shapes: the examples run, and each page names every choice of ours.
local engine = require "engine"
local sample = require "sample"
local servers = require "servers"

-- What the examples print, without what differs from run to run.
local printed = {
   hammerspoon = "open nil\nreceived ABC123\nreceived ABC123\nclosed nil\nclosed hs.websocket: disconnected",
   overwolf = "connect success nil\nonOpen\nsend success\nonMessage text hello\nonClosed 1000 ",
   actions = "websocket-create websocket-N nil\nopen websocket\nmessage text hello\n"
      .. "message arraybuffer 0 127 255\nclose 1000 done",
   scripting = "WebSocket connection opened\nReceived message Hello, server!\n"
      .. "Received data Data: 13 bytes 48656c6c6f2c20627974657321\nWebSocket closed done",
}

-- The choices that are ours, as the rows of the pages name them.
local choices = {
   hammerspoon = { "options", "reconnecting", "past `max_buffered`" },
   overwolf = {
      "options", "reconnecting",
      "callbacks may be nil", "failure", "`close()`", "text that is not UTF-8", "past `max_buffered`",
      "`close()` while connecting", "messages after own `close()`",
   },
   actions = {
      "options", "reconnecting",
      "wrong type of action or payload, missing property, unknown action", "`can-use`", "ws and wss",
      "the sixth connection", "`websocket-send`, `websocket-close`", "`host:enter_background()`", "failure",
      "text that is not UTF-8", "past `max_buffered`", "`websocket-close` while connecting",
      "messages after own websocket-close",
   },
   scripting = {
      "options", "reconnecting",
      "a bad URL", "codes of `close`", "order", "failure", "text that is not UTF-8", "`send` before open",
      "`send` after the end", "past `max_buffered`", "`close` while connecting", "messages after own `close`",
   },
}

local function example_of(name)
   return sample.read("examples/" .. name .. ".lua")
end

local function page_of(name)
   return sample.read("docs/shapes/" .. name .. ".md")
end

-- Returns a program without the lines that say where to connect, in which an example and its page may differ.
local function without_target(text)
   return (("\n" .. text):gsub("\nlocal url =[^\n]*", ""):gsub("\nlocal port =[^\n]*", "")
      :gsub("\nlocal secured =[^\n]*", ""):gsub("\nlocal options =[^\n]*", "")
      :gsub("\nhs%.websocket%.options =[^\n]*", ""):gsub("^%s+", ""))
end

local function normal(output)
   return (output:gsub("disconnected %(.*", "disconnected"):gsub("websocket%-%d+ nil", "websocket-N nil"))
end

for name, expected in pairs(printed) do
   describe("examples/" .. name .. ".lua", function()
      before_each(engine.watch)
      after_each(engine.finish)

      local function output(...)
         return normal(sample.output_of(example_of(name), ...))
      end

      it("talks to an echo server over ws and over wss", function()
         if name == "overwolf" then
            assert.equal(expected, output(servers.ports().ws, "plain"))
            assert.equal(expected, output(servers.ports().wss_self_signed))
         else
            assert.equal(expected, output(servers.url "/mysock"))
            assert.equal(expected, output(servers.url("/mysock", nil, "wss"), servers.file "ca.pem"))
         end
      end)

      it("is run by scripts/demo", function()
         assert.truthy(sample.read("scripts/demo"):find("examples/" .. name .. ".lua", 1, true))
      end)

      it("fails where no server listens", function()
         engine.elsewhere = servers.url("/", nil, "refused")
         assert.has_error(output)
      end)
   end)

   describe("docs/shapes/" .. name .. ".md", function()
      it("opens with the example", function()
         local before, block = page_of(name):match("^(.-)```lua\n(.-)```")
         assert.is_nil(before:find("\n## ", 1, true))
         assert.truthy(without_target(example_of(name)):find(without_target(block), 1, true))
      end)

      it("has a row for each choice of ours, and no other row marked open", function()
         local ours = page_of(name):match("\n## What is ours\n(.-)\n## ")
         local _, rows = ours:gsub("\n| %[open%] ", "")
         assert.equal(#choices[name], rows)
         for _, choice in ipairs(choices[name]) do
            assert.truthy(ours:find("\n| [open] " .. choice .. " | ", 1, true), choice)
         end
      end)

      it("says what is the same and what is not carried over", function()
         assert.truthy(page_of(name):find("\n## What is the same\n", 1, true))
         assert.truthy(page_of(name):find("\n## What is not carried over\n", 1, true))
      end)
   end)
end

describe("docs/shapes/hammerspoon.md", function()
   before_each(engine.watch)
   after_each(engine.finish)

   it("names every option of the engine that has a default of its own", function()
      local ws = require("websocket.hammerspoon").new(servers.url("/", nil, "refused"), function() end)
      local defaults = page_of("hammerspoon"):match("\n## Defaults\n(.-)\n## ")
      for name in pairs(engine.made().options) do
         assert.truthy(defaults:find("`" .. name .. "`", 1, true), name)
      end
      ws:close()
   end)

   it("has the URLs of Hammerspoon's document", function()
      assert.truthy(page_of("hammerspoon"):find("ws://localhost:8000/mysock", 1, true))
      assert.truthy(page_of("hammerspoon"):find("wss://localhost:8000/mysock", 1, true))
   end)
end)

describe("docs/shapes/scripting.md", function()
   it("names every function of Data", function()
      for name in pairs(require("websocket.scripting").Data) do
         assert.truthy(page_of("scripting"):find(name, 1, true), name)
      end
   end)
end)
