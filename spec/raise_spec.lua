--- `set_error_handler("raise")` and `set_abort_test`: how a host gets the errors of callbacks out of `poll`.

local child = require "child"
local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

-- A list, and a function that defers calls which append their value and then raise the problem, if one is given.
local function deferring()
   local list = {}
   return list, function(value, ...)
      local raises, problem = select("#", ...) > 0, (...)
      websocket.defer(function()
         list[#list + 1] = value
         if raises then
            error(problem, 0)
         end
      end)
   end
end

local function restore()
   websocket.set_error_handler()
   websocket.set_abort_test()
   client.finish()
end

describe('With set_error_handler("raise")', function()
   before_each(function() websocket.set_error_handler("raise") end)
   after_each(restore)

   it("poll raises the error itself, after the turn's other callbacks", function()
      for _, problem in ipairs({ "a text", { code = 42 }, 42, false, print }) do
         local list, defer = deferring()
         defer("first")
         defer("second", problem)
         defer("third")
         local ok, raised = pcall(websocket.poll)
         assert.is_false(ok)
         assert(rawequal(problem, raised))
         assert.same({ "first", "second", "third" }, list)
         assert.equal(0, websocket.poll())
      end
   end)

   it("run raises it, and can be called again", function()
      local recorder = client.open(servers.script({
         "status101", "await:messages", steps.bytes("\129\0011\129\0012"), "await-close",
      }), nil, function(_, event, message)
         if event == "received" and message == "1" then
            error("the first message", 0)
         end
      end)
      recorder.ws:send("go")
      assert.equal("the first message", expect.raised(websocket.run))
      client.wait(recorder, function() return #client.messages(recorder) == 2 end)
   end)

   it("an interrupt still leaves at once, and the held error is not raised later", function()
      local list, defer = deferring()
      defer("first", "interrupted!")
      defer("second")
      assert.equal("interrupted!", expect.raised(websocket.poll))
      assert.same({ "first" }, list)
      assert.equal(1, websocket.poll())
   end)

   it("an error that is held when an interrupt strikes between two callbacks is not raised later", function()
      local result = child.run([[
         local websocket = require "websocket"
         websocket.set_error_handler("raise")
         for count = 1, 1000 do
            websocket.defer(function()
               debug.sethook(function()
                  debug.sethook()
                  error("interrupted!", 0)
               end, "", count)
               error("earlier", 0)
            end)
            websocket.defer(function() end)
            -- The hook may also strike just after the poll.
            local _, first = pcall(function()
               local _, problem = pcall(websocket.poll)
               debug.sethook()
               error(problem, 0)
            end)
            debug.sethook()
            local ok, second = pcall(websocket.poll)
            if tostring(first):find("interrupted!$") and not ok then
               print("wrong", count, second)
            end
         end
         print("done")
      ]])
      assert.is_nil(result.output:match("wrong[^\n]*"))
      assert.matches("done", result.output)
   end)

   it("further errors of the turn, and those that an interrupt overtakes, go to stderr", function()
      local result = child.run([[
         local websocket = require "websocket"
         io.stdout:setvbuf("no")
         websocket.set_error_handler("raise")
         local function raising(problem)
            websocket.defer(function() error(problem, 0) end)
         end
         raising("one") raising("two") raising("three")
         print(pcall(websocket.poll))
         raising("four") raising("interrupted!") raising("five")
         print(pcall(websocket.poll))
         print(pcall(websocket.poll))
         websocket.call(error, "outside of poll", 0)
         print(pcall(websocket.poll))
      ]])
      assert.equal(0, result.status)
      local lines = {}
      for line in result.output:gmatch("[^\n]+") do
         if not line:find("^\t") and line ~= "stack traceback:" then
            lines[#lines + 1] = line
         end
      end
      assert.same({
         "websocket: error in a callback: two",
         "websocket: error in a callback: three",
         "false\tone",
         "websocket: error in a callback: four",
         "false\tinterrupted!",
         "false\tfive",
         "websocket: error in a callback: outside of poll",
         "true\t0",
      }, lines)
   end)

   it("an error in websocket.call within a callback is raised in the same way", function()
      local after
      websocket.defer(function()
         websocket.call(error, "from call", 0)
         after = true
      end)
      assert.equal("from call", expect.raised(websocket.poll))
      assert.is_true(after)
   end)

   it("a bound on callbacks ends the turn, and the error is raised then", function()
      local list, defer = deferring()
      defer("first", "x")
      defer("second")
      defer("third")
      assert.equal("x", expect.raised(websocket.poll, 0, 2))
      assert.same({ "first", "second" }, list)
      assert.equal(1, websocket.poll())
   end)
end)

describe("set_error_handler", function()
   after_each(restore)

   it("takes no other text than raise", function()
      for shown, value in pairs({ ['"Raise"'] = "Raise", ['""'] = "", ['"a\\nb"'] = "a\nb", number = 42 }) do
         local text = expect.raised(websocket.set_error_handler, value)
         expect.holds(text, { 'error handler must be a function, callable or "raise", got ' .. shown })
      end
   end)
end)

describe("set_abort_test", function()
   local reported

   before_each(function()
      reported = {}
      websocket.set_error_handler(function(problem) reported[#reported + 1] = problem end)
   end)
   after_each(restore)

   it("lets an error leave poll at once, as it is, and the rest stays queued", function()
      local cancelled = setmetatable({}, { __tostring = function() return "cancelled" end })
      local asked = {}
      websocket.set_abort_test(function(problem)
         asked[#asked + 1] = problem
         return problem == cancelled
      end)
      local list, defer = deferring()
      defer("first", "an error of the script")
      defer("second", cancelled)
      defer("third")
      local ok, problem = pcall(websocket.poll)
      assert.is_false(ok)
      assert(rawequal(cancelled, problem))
      assert.same({ "first", "second" }, list)
      assert.same({ "an error of the script" }, reported)
      assert.equal(2, #asked)
      assert.equal(1, websocket.poll())
      assert.same({ "first", "second", "third" }, list)
   end)

   it("lets a watchdog's hook stop a callback that never ends", function()
      websocket.set_abort_test(function(problem) return tostring(problem):find("out of time") end)
      local after
      websocket.defer(function()
         if rawget(_G, "jit") then
            jit.off(true, true)
         end
         debug.sethook(function()
            debug.sethook()
            error("out of time", 0)
         end, "", 1000)
         while true do end
      end)
      websocket.defer(function() after = true end)
      assert.equal("out of time", expect.raised(websocket.poll))
      assert.is_nil(after)
      assert.same({}, reported)
      assert.equal(1, websocket.poll())
   end)

   it("is asked about errors of the error handler and in websocket.call, too", function()
      websocket.set_abort_test(function(problem) return problem == "stop" end)
      websocket.set_error_handler(function() error("stop", 0) end)
      websocket.defer(function() error("x", 0) end)
      assert.equal("stop", expect.raised(websocket.poll))
      assert.equal("stop", expect.raised(websocket.call, error, "stop", 0))
      websocket.defer(function() websocket.call(error, "stop", 0) end)
      assert.equal("stop", expect.raised(websocket.poll))
   end)

   it("that raises counts as false, and its error is reported", function()
      websocket.set_abort_test(function() error("the test fails", 0) end)
      local list, defer = deferring()
      defer("first", "x")
      defer("second")
      assert.equal(2, websocket.poll())
      assert.same({ "first", "second" }, list)
      assert.same({ "the test fails", "x" }, reported)
   end)

   it("that is interrupted lets the interrupt leave", function()
      websocket.set_abort_test(function() error("interrupted!", 0) end)
      websocket.defer(function() error("x", 0) end)
      assert.equal("interrupted!", expect.raised(websocket.poll))
   end)

   it("takes precedence over raise: the error leaves at once", function()
      websocket.set_error_handler("raise")
      websocket.set_abort_test(function(problem) return problem == "stop" end)
      local list, defer = deferring()
      defer("first", "stop")
      defer("second")
      assert.equal("stop", expect.raised(websocket.poll))
      assert.same({ "first" }, list)
      assert.equal(1, websocket.poll())
   end)

   it("is removed by nil, and must be callable", function()
      websocket.set_abort_test(function() return true end)
      websocket.set_abort_test(nil)
      websocket.defer(function() error("x", 0) end)
      assert.equal(1, websocket.poll())
      assert.same({ "x" }, reported)
      websocket.set_abort_test(setmetatable({}, { __call = function() return true end }))
      websocket.defer(function() error("y", 0) end)
      assert.equal("y", expect.raised(websocket.poll))
      for _, value in ipairs({ "x", 42, true, {} }) do
         assert.matches("abort test must be", expect.raised(websocket.set_abort_test, value))
      end
   end)
end)

describe("is_abort", function()
   after_each(restore)

   it("is true for an interrupt, and for what the abort test accepts", function()
      assert.is_true(websocket.is_abort("interrupted!"))
      assert.is_true(websocket.is_abort("script.lua:1: interrupted!"))
      assert.is_false(websocket.is_abort("interrupted! not"))
      assert.is_false(websocket.is_abort(nil))
      assert.is_false(websocket.is_abort({}))
      websocket.set_abort_test(function(problem) return problem == nil end)
      assert.is_true(websocket.is_abort(nil))
      assert.is_false(websocket.is_abort("x"))
   end)
end)
