-- How error texts show the values that a script gave.
-- Comes in: any value. Goes out: a short text on one line, never with an address. Knows no shape.

local websocket = require "websocket"

local find, gsub, huge, type = string.find, string.gsub, math.huge, type
local math_type = math.type or function() return "float" end

local M = {}

-- How many bytes of a string are shown.
local LIMIT = 100

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape(text)
   return escapes[text] or gsub(text, ".", function(byte)
      return ("\\x%02x"):format(byte:byte())
   end)
end

-- Returns at most LIMIT bytes of a text, without a part of a character at the end.
local function cut(text)
   local last = LIMIT
   while last > LIMIT - 3 and find(text, "^[\128-\191]", last + 1) do
      last = last - 1
   end
   return text:sub(1, last)
end

--- Returns the beginning of a string in double quotes, escaped as the engine does it, with U+FFFD in place of what is
--- not UTF-8. Three dots follow where the string is longer.
--- @param text string
--- @return string
function M.quoted(text)
   local shown = websocket.to_utf8(cut(text))
   shown = gsub(shown, '[%c"\\]', escape)
   shown = gsub(shown, "\194[\128-\159]", escape) -- the control characters U+0080 to U+009F
   return '"' .. shown .. '"' .. (#text > LIMIT and "..." or "")
end

local function number(value)
   if value ~= value then
      return "nan"
   elseif value == huge or value == -huge then
      return value > 0 and "math.huge" or "-math.huge"
   end
   return (math_type(value) == "integer" and "%d" or "%.14g"):format(value)
end

--- Returns how an error text shows a value: a string in quotes, a number in digits, for other values the type.
--- @param value any
--- @return string
function M.value(value)
   if type(value) == "string" then
      return M.quoted(value)
   elseif type(value) == "number" then
      return number(value)
   end
   return value == nil and "nil" or "a " .. type(value)
end

return M
