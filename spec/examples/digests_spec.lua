--- examples/sha256.lua and examples/base64.lua, by the vectors of their standards.

local base64 = require "base64"
local sha256 = require "sha256"

local function hex(bytes)
   return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

describe("sha256.digest", function()
   -- The examples of FIPS 180-4 and of NIST, and the lengths around the end of a block, as sha256sum has them.
   local vectors = {
      [""] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq =
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
      ["\189"] = "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b",
      [("\0"):rep(64)] = "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b",
      [("a"):rep(55)] = "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318",
      [("a"):rep(56)] = "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a",
      [("a"):rep(63)] = "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34",
      [("a"):rep(1000)] = "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3",
      [("\255"):rep(128)] = "e9175db65a9789096ca9cb5524d3abc2107df03e3c9ba3af1aca628f9c5d3bd2",
   }

   it("has the digests of the standard", function()
      for text, digest in pairs(vectors) do
         assert.equal(digest, hex(sha256.digest(text)))
      end
   end)
end)

describe("base64", function()
   -- RFC 4648 section 10.
   local vectors = {
      [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", fooba = "Zm9vYmE=", foobar = "Zm9vYmFy",
      ["\0\16\131\255\239\191"] = "ABCD/++/",
   }

   it("has the texts of the standard, there and back", function()
      for bytes, text in pairs(vectors) do
         assert.equal(text, base64.encode(bytes))
         assert.equal(bytes, base64.decode(text))
      end
   end)

   it("gives back all bytes", function()
      local all = {}
      for value = 0, 255 do
         all[#all + 1] = string.char(value)
      end
      local bytes = table.concat(all)
      assert.equal(bytes, base64.decode(base64.encode(bytes)))
   end)

   it("refuses what is no base64", function()
      for _, text in ipairs({ "Zg", "Zg=", "Zg==Zg==", "Z g=", "Zm9v\n", "====", "Zm-_" }) do
         local bytes, problem = base64.decode(text)
         assert.is_nil(bytes)
         assert.matches("^no base64: %d+ bytes", problem)
      end
   end)
end)
