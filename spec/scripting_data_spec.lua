local servers = require "servers"
local Data = require("websocket.scripting").Data

local function raised(fn, ...)
   local ok, problem = pcall(fn, ...)
   assert.is_false(ok)
   return tostring(problem)
end

local function hex(data)
   return data and data:toHexString()
end

describe("Scripting's Data", function()
   it("is recognised by Data.is", function()
      assert.is_true(Data.is(Data.fromString ""))
      for _, value in ipairs { "text", 1, {}, setmetatable({}, {}), print, Data } do
         assert.is_false(Data.is(value))
      end
      assert.is_false(Data.is(nil))
   end)

   it("has its size under three names, which writing does not change", function()
      local data = Data.fromString "Hello, wörld"
      for _, name in ipairs { "size", "length", "count" } do
         assert.equal(13, data[name])
         data[name] = 1
         assert.equal(13, data[name])
      end
      assert.equal("Data: 13 bytes", tostring(data))
      data.mine = true
      assert.is_true(data.mine)
   end)

   it("raises an error that asks for a colon when a method is called with a dot", function()
      local data = Data.fromString "x"
      assert.equal("TypeError: call data:getBytes(...) with a colon", raised(data.getBytes))
      assert.equal("TypeError: call data:append(...) with a colon", raised(data.append, "x"))
      local method = data.slice
      data.slice = print
      assert.equal(method, data.slice)
   end)

   describe("is made", function()
      it("from a string, whose bytes are kept with utf-8", function()
         for _, name in ipairs { "utf-8", "utf8", "UTF-8", false } do
            assert.equal("61c3a9ff", hex(Data.fromString("aé\255", name or nil)))
            assert.equal("61c3a9ff", hex(Data.fromRawString("aé\255", name or nil)))
         end
      end)

      it("from a string in other encodings, or is nil where a character cannot be encoded", function()
         assert.equal("617f", hex(Data.fromString("a\127", "ascii")))
         assert.is_nil(Data.fromString("é", "ascii"))
         assert.equal("61e9ff", hex(Data.fromString("aéÿ", "latin1")))
         assert.is_nil(Data.fromString("€", "latin1"))
         assert.equal("6100ac203dd800de", hex(Data.fromString("a€😀", "utf-16le")))
         assert.equal("006120acd83dde00", hex(Data.fromString("a€😀", "utf-16be")))
         assert.equal("fffd", hex(Data.fromString("\255", "utf-16be")))
      end)

      it("from a string in a known encoding only", function()
         assert.matches('^TypeError: unknown encoding: "utf%-7"', raised(Data.fromString, "x", "utf-7"))
         assert.matches("^TypeError: encoding must be", raised(Data.fromString, "x", 8))
         assert.matches("^TypeError: text must be a string, got nil", raised(Data.fromString))
         assert.matches("^TypeError: text must be", raised(Data.fromRawString, 1))
         assert.matches("^TypeError: text must be", raised(Data.fromBase64String, 1))
         assert.matches("^TypeError: text must be", raised(Data.fromHexString, {}))
         assert.matches("^TypeError: path must be", raised(Data.fromFile))
         assert.matches("^TypeError: list must be", raised(Data.combine))
      end)

      it("from lists of bytes, also from floats, and from objects that return such a list", function()
         local buffer = { bytes = function() return { 7, 8 } end }
         for _, maker in ipairs { "fromIntArray", "fromUint8Array", "fromArrayBuffer" } do
            assert.equal("00ff41", hex(Data[maker] { 0, 255, 65 * 1.0 }))
            assert.equal("", hex(Data[maker] {}))
            assert.equal("0708", hex(Data[maker](buffer)))
            assert.matches("^TypeError: element 2 is not a byte", raised(Data[maker], { 0, 256 }))
            assert.matches("^TypeError: list of bytes expected", raised(Data[maker], 1))
         end
         assert.equal("ff00", hex(Data.fromArrayBuffer "\255\0"))
         assert.matches("^TypeError", raised(Data.fromIntArray, "\255"))
      end)

      it("from base64, or is nil where the text is invalid", function()
         for text, expected in pairs {
            [""] = "", ["Zg=="] = "f", ["Zm8="] = "fo", ["Zm9v"] = "foo", ["+/8="] = "\251\255",
            ["Zm9vYmFy"] = "foobar" } do
            local data = Data.fromBase64String(text)
            assert.equal(hex(Data.fromString(expected)), hex(data))
            assert.equal(text, data:toBase64String())
         end
         for _, text in ipairs { "Z", "Zg", "Zg=", "Z===", "====", "Zm9v\n", "Zm9 ", "Zm9-", "=Zm9", "Zg==Zg==" } do
            assert.is_nil(Data.fromBase64String(text))
         end
      end)

      it("from hexadecimal digits in either case, or is nil where the text is invalid", function()
         assert.equal("00ff0a", hex(Data.fromHexString "00fF0A"))
         assert.equal("", hex(Data.fromHexString ""))
         for _, text in ipairs { "0", "0g", "0x00", "00 ", "é" } do
            assert.is_nil(Data.fromHexString(text))
         end
      end)

      it("from a file, or is nil with a text where the file cannot be read", function()
         local path = servers.file "scripting-data"
         local file = assert(io.open(path, "wb"))
         file:write("\0\r\n\26\255")
         file:close()
         assert.equal("000d0a1aff", hex(Data.fromFile(path)))
         local data, problem = Data.fromFile(path .. "-absent")
         assert.is_nil(data)
         assert.is_string(problem)
         assert.is_nil((Data.fromFile(path:match "^(.*)/")))
      end)

      it("from several Data, in order", function()
         local list = { Data.fromIntArray { 1, 2 }, Data.fromIntArray {}, Data.fromIntArray { 3 } }
         assert.equal("010203", hex(Data.combine(list)))
         assert.equal("", hex(Data.combine {}))
         assert.matches("^TypeError: element 2 must be a Data", raised(Data.combine, { Data.fromString "x", "y" }))
         assert.matches("^TypeError: list of Data expected", raised(Data.combine, { x = Data.fromString "x" }))
      end)
   end)

   describe("returns", function()
      it("its bytes as a list of its own, empty where there are none", function()
         local data = Data.fromIntArray { 0, 127, 255 }
         for _, reader in ipairs { "getBytes", "toUint8Array", "toIntArray", "toArrayBuffer" } do
            local list = data[reader](data)
            assert.same({ 0, 127, 255 }, list)
            list[1] = 9
            assert.same({ 0, 127, 255 }, data:getBytes())
            local empty = Data.fromString ""
            assert.same({}, empty[reader](empty))
         end
      end)

      it("its text, or nil where it is invalid in the encoding", function()
         local function raw(digits, encoding)
            return Data.fromHexString(digits):toRawString(encoding)
         end
         assert.equal("aé", raw "61c3a9")
         assert.is_nil(raw "61ff")
         assert.equal("a", raw("61", "ascii"))
         assert.is_nil(raw("e9", "ascii"))
         assert.equal("aé\194\128", raw("61e980", "latin1"))
         assert.equal("a€😀", raw("6100ac203dd800de", "utf-16le"))
         assert.equal("a€😀", raw("006120acd83dde00", "utf-16be"))
         for _, digits in ipairs { "00", "d83d", "d83d0061", "de00", "006100" } do
            assert.is_nil(raw(digits, "utf-16be"))
         end
         assert.matches("^TypeError: unknown encoding", raised(raw, "61", "ebcdic"))
      end)

      it("its text with U+FFFD in place of what is invalid in the encoding", function()
         local function decoded(digits, encoding)
            return Data.fromHexString(digits):toDecodedString(encoding)
         end
         assert.equal("a�", decoded("61ff", "utf-8"))
         assert.equal("a�", decoded "61ff")
         assert.equal("a�", decoded("61e9", "ascii"))
         assert.equal("aé", decoded("61e9", "latin1"))
         assert.equal("�a�", decoded("d83d0061de", "utf-16be"))
         assert.equal("�a", decoded("00de6100", "utf-16le"))
         assert.matches("^TypeError: unknown encoding", raised(decoded, "61", "ebcdic"))
      end)

      it("slices, whose offsets begin at zero and exclude the end", function()
         local data = Data.fromIntArray { 0, 1, 2, 3 }
         assert.equal("00010203", hex(data:slice()))
         assert.equal("0203", hex(data:slice(2)))
         assert.equal("01", hex(data:slice(1, 2)))
         assert.equal("", hex(data:slice(4)))
         assert.equal("", hex(data:slice(2, 2)))
         assert.equal("01", hex(data:slice(1 * 1.0, 4 / 2)))
         assert.equal("0203", hex(data:advanced(2)))
         assert.equal("", hex(data:advanced(4)))
         assert.equal(4, data.size)
      end)
   end)

   describe("changes", function()
      it("by append", function()
         local data = Data.fromString "a"
         data:append(Data.fromString "b")
         data:append(data)
         assert.equal("abab", data:toRawString())
         assert.matches("^TypeError: other must be a Data, got string", raised(data.append, data, "c"))
      end)

      it("by resetBytes", function()
         local data = Data.fromIntArray { 1, 2, 3, 4 }
         data:resetBytes(1, 3)
         assert.equal("01000004", hex(data))
         data:resetBytes(4, 4)
         assert.equal("01000004", hex(data))
      end)

      it("by replaceSubrange, to any size", function()
         local data = Data.fromString "Hello, world"
         data:replaceSubrange(7, 12, Data.fromString "moon and sun")
         assert.equal("Hello, moon and sun", data:toRawString())
         data:replaceSubrange(5, 19, Data.fromString "")
         data:replaceSubrange(0, 0, Data.fromString "> ")
         assert.equal("> Hello", data:toRawString())
         assert.matches("^TypeError: data must be a Data", raised(data.replaceSubrange, data, 0, 1, "x"))
      end)

      it("nothing that was made from it before", function()
         local data = Data.fromIntArray { 1, 2 }
         local part = data:slice()
         data:resetBytes(0, 2)
         assert.equal("0102", hex(part))
      end)
   end)

   it("raises for a range out of bounds and for an offset that is not an integer", function()
      local data = Data.fromIntArray { 0, 1, 2 }
      local other = Data.fromString "x"
      for _, range in ipairs { { -1, 2 }, { 0, 4 }, { 2, 1 }, { 4, 4 }, { 0, -1 } } do
         for _, name in ipairs { "slice", "resetBytes", "replaceSubrange" } do
            assert.matches("^RangeError: ", raised(data[name], data, range[1], range[2], other))
         end
      end
      for _, range in ipairs { { 0.5, 2 }, { 0, "2" }, { 0 / 0, 2 }, { 0, math.huge } } do
         for _, name in ipairs { "slice", "resetBytes", "replaceSubrange" } do
            assert.matches("^TypeError: %a+ must be an integer", raised(data[name], data, range[1], range[2], other))
         end
      end
      assert.matches("^RangeError: start must be 0 to 3, got 4", raised(data.slice, data, 4))
      assert.matches("^RangeError: amount must be 0 to 3, got 4", raised(data.advanced, data, 4))
      assert.matches("^RangeError", raised(data.advanced, data, -1))
      assert.matches("^TypeError", raised(data.advanced, data))
      assert.matches("^TypeError", raised(data.resetBytes, data))
      assert.equal("000102", hex(data))
   end)
end)
