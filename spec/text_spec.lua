--- `websocket.to_utf8` and `websocket.parse_url`.

local websocket = require "websocket"

-- U+FFFD in UTF-8.
local R = "\239\191\189"

describe("to_utf8", function()
   -- Each maximal part of a character that cannot go on is one U+FFFD (Encoding standard, section 8.1.1).
   local cases = {
      ["is empty"] = { "", "" },
      ["is ASCII"] = { "plain\0\127", "plain\0\127" },
      ["has characters of two to four bytes"] = {
         "\194\128\223\191\224\160\128\239\191\191\240\144\128\128\244\143\191\191",
         "\194\128\223\191\224\160\128\239\191\191\240\144\128\128\244\143\191\191",
      },
      ["has the characters around the surrogates"] = { "\237\159\191\238\128\128", "\237\159\191\238\128\128" },
      ["begins with a byte order mark"] = { "\239\187\191x", "\239\187\191x" },
      ["has a byte that never occurs"] = { "\255", R },
      ["has each byte that never occurs"] = {
         "\192\193\245\246\247\248\249\250\251\252\253\254\255", R:rep(13),
      },
      ["has continuations without a start"] = { "a\128b\191\191c", "a" .. R .. "b" .. R .. R .. "c" },
      ["has an overlong form of two bytes"] = { "\192\128", R:rep(2) },
      ["has an overlong form of three bytes"] = { "\224\128\128", R:rep(3) },
      ["has an overlong form of four bytes"] = { "\240\128\128\128", R:rep(4) },
      ["has a surrogate"] = { "\237\160\128", R:rep(3) },
      ["has a pair of surrogates"] = { "\237\160\189\237\184\128", R:rep(6) },
      ["goes beyond U+10FFFF"] = { "\244\144\128\128", R:rep(4) },
      ["has a form of five bytes"] = { "\248\136\128\128\128", R:rep(5) },
      ["ends inside a character of two bytes"] = { "a\195", "a" .. R },
      ["ends inside a character of three bytes"] = { "a\226\130", "a" .. R },
      ["ends inside a character of four bytes"] = { "a\240\159\152", "a" .. R },
      ["ends behind the first byte"] = { "\240", R },
      ["has a character cut off by ASCII"] = { "\226\130a\240\159\152b", R .. "a" .. R .. "b" },
      ["has a character cut off by another"] = { "\194\195\164\226\130\226\130\172", R .. "\195\164" .. R
         .. "\226\130\172" },
      ["is the Unicode standard's example"] = {
         "\97\241\128\128\225\128\194\98\128\99\128\191\100",
         "a" .. R:rep(3) .. "b" .. R .. "c" .. R:rep(2) .. "d",
      },
   }
   for name, case in pairs(cases) do
      it("replaces only what is ill-formed in a text that " .. name, function()
         assert.equal(case[2], websocket.to_utf8(case[1]))
         -- And again changes nothing.
         assert.equal(case[2], websocket.to_utf8(case[2]))
      end)
   end

   it("accepts long texts", function()
      local text = ("x"):rep(100000) .. "\255" .. ("\195\164"):rep(100000)
      assert.equal(200000 + 100000 + 3, #websocket.to_utf8(text))
      assert.equal(3000000, #websocket.to_utf8(("\255"):rep(1000000)))
   end)

   it("raises for anything but a string", function()
      for _, value in ipairs({ 42, true, {}, print }) do
         assert.is_false(pcall(websocket.to_utf8, value))
      end
      assert.is_false(pcall(websocket.to_utf8))
      assert.is_false(pcall(websocket.to_utf8, nil))
   end)
end)

describe("parse_url", function()
   -- Parts of the result; those that are not named are not looked at.
   local cases = {
      ["ws://LOCALHOST:80"] = { href = "ws://localhost/", scheme = "ws", host = "localhost", port = 80, path = "/" },
      ["WSS://Example.COM"] = { href = "wss://example.com/", scheme = "wss", host = "example.com", port = 443 },
      ["wss://example.com:443/x"] = { href = "wss://example.com/x", port = 443 },
      ["wss://example.com:80/x"] = { href = "wss://example.com:80/x", port = 80 },
      ["http://example.com"] = { href = "http://example.com/", scheme = "http", port = 80 },
      ["https://example.com:8443/a"] = { href = "https://example.com:8443/a", scheme = "https", port = 8443 },
      ["ws://example.com:0080/"] = { href = "ws://example.com/", port = 80 },
      ["ws://example.com:/"] = { href = "ws://example.com/", port = 80 },
      ["ws://a/b c\"d<e>f`g"] = { href = "ws://a/b%20c%22d%3Ce%3Ef%60g", path = "/b%20c%22d%3Ce%3Ef%60g" },
      ["ws://a/\195\164?\195\164"] = { href = "ws://a/%C3%A4?%C3%A4", path = "/%C3%A4", query = "%C3%A4" },
      ["ws://a/x?y=1&z= 2"] = { href = "ws://a/x?y=1&z=%202", path = "/x", query = "y=1&z=%202" },
      ["ws://a?x"] = { href = "ws://a/?x", path = "/", query = "x" },
      ["ws://a/x#y z"] = { href = "ws://a/x#y%20z", path = "/x", fragment = "y%20z" },
      ["ws://a/./b/../c//d/%2e%2e/e"] = { href = "ws://a/c//e", path = "/c//e" },
      ["  ws://a/  "] = { href = "ws://a/" },
      ["ws://a/b\tc\r\nd"] = { href = "ws://a/bcd" },
      ["ws:\\\\a\\b"] = { href = "ws://a/b" },
      ["ws:a/b"] = { href = "ws://a/b" },
      ["ws:///a/b"] = { href = "ws://a/b" },
      ["ws://user:p%40ss@a/b"] = { href = "ws://user:p%40ss@a/b", username = "user", password = "p%40ss", host = "a" },
      ["ws://a b:c@d/"] = { href = "ws://a%20b:c@d/", username = "a%20b", password = "c" },
      ["ws://user@a/"] = { username = "user", password = "" },
      ["ws://127.1/"] = { href = "ws://127.0.0.1/", host = "127.0.0.1" },
      ["ws://0x7f.0.0.01/"] = { href = "ws://127.0.0.1/" },
      ["ws://[0:0::1]:8080/"] = { href = "ws://[::1]:8080/", host = "[::1]", port = 8080 },
      ["ws://b\195\188cher.example/"] = { href = "ws://xn--bcher-kva.example/", host = "xn--bcher-kva.example" },
      ["ws://%65xample.com/"] = { href = "ws://example.com/" },
   }
   for text, parts in pairs(cases) do
      it("reads " .. text:gsub("%c", "?"), function()
         local result, problem = websocket.parse_url(text)
         assert.is_nil(problem)
         for name, value in pairs(parts) do
            assert.equal(value, result[name], name)
         end
         -- What it wrote reads as the same.
         assert.same(result, (websocket.parse_url(result.href)))
      end)
   end

   it("distinguishes an empty query and fragment from none", function()
      local empty, none = websocket.parse_url("ws://a/?#"), websocket.parse_url("ws://a/")
      assert.equal("ws://a/?#", empty.href)
      assert.equal("ws://a/", none.href)
      assert(empty.query ~= none.query, "query")
      assert(empty.fragment ~= none.fragment, "fragment")
   end)

   it("gives the port as an integer", function()
      assert.equal("8080", tostring(websocket.parse_url("ws://a:8080/").port))
   end)

   for _, text in ipairs({
      "", " ", "ws", "ws:", "ws://", "ws:///", "//a/", "/a", "a", "a/b", "?x", "#x", "://a/",
      "ws://a:65536/", "ws://a:x/", "ws://a:-1/", "ws://[::1", "ws://[::g]/", "ws://a b/", "ws://a<b/", "ws://a%00b/",
      "ws://999.1.1.1/", "ws://:80/", "ws://user@/", "ws://user:pass@:80/",
      "ftp://a/", "file:///a", "mailto:a@b", "javascript:x",
   }) do
      it(string.format("refuses %q with nil and a text", text), function()
         local result, problem = websocket.parse_url(text)
         assert.is_nil(result)
         assert.equal("string", type(problem))
         assert(#problem > 0)
      end)
   end

   it("raises for anything but a string", function()
      for _, value in ipairs({ 42, true, {}, print }) do
         assert.is_false(pcall(websocket.parse_url, value))
      end
      assert.is_false(pcall(websocket.parse_url))
   end)
end)
