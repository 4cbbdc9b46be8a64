--- A host may make it an error to read or to set an undeclared global: the module loads and works there.

local child = require "child"
local servers = require "servers"

-- What strict.lua and several hosts do.
local STRICT = [[
local declared = { arg = true }
setmetatable(_G, {
   __index = function(_, name)
      if not declared[name] then
         error("variable '" .. tostring(name) .. "' is not declared", 2)
      end
   end,
   __newindex = function(_, name)
      error("assignment to undeclared variable '" .. tostring(name) .. "'", 2)
   end,
})
]]

-- The libraries of the loops, which are not always there, and may set globals of their own.
local LIBRARIES = [[
for _, name in ipairs({ "copas", "socket", "cqueues", "cqueues.condition", "ev", "lgi", "luv" }) do
   package.preload[name] = function() return {} end
end
]]

local function modules()
   local names = {}
   local listing = io.popen("find lua/websocket -name '*.lua' -not -name types.lua")
   for path in listing:lines() do
      names[#names + 1] = path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
   end
   listing:close()
   table.sort(names)
   return names
end

describe("Under a strict table of globals", function()
   for _, name in ipairs(modules()) do
      it(name .. " loads, also where scripts have no debug, io, os and newproxy", function()
         for _, missing in ipairs({ "", "debug, io, os, newproxy, jit, bit, utf8 = nil\n" }) do
            local result = child.run(LIBRARIES .. missing .. STRICT .. ("require %q\n"):format(name))
            assert.equal(0, result.status, result.output)
            assert.equal("", result.output)
         end
      end)
   end

   it("the core works, and reports the errors of callbacks", function()
      local result = child.run(STRICT .. ([[
         local websocket = require "websocket"
         local names = {}
         local ws = websocket.new(%q, function(event, message, detail, ws)
            names[#names + 1] = event
            if event == "open" then
               ws:send("hello")
               error("what a mess")
            elseif event == "received" then
               ws:ping("x")
            elseif event == "pong" then
               ws:close()
            end
         end)
         websocket.defer(function() websocket.call(error, "deferred") end)
         websocket.run()
         ws:flush()
         websocket.parse_url(ws:url())
         websocket.userdata({})
         for _, fn in ipairs({ websocket.poll, websocket.defer, websocket.set_error_handler }) do
            assert(not pcall(fn, 0 / 0))
         end
         print(table.concat(names, " "))
      ]]):format(servers.url("/echo")))
      assert.equal(0, result.status, result.output)
      assert.matches("error in a callback: [^\n]*what a mess", result.output)
      assert.matches("error in a callback: [^\n]*deferred", result.output)
      assert.matches("\nopen received pong closed\n$", result.output)
   end)

   it("an interrupt leaves poll with its own text, and calls at the end of the state find no global missing", function()
      local result = child.run(STRICT .. ([[
         local websocket = require "websocket"
         local ws = websocket.new(%q, function() end)
         local object = websocket.userdata({ __gc = function()
            print(pcall(ws.status, ws))
            print(pcall(ws.close, ws))
         end })
         websocket.defer(function() error("interrupted!", 0) end)
         print(pcall(websocket.poll, 0))
      ]]):format(servers.url("/echo")))
      assert.equal(0, result.status, result.output)
      assert.matches("^false\tinterrupted!\ntrue\t%l+\ntrue\t[^\n]+\n$", result.output)
   end)

   it("every shape works", function()
      local result = child.run(STRICT .. ([[
         local client = require "client"
         local engine = require "engine"
         for _, shape in ipairs(require "all_shapes") do
            engine.watch()
            local seen = {}
            local connection = shape.start(%q, function(kind, value) seen[kind] = value or true end)
            assert(client.poll_until(function() return seen.open end), shape.name .. " did not open")
            connection.send("hello")
            assert(client.poll_until(function() return seen.message end), shape.name .. " had no answer")
            connection.close()
            assert(client.poll_until(function() return seen.closed end), shape.name .. " did not close")
            assert(not seen.error, shape.name .. ": " .. tostring(seen.error))
            engine.finish()
         end
         print "done"
      ]]):format(servers.url("/echo")))
      assert.equal(0, result.status, result.output)
      assert.equal("done\n", result.output)
   end)
end)
