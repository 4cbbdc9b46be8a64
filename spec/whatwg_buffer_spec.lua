-- Blob and ArrayBuffer of websocket.whatwg.
local page = require "whatwg_client"
local whatwg = require "websocket.whatwg"

local Blob, ArrayBuffer = whatwg.Blob, whatwg.ArrayBuffer

describe("an ArrayBuffer", function()
   it("is made from a string or a list of bytes", function()
      assert.equal("a\0b", ArrayBuffer("a\0b"):text())
      assert.equal("\0\1\255", ArrayBuffer({ 0, 1.0, 255 }):text())
      assert.same({ 0, 0 }, { ArrayBuffer("").byteLength, ArrayBuffer({}).byteLength })
      assert.equal(3, ArrayBuffer({ 0, 1, 255 }).byteLength)
   end)

   it("is made from nothing else", function()
      for _, source in ipairs({ { 256 }, { -1 }, { 1.5 }, { "1" }, { 1, nil, 3 }, { a = 1 }, 5, true, Blob(),
         ArrayBuffer("x") }) do
         assert.equal("TypeError", page.raised(ArrayBuffer, source).name)
      end
      assert.equal("TypeError", page.raised(ArrayBuffer).name)
   end)

   it("returns its bytes as a string and as a list", function()
      local every = {}
      for byte = 0, 255 do
         every[byte + 1] = byte
      end
      local buffer = ArrayBuffer(every)
      assert.same(every, buffer:bytes())
      assert.equal(256, #buffer:text())
      assert.equal(buffer:text(), tostring(buffer))
      assert.same({}, ArrayBuffer(""):bytes())
   end)

   it("holds a mebibyte", function()
      local text = ("0123456789abcdef"):rep(65536)
      local list = ArrayBuffer(text):bytes()
      assert.equal(1048576, #list)
      assert.is_true(ArrayBuffer(list):text() == text)
   end)

   it("cannot be changed", function()
      local buffer = ArrayBuffer("abc")
      buffer.byteLength = 7
      buffer:bytes()[1] = 0
      assert.same({ 3, "abc" }, { buffer.byteLength, buffer:text() })
   end)
end)

describe("a Blob", function()
   it("is made from strings, numbers, Blobs, ArrayBuffers and views", function()
      local blob = Blob({ "a\255", 1, Blob({ "b" }), ArrayBuffer("c"), { buffer = ArrayBuffer("0123"), byteOffset = 1,
         byteLength = 2 } })
      assert.equal("a\2551bc12", blob:text())
      assert.equal(7, blob.size)
      assert.equal(blob:text(), tostring(blob))
      assert.same({ 97, 255, 49, 98, 99, 49, 50 }, blob:bytes())
   end)

   it("may be empty", function()
      assert.equal(0, Blob().size)
      assert.equal(0, Blob({}).size)
      assert.equal("list of parts expected, got a table with a string as key", page.raised(Blob, { x = "a" }).message)
   end)

   it("is made from nothing else", function()
      for _, parts in ipairs({ "text", 5, true, Blob(), ArrayBuffer("x"), { {} }, { true }, { print } }) do
         assert.equal("TypeError", page.raised(Blob, parts).name)
      end
      assert.equal("TypeError", page.raised(Blob, {}, 5).name)
   end)

   it("has the type that it was given, in lower case", function()
      assert.equal("", Blob().type)
      assert.equal("text/plain", Blob({}, { type = "Text/PLAIN" }).type)
      assert.equal("", Blob({}, { type = "a" }):slice().type)
      assert.equal("b", Blob({}, { type = "a" }):slice(0, 0, "B").type)
   end)

   it("becomes an ArrayBuffer", function()
      local buffer = Blob({ "abc" }):arrayBuffer()
      assert.is_true(ArrayBuffer.is(buffer))
      assert.equal("abc", buffer:text())
   end)
end)

describe("slice", function()
   for what, whole in pairs({ ["a Blob"] = Blob({ "01234567" }), ["an ArrayBuffer"] = ArrayBuffer("01234567") }) do
      it("counts from zero, or from the end where negative, and stays within " .. what, function()
         for _, case in ipairs({
            { "01234567" }, { "01234567", 0 }, { "234567", 2 }, { "23", 2, 4 }, { "", 2, 2 }, { "", 4, 2 },
            { "67", -2 },
            { "6", -2, -1 }, { "012345", 0, -2 }, { "01234567", -100, 100 }, { "", 8 }, { "", 100 }, { "", 0, -8 },
            { "23", 2.9, 4.9 }, { "23", "2", "4" }, { "0123", nil, 4 }, { "67", -2.9 }, { "0123", 0 / 0, 4 },
            { "01234567", -math.huge, math.huge }, { "01234567", -1e300, 1e300 }, { "0123", "x", 4 },
         }) do
            local part = whole:slice(case[2], case[3])
            assert.equal(case[1], part:text())
            assert.equal(Blob.is(whole), Blob.is(part))
            assert.equal(ArrayBuffer.is(whole), ArrayBuffer.is(part))
         end
         assert.equal("01234567", whole:text())
      end)
   end

   it("is called with a colon", function()
      assert.equal("TypeError: call blob:slice(...) with a colon", tostring(page.raised(Blob().slice)))
      assert.equal("TypeError: call buffer:slice(...) with a colon", tostring(page.raised(ArrayBuffer("").slice, 0, 1)))
      assert.equal("TypeError: call event:preventDefault(...) with a colon",
         tostring(page.raised(whatwg.Event("x").preventDefault)))
      assert.equal("TypeError: call controller:abort(...) with a colon",
         tostring(page.raised(whatwg.AbortController().abort)))
   end)
end)
