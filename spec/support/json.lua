--- A small JSON encoder and decoder (RFC 8259), for specs that send plain data there and back.
--- Comes in: tables of strings, numbers and booleans. Goes out: texts, and the reverse. Raises for what JSON cannot
--- represent, such as strings that are not UTF-8. Every number is decoded as a float, as most decoders do.

local websocket = require "websocket"

local M = {}

local encode

local function quoted(text)
   assert(websocket.to_utf8(text) == text, "not UTF-8")
   return '"' .. text:gsub('[%c"\\\127]', function(char)
      return ("\\u%04x"):format(char:byte())
   end) .. '"'
end

local function encode_table(value)
   local parts = {}
   if #value > 0 or next(value) == nil then
      for _, item in ipairs(value) do
         parts[#parts + 1] = encode(item)
      end
      return "[" .. table.concat(parts, ",") .. "]"
   end
   for name, item in pairs(value) do
      assert(type(name) == "string", "a key that is no string")
      parts[#parts + 1] = quoted(name) .. ":" .. encode(item)
   end
   return "{" .. table.concat(parts, ",") .. "}"
end

function encode(value)
   local kind = type(value)
   if kind == "table" then
      assert(getmetatable(value) == nil, "a metatable")
      return encode_table(value)
   elseif kind == "string" then
      return quoted(value)
   elseif kind == "number" then
      return ("%.14g"):format(value)
   end
   assert(kind == "boolean", kind)
   return tostring(value)
end

local decode

local function decode_list(text, at, close, item)
   at = text:match("^%s*()", at)
   while text:sub(at, at) ~= close do
      at = item(at)
      at = text:match("^%s*,?%s*()", at)
   end
   return at + 1
end

local function decode_string(text, at)
   local body, after = text:match('^"([^"]*)"()', at)
   return body:gsub("\\u(%x%x%x%x)", function(digits)
      return string.char(tonumber(digits, 16))
   end), after
end

function decode(text, at)
   local first = text:sub(at, at)
   if first == "{" or first == "[" then
      local value = {}
      return value, decode_list(text, at + 1, first == "{" and "}" or "]", function(here)
         local name = #value + 1
         if first == "{" then
            name, here = decode_string(text, here)
            here = text:match("^%s*:%s*()", here)
         end
         value[name], here = decode(text, here)
         return here
      end)
   elseif first == '"' then
      return decode_string(text, at)
   end
   local word, after = text:match("^([%w%.+-]+)()", at)
   if word == "true" or word == "false" then
      return word == "true", after
   end
   return tonumber(word) / 1, after
end

--- Encodes a value.
--- @type fun(value: any): string
M.encode = encode

--- Decodes what `encode` has made.
--- @param text string
--- @return any
function M.decode(text)
   return (decode(text, 1))
end

return M
