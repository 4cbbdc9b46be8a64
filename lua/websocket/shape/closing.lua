-- Rules for the arguments of `close` that more than one shape has.
--
-- Comes in: a code and a reason as a script gave them. Goes out: the integer, or what is wrong as a text. Knows nothing
-- of how a shape raises, nor of the narrower range that its system allows.

local floor, huge, type = math.floor, math.huge, type
local to_integer = math.tointeger or function(number) return number end

local M = {}

--- The longest reason in bytes of UTF-8: a control frame holds 125 and the code takes 2 (RFC 6455 section 5.5).
M.MAX_REASON = 123

--- Returns a number as an integer; a float without fraction is one.
--- @param value any
--- @return integer? number nil for what is no number or has a fraction, for NaN and the infinities
function M.integer(value)
   if type(value) ~= "number" or floor(value) ~= value or value == huge or value == -huge then
      return nil
   end
   return to_integer(value)
end

--- Tells whether a code may stand in a Close frame: 1000-1003, 1007-1014, 3000-4999 (RFC 6455 section 7.4).
--- @param code integer
--- @return boolean
function M.may_be_sent(code)
   return (code >= 1000 and code <= 1003) or (code >= 1007 and code <= 1014) or (code >= 3000 and code <= 4999)
end

--- Says what keeps a reason from being sent: more than 123 bytes. That it is UTF-8 the engine checks.
--- @param reason string
--- @return string? problem nil where it fits
function M.reason_problem(reason)
   if #reason > M.MAX_REASON then
      return ("close reason too long: %d bytes, limit %d"):format(#reason, M.MAX_REASON)
   end
end

return M
