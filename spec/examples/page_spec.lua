--- docs/examples.md and scripts/example: they name every example.

local sample = require "sample"
local shell = require "shell"

local page = sample.read "docs/examples.md"

-- Returns the names of the scripts and modules in examples/.
local function names()
   local list = {}
   for path in shell.execute("ls examples/*.lua"):gmatch("examples/([%w_]+)%.lua") do
      list[#list + 1] = path
   end
   return list
end

describe("docs/examples.md", function()
   it("has every file of examples/", function()
      local list = names()
      assert.is_true(#list >= 17)
      for _, name in ipairs(list) do
         assert.truthy(page:find(("(../examples/%s.lua)"):format(name), 1, true), name)
      end
   end)

   it("has exactly the commands that scripts/example lists", function()
      local listed, status = shell.execute("scripts/example")
      assert.equal(0, status)
      local known, count = {}, 0
      for name in ("\n" .. listed):gmatch("\n([%w_]+)  +%l") do
         known[name] = true
         assert.truthy(page:find(("| `scripts/example %s` | [%s.lua]"):format(name, name), 1, true), name)
      end
      for name in page:gmatch("\n| `scripts/example ([%w_]+)`") do
         count = count + 1
         assert.is_true(known[name])
      end
      assert.equal(5, count)
   end)
end)

describe("scripts/example", function()
   it("refuses a name that it does not know, and lists those that it does", function()
      local output, status = shell.execute("scripts/example no_such_example")
      assert.equal(1, status)
      assert.matches("there is no example no_such_example; these are:\ndevtools ", output)
   end)
end)
