-- Text encodings by name: utf-8, ascii, latin1, utf-16le, utf-16be.
-- Comes in: Lua strings in UTF-8, or bytes in an encoding. Goes out: the other of the two; what is wrong gives nil, or
-- U+FFFD in its place. Knows no Data.

local websocket = require "websocket"

local byte, char, concat, floor = string.byte, string.char, table.concat, math.floor
local REPLACEMENT = "\239\191\189"

--- @class websocket.scripting.Encoding
--- @field encode fun(text: string): string? nil where the encoding cannot represent a character
--- @field decode fun(bytes: string): string? nil where the bytes are not a text in the encoding
--- @field decode_lossy fun(bytes: string): string with U+FFFD in place of what is wrong

-- Returns the UTF-8 of a code point.
local function utf8_of(point)
   if point < 0x80 then
      return char(point)
   elseif point < 0x800 then
      return char(0xC0 + floor(point / 0x40), 0x80 + point % 0x40)
   elseif point < 0x10000 then
      return char(0xE0 + floor(point / 0x1000), 0x80 + floor(point / 0x40) % 0x40, 0x80 + point % 0x40)
   end
   return char(0xF0 + floor(point / 0x40000), 0x80 + floor(point / 0x1000) % 0x40, 0x80 + floor(point / 0x40) % 0x40,
      0x80 + point % 0x40)
end

-- Encodes the code points of a text one by one. `encode_one` returns nil for a code point that the encoding cannot
-- represent.
local function encode_points(text, encode_one)
   text = websocket.to_utf8(text)
   local parts, at = {}, 1
   while at <= #text do
      local first = byte(text, at)
      local length = first < 0x80 and 1 or first < 0xE0 and 2 or first < 0xF0 and 3 or 4
      local point = length == 1 and first or first % 2 ^ (7 - length)
      for offset = 1, length - 1 do
         point = point * 0x40 + byte(text, at + offset) % 0x40
      end
      local part = encode_one(point)
      if not part then
         return nil
      end
      parts[#parts + 1] = part
      at = at + length
   end
   return concat(parts)
end

-- ascii and latin1: each byte is a code point, up to a last one.
local function single_byte(last)
   local decode = {}
   for code = 0x80, 0xFF do
      decode[char(code)] = code <= last and utf8_of(code) or nil
   end
   local function decode_lossy(bytes)
      return (bytes:gsub("[\128-\255]", function(one)
         return decode[one] or REPLACEMENT
      end))
   end
   return {
      encode = function(text)
         return encode_points(text, function(point)
            return point <= last and char(point) or nil
         end)
      end,
      decode = function(bytes)
         return (last == 0xFF or not bytes:find("[\128-\255]")) and decode_lossy(bytes) or nil
      end,
      decode_lossy = decode_lossy,
   }
end

-- utf-16: `high` and `low` say which of the two bytes of a unit holds which half.
local function double_byte(high, low)
   local function pair(unit)
      local halves = { [high] = floor(unit / 0x100), [low] = unit % 0x100 }
      return char(halves[1], halves[2])
   end

   local function unit_at(bytes, at)
      local halves = { byte(bytes, at, at + 1) }
      return halves[2] and halves[high] * 0x100 + halves[low]
   end

   -- Returns the text, and whether it was well-formed (Unicode standard, section 3.9, D91).
   local function decode(bytes)
      local parts, at, is_right = {}, 1, true
      while at <= #bytes do
         local point, size = unit_at(bytes, at), 2
         local after = point and point >= 0xD800 and point < 0xDC00 and unit_at(bytes, at + 2)
         if after and after >= 0xDC00 and after < 0xE000 then
            point, size = 0x10000 + (point - 0xD800) * 0x400 + after - 0xDC00, 4
         end
         if not point or point >= 0xD800 and point < 0xE000 then
            is_right = false
            parts[#parts + 1] = REPLACEMENT
         else
            parts[#parts + 1] = utf8_of(point)
         end
         at = at + size
      end
      return concat(parts), is_right
   end

   return {
      encode = function(text)
         return encode_points(text, function(point)
            if point < 0x10000 then
               return pair(point)
            end
            local rest = point - 0x10000
            return pair(0xD800 + floor(rest / 0x400)) .. pair(0xDC00 + rest % 0x400)
         end)
      end,
      decode = function(bytes)
         local text, is_right = decode(bytes)
         return is_right and text or nil
      end,
      decode_lossy = function(bytes)
         return (decode(bytes))
      end,
   }
end

local utf8 = {
   -- A Lua string is a string of bytes: what is not UTF-8 stays as it is.
   encode = function(text)
      return text
   end,
   decode = function(bytes)
      return websocket.to_utf8(bytes) == bytes and bytes or nil
   end,
   decode_lossy = websocket.to_utf8,
}

--- The encodings by lower-case name.
--- @type table<string, websocket.scripting.Encoding>
return {
   ["utf-8"] = utf8,
   utf8 = utf8,
   ascii = single_byte(0x7F),
   latin1 = single_byte(0xFF),
   ["utf-16le"] = double_byte(2, 1),
   ["utf-16be"] = double_byte(1, 2),
}
