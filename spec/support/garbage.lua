--- Collects garbage, for specs that expect an object to be collected.
--- Comes in: conditions, and tables with weak references. Goes out: failed waits. Knows nothing of what is collected.
---
--- An object that must be collected is made in a function of its own, because the place that a local variable or a
--- temporary value has on the stack of the spec may still refer to it.

local client = require "client"

local M = {}

local jit = rawget(_G, "jit")

--- Collects everything that nothing refers to. LuaJIT's compiled code refers to functions, and to what these refer to,
--- so it is dropped first.
function M.collect()
   if jit then
      jit.flush()
   end
   collectgarbage()
   collectgarbage() -- a userdata with a finaliser is freed one cycle later
end

--- Polls and collects until a condition returns a true value, and returns that value; raises at the deadline.
--- @generic T
--- @param condition fun(): T
--- @return T
function M.collect_until(condition)
   local answer = client.poll_until(function()
      M.collect()
      return condition()
   end)
   return answer or error("what was expected to be collected is still there", 2)
end

--- Polls and collects until a table with weak references is empty; raises at the deadline.
--- @param weak table
function M.await_collected(weak)
   M.collect_until(function()
      return next(weak) == nil
   end)
end

return M
