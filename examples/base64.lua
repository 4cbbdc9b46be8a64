-- Base64 (RFC 4648 section 4) for the examples.
-- Comes in: bytes. Goes out: text, and the reverse. Uses no bit operators, which Lua 5.1 and 5.2 do not have.

local M = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

-- Digits by value, and values by the byte of the digit; padding counts as 0.
local digits, values = {}, { [("="):byte()] = 0 }
for value = 0, 63 do
   digits[value] = ALPHABET:sub(value + 1, value + 1)
   values[digits[value]:byte()] = value
end

--- Returns bytes as base64, padded.
--- @param bytes string
--- @return string
function M.encode(bytes)
   local padding = -#bytes % 3
   local text = (bytes .. ("\0"):rep(padding)):gsub("...", function(three)
      local first, second, third = three:byte(1, 3)
      local number = first * 0x10000 + second * 0x100 + third
      return digits[math.floor(number / 0x40000)] .. digits[math.floor(number / 0x1000) % 64]
         .. digits[math.floor(number / 0x40) % 64] .. digits[number % 64]
   end)
   return text:sub(1, #text - padding) .. ("="):rep(padding)
end

--- Returns the bytes of a padded base64 text, or nil and what is wrong with it.
--- @param text string
--- @return string? bytes
--- @return string? problem
function M.decode(text)
   local body, padding = text:match("^([%w+/]*)(=?=?)$")
   if not body or #text % 4 ~= 0 then
      return nil, ("no base64: %d bytes that are not groups of four of its digits"):format(#text)
   end
   local bytes = text:gsub("....", function(four)
      local first, second, third, fourth = four:byte(1, 4)
      local number = values[first] * 0x40000 + values[second] * 0x1000 + values[third] * 64 + values[fourth]
      return string.char(math.floor(number / 0x10000), math.floor(number / 0x100) % 256, number % 256)
   end)
   return bytes:sub(1, #bytes - #padding)
end

return M
