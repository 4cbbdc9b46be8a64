--- examples/json.lua: what it encodes, decodes and refuses.

local json = require "json"

describe("json.encode", function()
   it("encodes texts, numbers, booleans and null", function()
      assert.equal([["a \"quote\", \\ / \n\t\u0000\u001f é"]], json.encode('a "quote", \\ / \n\t\0\31 é'))
      assert.equal("0", json.encode(0))
      assert.equal("-12", json.encode(-12))
      assert.equal("9007199254740992", json.encode(2 ^ 53))
      assert.equal("0.1", json.encode(0.1))
      assert.equal("true", json.encode(true))
      assert.equal("false", json.encode(false))
      assert.equal("null", json.encode(json.null))
   end)

   it("encodes numbers so that they come back as they were", function()
      for _, number in ipairs({ 1 / 3, 1e300, 5e-324, -2.5e-7, 123456789.125, 2 ^ 53 + 2, 1e15, -1e15, 1e16 }) do
         assert.equal(number, json.decode(json.encode(number)))
      end
   end)

   it("tells empty arrays from empty objects", function()
      assert.equal("{}", json.encode({}))
      assert.equal("[]", json.encode(json.array()))
      assert.equal("[]", json.encode(json.array {}))
   end)

   it("encodes arrays in order, with null in place of a hole", function()
      assert.equal('[1,null,[],{"a":[2]}]', json.encode { 1, json.null, json.array(), { a = { 2 } } })
   end)

   it("raises for what JSON cannot represent", function()
      local cases = {
         [{ print }] = "no function",
         [{ math.huge }] = "no number inf",
         [{ -math.huge }] = "no number %-inf",
         [{ 0 / 0 }] = "no number %-?nan",
         [{ { [true] = 1 } }] = "strings, got the boolean true",
         [{ { [2] = 1 } }] = "strings, got the number 2",
         [{ { 1, 2, nil, 4 } }] = "keys 1 to n",
         [{ { 1, name = 2 } }] = "keys 1 to n",
      }
      for case, text in pairs(cases) do
         local ok, problem = pcall(json.encode, case[1])
         assert.is_false(ok)
         assert.matches(text, problem)
      end
   end)

   it("raises for a table in itself", function()
      local circle = {}
      circle.inside = circle
      assert.error_matches(function() json.encode(circle) end, "nested too deeply for JSON: limit 200")
   end)
end)

describe("json.decode", function()
   it("decodes every kind of value, with any white space", function()
      local text = ' {"a" : [ 1 , -2.5e3,\t0, 1E+2 ]\r\n, "b":{"c":null,"":false}, "d":"\\u00e9\\/\\b", "e":[] } '
      assert.same({ a = { 1, -2500, 0, 100 }, b = { c = json.null, [""] = false }, d = "é/\b", e = {} },
         json.decode(text))
   end)

   it("decodes values that are no objects", function()
      assert.equal("x", json.decode '"x"')
      assert.equal(json.null, json.decode "null")
      assert.equal(false, json.decode "false")
      assert.equal(7, json.decode "7")
   end)

   it("joins surrogate pairs, and replaces half of one", function()
      assert.equal("\240\159\152\128", json.decode [["\ud83d\ude00"]])
      assert.equal("\239\191\189x", json.decode [["\ud83dx"]])
      assert.equal("\239\191\189\239\191\189", json.decode [["\ude00\ud83d"]])
      assert.equal("\239\191\189A", json.decode [["\ud83d\u0041"]])
      assert.equal("\244\143\191\191", json.decode [["\udbff\udfff"]])
      assert.equal("\224\160\128\223\191", json.decode [["\u0800\u07ff"]])
   end)

   it("gives back what was encoded, empty arrays included", function()
      local text = '{"list":[{},[],[[]],"\\u0001é"]}'
      assert.equal(text, json.encode(json.decode(text)))
      assert.equal("\127", json.decode '"\127"')
   end)

   it("counts the last of two names", function()
      assert.same({ a = 2 }, json.decode '{"a":1,"a":2}')
   end)

   it("refuses what is no JSON, and says where", function()
      local cases = {
         [""] = "byte 1: expected a value", ["{"] = "byte 2: expected a name", ["[1,]"] = "byte 4: expected a value",
         ['{"a":1,}'] = "byte 8: expected a name", ['{"a" 1}'] = "byte 5: expected a colon", ["[1 2]"] = "byte 4",
         ["01"] = "byte 1", ["-"] = "byte 1", ["1."] = "byte 2: expected the end", [".5"] = "byte 1", ["+1"] = "byte 1",
         ["0x10"] = "byte 2", ["1e"] = "byte 2", ["1e999"] = "byte 1: the number is too large", ["nul"] = "byte 1",
         ["NaN"] = "byte 1", ["'a'"] = "byte 1", ['"a'] = "byte 1: the string does not end", ['"\\x"'] = "byte 2",
         ['"\\u12g4"'] = "byte 2: \\u needs four", ['"\1"'] = "byte 2: a control character", ["1 x"] = "byte 3",
         ["truefalse"] = "byte 1", ["[1}"] = "byte 3: expected a comma or ]",
         [("["):rep(201)] = "byte 201: nested too deeply: limit 200",
      }
      for text, where in pairs(cases) do
         local value, problem = json.decode(text)
         assert.is_nil(value)
         assert.truthy(problem:find("invalid JSON at " .. where, 1, true), text:sub(1, 20) .. " → " .. problem)
      end
   end)

   it("decodes what is nested to the limit", function()
      assert.truthy(json.decode(("["):rep(200) .. ("]"):rep(200)))
   end)
end)
