local websocket = require "websocket"
local listeners = require "websocket.shape.listeners"

describe("listener lists", function()
   local list, log

   local function logger(name)
      return function(...)
         log[#log + 1] = name .. ":" .. select("#", ...)
      end
   end

   before_each(function()
      list, log = listeners.new(), {}
   end)

   after_each(function()
      websocket.set_error_handler()
   end)

   it("run in the order in which they were added, with every argument", function()
      list:add(logger "a")
      list:add(logger "b")
      list:run(nil, nil)
      assert.same({ "a:2", "b:2" }, log)
   end)

   it("hold each listener once, at its first place", function()
      local a = logger "a"
      list:add(a)
      list:add(logger "b")
      list:add(a)
      list:run()
      assert.same({ "a:0", "b:0" }, log)
   end)

   it("distinguish two callables that are equal", function()
      local metatable = { __call = logger "called", __eq = function() return true end }
      list:add(setmetatable({}, metatable))
      list:add(setmetatable({}, metatable))
      list:run()
      assert.same({ "called:1", "called:1" }, log)
   end)

   it("drop a listener that is removed, and accept the removal of an absent one", function()
      local a = logger "a"
      list:add(a)
      list:remove(a)
      list:remove(a)
      list:remove(nil)
      list:run()
      assert.same({}, log)
   end)

   it("do not call a listener that is added during a run", function()
      list:add(function()
         list:add(logger "late")
      end)
      list:run()
      assert.same({}, log)
      list:run()
      assert.same({ "late:0" }, log)
   end)

   it("do not call a listener that is removed during a run, and call all others", function()
      local b = logger "b"
      list:add(function()
         list:remove(b)
      end)
      list:add(b)
      list:add(logger "c")
      list:run()
      assert.same({ "c:0" }, log)
   end)

   it("go on after a listener that raises, and report its error to the error handler", function()
      local heard
      websocket.set_error_handler(function(problem)
         heard = problem
      end)
      list:add(function()
         error({ "mine" })
      end)
      list:add(logger "b")
      list:run()
      assert.same({ "mine" }, heard)
      assert.same({ "b:0" }, log)
   end)

   it("let Ctrl-C through, and run the remaining steps in the next poll", function()
      local ok, problem = pcall(listeners.in_turn, {
         logger "a",
         function()
            websocket.call(error, "interrupted!", 0)
         end,
         logger "c",
         logger "d",
      })
      assert.is_false(ok)
      assert.equal("interrupted!", problem)
      assert.same({ "a:0" }, log)
      assert.equal(1, websocket.poll())
      assert.same({ "a:0", "c:0", "d:0" }, log)
   end)
end)
