-- The rule for the table of faults in docs/reliability.md.
-- Comes in: a tree, paths to texts. Goes out: breaches, `{path, text}`.

local M = {}

local PAGE = "docs/reliability.md"
local COUNT = 76

-- Returns a pattern for a name in which `…` stands for what the code of a test puts in.
local function pattern_of(name)
   return (name:gsub("[%^%$%(%)%%%.%[%]%*%+%-%?]", "%%%0"):gsub("…", "[^\n]-"))
end

local function has_test(path, text, name)
   if path:match("%.rs$") then
      return text:find("fn " .. name .. "(", 1, true)
   end
   return text:find(pattern_of(name))
end

-- Calls `complain` with each test of a table's cell that does not exist. The cell names files in backquotes, and after
-- each the tests in quotes.
local function check_cell(tree, cell, complain)
   local tests = 0
   for path, rest in cell:gmatch("`([^`]+)`([^`]*)") do
      local text = tree[path]
      if not text then
         complain(path .. " does not exist")
      end
      for name in rest:gmatch('"([^"]+)"') do
         tests = tests + 1
         if text and not has_test(path, text, name) then
            complain(("%s has no test %q"):format(path, name))
         end
      end
   end
   if tests == 0 then
      complain("names no test")
   end
end

--- Every fault has a row, in order, and every test that a row names exists.
function M.tests(tree)
   local breaches, last = {}, 0
   for number, row in (tree[PAGE] or ""):gmatch("\n| (%d+) |([^\n]*)|") do
      local function complain(text)
         breaches[#breaches + 1] = { path = PAGE, text = ("fault %s: %s"):format(number, text) }
      end
      if tonumber(number) ~= last + 1 then
         complain("stands after " .. last)
      end
      last = tonumber(number)
      check_cell(tree, row:match("|([^|]*)$") or "", complain)
   end
   if last ~= COUNT then
      breaches[#breaches + 1] = { path = PAGE, text = ("the table ends with fault %d, not %d"):format(last, COUNT) }
   end
   return breaches
end

return M
