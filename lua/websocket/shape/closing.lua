-- Close codes, and the rules for the arguments of `close` that several shapes have.
-- Comes in: a code and a reason as a script gave them. Goes out: the integer, or a text that says what is wrong. Knows
-- nothing of how a shape raises errors, nor of the narrower range of codes that its system allows. Which codes may be
-- sent at all the engine decides.

local floor, huge, type = math.floor, math.huge, type
local to_integer = math.tointeger or function(number) return number end

local M = {}

--- The purpose of the connection is fulfilled (RFC 6455 section 7.4.1): the code of a `close` without one.
M.NORMAL = 1000
--- This end is going away.
M.GOING_AWAY = 1001
--- Stands for a Close frame without a code; it is never sent.
M.NO_STATUS = 1005
--- Stands for an end without a Close frame of the peer; it is never sent.
M.ABNORMAL = 1006

--- The longest reason in bytes of UTF-8: a control frame holds 125 and the code takes 2 (RFC 6455 section 5.5).
M.MAX_REASON = 123

--- Returns a number as an integer, so that 1000.0 becomes 1000.
--- @param value any
--- @return integer? number nil for a number with a fraction, NaN, an infinity, and for what is not a number
function M.integer(value)
   if type(value) ~= "number" or floor(value) ~= value or value == huge or value == -huge then
      return nil
   end
   return to_integer(value)
end

--- Checks the length of a reason. The engine checks that it is UTF-8.
--- @param reason string
--- @return string? problem nil where it fits into a Close frame
function M.reason_problem(reason)
   if #reason > M.MAX_REASON then
      return ("close reason too long: %d bytes, limit %d"):format(#reason, M.MAX_REASON)
   end
end

return M
