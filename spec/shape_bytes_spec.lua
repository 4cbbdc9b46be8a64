local bytes = require "websocket.shape.bytes"

local function all_bytes()
   local parts = {}
   for byte = 0, 255 do
      parts[#parts + 1] = string.char(byte)
   end
   return table.concat(parts)
end

describe("byte lists", function()
   it("hold every byte in order", function()
      local list = bytes.to_list(all_bytes())
      assert.equal(256, #list)
      for byte = 0, 255 do
         assert.equal(byte, list[byte + 1])
      end
      assert.equal(all_bytes(), bytes.from_list(list))
   end)

   it("convert in both directions, at every length around the size of a slice", function()
      for _, length in ipairs { 0, 1, 7, 8, 9, 255, 256, 257, 512, 8191, 8192, 70001 } do
         local text = all_bytes():rep(math.ceil(length / 256)):sub(1, length)
         local list = bytes.to_list(text)
         assert.equal(length, #list)
         assert.equal(text, bytes.from_list(list))
      end
   end)

   it("convert two megabytes", function()
      local text = all_bytes():rep(8192)
      assert.is_true(text == bytes.from_list(bytes.to_list(text)))
   end)

   it("accept floats without a fraction", function()
      assert.equal("A\0\255", bytes.from_list { 65 * 1.0, 0 / 1, 510 / 2 })
   end)

   for name, case in pairs {
      ["256"] = { { 1, 256 }, "element 2 is not a byte of 0 to 255: 256" },
      ["a negative number"] = { { -1 }, "element 1 is not a byte of 0 to 255: -1" },
      ["a fraction"] = { { 0, 1.5 }, "element 2 is not a byte of 0 to 255: 1.5" },
      ["infinity"] = { { math.huge }, "element 1 is not a byte of 0 to 255: math.huge" },
      ["a string of a digit"] = { { "1" }, "element 1 is not a byte of 0 to 255: a string" },
      ["a boolean"] = { { 1, 2, false }, "element 3 is not a byte of 0 to 255: a boolean" },
      ["a hole"] = { { 1, nil, 3 }, "list of bytes expected, element 2 is missing" },
      ["a beginning at 0"] = { { [0] = 1 }, "list of bytes expected, element 1 is missing" },
      ["a name as key"] = { { 1, n = 1 }, "list of bytes expected, got a table with a string as key" },
      ["a string for a list"] = { "AB", "list of bytes expected, got string" },
      ["nil for a list"] = { nil, "list of bytes expected, got nil" },
   } do
      it("refuse " .. name, function()
         local text, problem = bytes.from_list(case[1])
         assert.is_nil(text)
         assert.equal(case[2], problem)
      end)
   end

   it("refuse what is not a number", function()
      local text, problem = bytes.from_list { 0 / 0 }
      assert.is_nil(text)
      assert.matches("^element 1 is not a byte", problem)
   end)
end)
