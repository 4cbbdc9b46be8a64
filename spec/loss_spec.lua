-- The short form of `scripts/soak loss`.
local shell = require "shell"

describe("messages across faults", function()
   it("arrive once and in order, or are counted as lost", function()
      local lua = os.getenv("LUA_NAME") or rawget(_G, "jit") and "luajit" or _VERSION:match("%d+%.%d+")
      local seed = math.random(1000)
      local output, status = shell.execute(("python3 scripts/lib/loss 20000 40 5 %d %s"):format(seed, lua))
      assert.equal(0, status, ("seed %d:\n%s"):format(seed, output))
      assert.truthy(output:find("counted as lost", 1, true), output)
   end)
end)
