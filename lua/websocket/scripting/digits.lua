-- Bytes written as digits: base64 (RFC 4648 section 4) and hexadecimal.
-- Comes in: bytes, or digits. Goes out: the other of the two, or nil for a text that is not such digits. Knows no Data.

local byte, char, floor, tonumber = string.byte, string.char, math.floor, tonumber

local M = {}

local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local digit_of, value_of = {}, {}
for value = 0, 63 do
   digit_of[value] = alphabet:sub(value + 1, value + 1)
   value_of[digit_of[value]] = value
end

--- Writes bytes in base64, with padding and without line breaks.
--- @param bytes string
--- @return string
function M.to_base64(bytes)
   return (bytes:gsub("..?.?", function(group)
      local first, second, third = byte(group, 1, 3)
      local number = first * 0x10000 + (second or 0) * 0x100 + (third or 0)
      return digit_of[floor(number / 0x40000)] .. digit_of[floor(number / 0x1000) % 64]
         .. (second and digit_of[floor(number / 0x40) % 64] or "=") .. (third and digit_of[number % 64] or "=")
   end))
end

--- Reads base64 with padding and without line breaks.
--- @param text string
--- @return string? bytes nil where the text is not base64
function M.from_base64(text)
   if #text % 4 ~= 0 or not text:find("^[%w+/]*=?=?$") then
      return nil
   end
   return (text:gsub("(.)(.)(.)(.)", function(a, b, c, d)
      local number = value_of[a] * 0x40000 + value_of[b] * 0x1000 + (value_of[c] or 0) * 0x40 + (value_of[d] or 0)
      local bytes = char(floor(number / 0x10000), floor(number / 0x100) % 0x100, number % 0x100)
      return bytes:sub(1, c == "=" and 1 or d == "=" and 2 or 3)
   end))
end

--- Writes bytes in lower-case hexadecimal.
--- @param bytes string
--- @return string
function M.to_hexadecimal(bytes)
   return (bytes:gsub(".", function(one)
      return ("%02x"):format(byte(one))
   end))
end

--- Reads hexadecimal digits in either case, two for each byte.
--- @param text string
--- @return string? bytes nil where the text is something else
function M.from_hexadecimal(text)
   if #text % 2 ~= 0 or text:find("%X") then
      return nil
   end
   return (text:gsub("..", function(digits)
      return char(tonumber(digits, 16))
   end))
end

return M
