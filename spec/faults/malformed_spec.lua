--- Malformed streams of a server, made from numbers. `scripts/soak malformed` runs a million of them.

local malformed = require "malformed"

local COUNT = 3000

describe("a malformed stream", function()
   it("has one end with a known code, which is last, whatever is wrong with it", function()
      local report = malformed.report(1)
      malformed.run(report, COUNT, 1, 100)
      assert.same({}, report.wrong)
      assert.same({ COUNT, 0 }, { report.ended, report.problems })
      -- The cases lead everywhere. Whether some end by `reset` or `timeout` depends on how fast each side is.
      for _, ending in ipairs({ "fail handshake", "fail http_status", "closed 1000", "closed 1002", "closed 1006",
         "closed 1007", "closed 1009" }) do
         assert((report.ends[ending] or 0) > 0, "no case ended with " .. ending)
      end
   end)
end)
