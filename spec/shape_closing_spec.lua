-- The rules for the arguments of close that several shapes have.
local closing = require "websocket.shape.closing"

describe("the rules of close arguments", function()
   it("accept floats without a fraction as integers", function()
      assert.equal("1000", tostring(closing.integer(1000)))
      assert.equal("1000", tostring(closing.integer(1000.0)))
      assert.equal("-1", tostring(closing.integer(-1.0)))
      for _, other in ipairs({ 999.5, 0 / 0, math.huge, -math.huge, "1000", true, {} }) do
         assert.is_nil(closing.integer(other))
      end
      assert.is_nil(closing.integer(nil))
   end)

   it("count a reason in bytes of UTF-8, up to 123", function()
      assert.is_nil(closing.reason_problem(""))
      assert.is_nil(closing.reason_problem(("x"):rep(123)))
      assert.equal("close reason too long: 124 bytes, limit 123", closing.reason_problem(("x"):rep(124)))
      assert.is_nil(closing.reason_problem(("é"):rep(61) .. "x"))
      assert.equal("close reason too long: 124 bytes, limit 123", closing.reason_problem(("é"):rep(62)))
   end)
end)
