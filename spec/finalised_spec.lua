--- A finaliser of the script may run when the engine has ended: each method of a connection still answers there.

local host = require "host"
local servers = require "servers"

describe("A connection that was finalised", function()
   it("has every method, and none raises", function()
      local notes = servers.file("finalised-" .. servers.token())
      host.run("run", [[
         local names, ws = {}
         for name in pairs(websocket._host.methods) do
            names[#names + 1] = name
         end
         local function at_end()
            local file = assert(io.open(notes, "w"))
            for _, name in ipairs(names) do
               local ok, problem = pcall(function() return ws[name](ws) end)
               file:write(ok and "" or name .. ": " .. tostring(problem) .. "\n")
            end
            file:write(tostring(ws), " ", #names > 10 and "complete" or "too few methods")
            file:close()
         end
         -- Made before the connection, and so finalised after it.
         if newproxy then
            object = newproxy(true)
            getmetatable(object).__gc = at_end
         else
            object = setmetatable({}, { __gc = at_end })
         end
         ws = open(url)
      ]], { url = servers.url("/echo"), notes = notes })
      local file = assert(io.open(notes))
      assert.equal("websocket (closed) complete", file:read("*a"))
      file:close()
   end)
end)
