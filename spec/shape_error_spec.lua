-- The errors that shapes raise as tables.
local errors = require "websocket.shape.error"

describe("the errors of shapes", function()
   it("have a name, a message, a code where one is given, and a text", function()
      local problem = errors.new("SyntaxError", "invalid URL")
      assert.equal("SyntaxError", problem.name)
      assert.equal("invalid URL", problem.message)
      assert.equal("SyntaxError: invalid URL", tostring(problem))
      assert.is_nil(problem.code)
      assert.equal("reset", errors.new("Error", "lost", "reset").code)
   end)

   it("are raised as tables", function()
      local ok, problem = pcall(errors.raise, "TypeError", "no string")
      assert.is_false(ok)
      assert.equal("table", type(problem))
      assert.equal("TypeError: no string", tostring(problem))
   end)

   it("are recognised among other values", function()
      assert.is_true(errors.is(errors.new("a", "b")))
      for _, other in ipairs({ {}, "a: b", 1, setmetatable({ name = "a", message = "b" }, {}), false }) do
         assert.is_false(errors.is(other))
      end
      assert.is_false(errors.is(nil))
   end)
end)
