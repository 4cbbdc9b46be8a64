-- The pages of docs/migration: every script of ours runs against the echo server, and prints what the page says.
local client = require "client"
local sample = require "sample"
local servers = require "servers"

local pages = { "lua-websockets", "lua-http", "hammerspoon", "love2d", "python", "javascript" }

-- Returns the scripts of a page: each with its text, its number, and what it prints.
local function scripts_of(page)
   local scripts, text = {}, sample.read("docs/migration/" .. page .. ".md")
   for script, rest in text:gmatch "\n\n```lua\n(.-)\n```\n()" do -- a script for another program has a mark above
      local printed = text:sub(rest):match "^\n<!%-%- block: printed %-%->\n```text\n(.-)\n```\n"
      scripts[#scripts + 1] = { text = script, printed = printed }
   end
   return scripts
end

describe("docs/migration", function()
   after_each(function()
      for _, name in ipairs { "hs.websocket", "http.websocket" } do
         package.preload[name], package.loaded[name] = nil, nil
      end
      client.finish()
   end)

   for _, page in ipairs(pages) do
      it(page .. ".md has scripts that print what it says", function()
         local scripts = scripts_of(page)
         assert.is_true(#scripts > 0)
         for number, script in ipairs(scripts) do
            local name = ("script %d of %s.md"):format(number, page)
            assert.is_string(script.printed, name .. " is not followed by what it prints")
            local output = sample.output_of((script.text:gsub("8765", tostring(servers.ports().ws))))
            assert.equal((script.printed:gsub("\t", " ")), output, name)
         end
      end)

      it(page .. ".md has a table of theirs and ours", function()
         local text = sample.read("docs/migration/" .. page .. ".md")
         assert.matches("\n| to | [^|]+ | here |\n", text)
         assert.matches("\n| connect | `", text)
      end)
   end
end)
