-- How error texts of the shapes show values.
local quote = require "websocket.shape.quote"

describe("a value in an error text", function()
   it("is a number in digits, and never one that differs between Luas", function()
      for shown, value in pairs {
         ["1000"] = 1000, ["-1"] = -1, ["80.5"] = 80.5, ["nan"] = 0 / 0, ["math.huge"] = math.huge,
         ["-math.huge"] = -math.huge, ["1e+300"] = 1e300,
      } do
         assert.equal(shown, quote.value(value))
      end
      assert.equal("nan", quote.value(-(0 / 0)))
   end)

   it("is the type of what has an address, or of a boolean", function()
      local object = setmetatable({}, { __tostring = function() return "secret" end, __name = "Secret" })
      for shown, value in pairs {
         ["a table"] = object, ["a function"] = print, ["a userdata"] = io.stdout, ["a boolean"] = true,
         ["a thread"] = coroutine.create(function() end),
      } do
         assert.equal(shown, quote.value(value))
      end
      assert.equal("nil", quote.value(nil))
   end)

   it("is a string in quotes, on one line, in UTF-8", function()
      for text, shown in pairs {
         [""] = '""', ["Jürgen"] = '"Jürgen"', ['a"b\\c'] = [["a\"b\\c"]], ["a\r\nb\tc"] = [["a\r\nb\tc"]],
         ["\0\27[31m\127"] = [["\x00\x1b[31m\x7f"]], ["\194\133"] = [["\xc2\x85"]], ["\255"] = '"\239\191\189"',
      } do
         assert.equal(shown, quote.value(text))
      end
   end)

   it("is at most 100 bytes of a string, and no part of a character", function()
      assert.equal('"' .. ("x"):rep(100) .. '"', quote.value(("x"):rep(100)))
      assert.equal('"' .. ("x"):rep(100) .. '"...', quote.value(("x"):rep(101)))
      assert.equal('"' .. ("é"):rep(50) .. '"...', quote.value(("é"):rep(51)))
      assert.equal('"x' .. ("é"):rep(49) .. '"...', quote.value("x" .. ("é"):rep(50)))
      assert.equal('"' .. ("x"):rep(97) .. '"...', quote.value(("x"):rep(97) .. "\240\159\166\128"))
   end)
end)
