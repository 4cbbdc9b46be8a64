--- What a script does to its globals does not concern the module, once that is loaded.

local child = require "child"
local servers = require "servers"

-- Takes every global away, and keeps what the script itself needs.
local TAKE_AWAY = [[
local websocket = require "websocket"
local assert, error, exit, find, pcall, write = assert, error, os.exit, string.find, pcall, io.write
local globals = _G
for _, name in ipairs({
   "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "print", "rawequal", "rawget", "rawset",
   "require", "select", "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall", "newproxy", "coroutine",
   "debug", "io", "math", "os", "package", "string", "table", "_G",
}) do
   globals[name] = nil
end
]]

describe("A script without globals", function()
   it("has its events, and the errors of its callbacks reported", function()
      local result = child.run(TAKE_AWAY .. ([[
         local ws = websocket.new(%q, function(event, message, _, ws)
            write(event, " ")
            if event == "open" then
               ws:send("hello")
               error("what a mess")
            elseif event == "received" then
               ws:flush(1)
               ws:close()
            end
         end)
         websocket.defer(function() websocket.call(function(text) error(text, 0) end, "in call") end)
         websocket.run()
         exit(0, true)
      ]]):format(servers.url("/echo")))
      assert.equal(0, result.status, result.output)
      for _, text in ipairs({ "error in a callback: [^\n]*what a mess", "error in a callback: in call", "closed" }) do
         assert.matches(text, result.output)
      end
   end)

   it("has its error handler called with text and traceback, and an interrupt leaves poll", function()
      local result = child.run(TAKE_AWAY .. [[
         websocket.set_error_handler(function(problem, traceback)
            write("handled ", problem, " ", find(traceback, "stack traceback") and "with" or "without", " traceback\n")
            error("the handler fails", 0)
         end)
         websocket.set_abort_test(function(problem) return problem == "stop" end)
         websocket.defer(function() error("one", 0) end)
         websocket.defer(function() error("interrupted!", 0) end)
         websocket.defer(function() error("stop", 0) end)
         local ok, problem = pcall(websocket.poll)
         write(problem, "\n")
         ok, problem = pcall(websocket.poll)
         write(problem, "\n")
         exit(0, true)
      ]])
      assert.matches("handled one with traceback\n", result.output)
      assert.matches("the error handler raised: the handler fails", result.output)
      assert.matches("\ninterrupted!\nstop\n", result.output)
   end)

   it("has wrong arguments refused with the usual texts", function()
      local result = child.run(TAKE_AWAY .. [[
         local function problem_of(fn, ...)
            local _, text = pcall(fn, ...)
            write(text, "\n")
         end
         problem_of(websocket.poll, "soon")
         problem_of(websocket.poll, 0 / 0)
         problem_of(websocket.defer, 42)
         problem_of(websocket.set_error_handler, 42)
         problem_of(websocket.userdata, 42)
         exit(0, true)
      ]])
      assert.equal(0, result.status, result.output)
      for _, text in ipairs({
         "timeout must be a number of seconds, got string", "timeout must be a number of seconds, got nan",
         "fn must be a function or callable, got number", "error handler must be [^\n]*, got number",
         "metatable must be a table, got number",
      }) do
         assert.matches(text, result.output)
      end
   end)
end)
