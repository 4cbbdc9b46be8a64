-- `Data`: bytes in an object, as the app Scripting has them.
-- Comes in: strings, lists, files, digits. Goes out: objects whose bytes can be read and changed. Knows no connection.

local bytes = require "websocket.shape.bytes"
local closing = require "websocket.shape.closing"
local digits = require "websocket.scripting.digits"
local encodings = require "websocket.scripting.encodings"
local errors = require "websocket.shape.error"
local lists = require "websocket.shape.list"
local quote = require "websocket.shape.quote"

local concat = table.concat
-- A host may give its scripts no io library.
local io = rawget(_G, "io")
local getmetatable, pairs, rawset, setmetatable, type = getmetatable, pairs, rawset, setmetatable, type

--- Bytes. Offsets begin at zero, and a range does not include its end. A range out of bounds raises a RangeError.
--- @class websocket.scripting.Data
--- @field size integer in bytes; read-only, as are length and count
--- @field length integer
--- @field count integer
local methods = {}

--- The functions of the class.
--- @class websocket.scripting.DataClass
local Data = {}

-- The key of the bytes in an object; they are a string.
local BYTES = {}
local sizes = { size = true, length = true, count = true }
local metatable = { __name = "Data" }

function metatable.__index(self, name)
   return sizes[name] and #self[BYTES] or methods[name]
end

function metatable.__newindex(self, name, value)
   if not sizes[name] and not methods[name] then
      rawset(self, name, value)
   end
end

function metatable.__tostring(self)
   return ("Data: %d bytes"):format(#self[BYTES])
end

local function new(text)
   return setmetatable({ [BYTES] = text }, metatable)
end

--- Tells whether a value is a Data.
--- @param value any
--- @return boolean
function Data.is(value)
   return type(value) == "table" and getmetatable(value) == metatable
end

-- Arguments

local function check(value, expected, what)
   if type(value) ~= expected then
      errors.raise("TypeError", ("%s must be a %s, got %s"):format(what, expected, type(value)))
   end
   return value
end

local function check_data(value, what)
   if not Data.is(value) then
      errors.raise("TypeError", ("%s must be a Data, got %s"):format(what, type(value)))
   end
   return value
end

local function encoding_of(name)
   local encoding = encodings[check(name == nil and "utf-8" or name, "string", "encoding"):lower()]
   return encoding or errors.raise("TypeError", "unknown encoding: " .. quote.quoted(name))
end

-- Returns an offset of `first` to `last`.
local function offset_of(value, first, last, what)
   local offset = closing.integer(value)
   if not offset then
      errors.raise("TypeError", ("%s must be an integer, got %s"):format(what, quote.value(value)))
   elseif offset < first or offset > last then
      errors.raise("RangeError", ("%s must be %d to %d, got %d"):format(what, first, last, offset))
   end
   return offset
end

local function range_of(self, from, to)
   to = offset_of(to, 0, #self[BYTES], "end")
   return offset_of(from, 0, to, "start"), to
end

-- Functions that make a Data

--- Makes a Data from a text, or returns nil where the encoding cannot represent a character.
--- @param text string UTF-8; with the encoding utf-8 its bytes are taken as they are
--- @param encoding? "utf-8"|"utf8"|"ascii"|"latin1"|"utf-16le"|"utf-16be" default utf-8
--- @return websocket.scripting.Data?
function Data.fromString(text, encoding)
   local encoded = encoding_of(encoding).encode(check(text, "string", "text"))
   return encoded and new(encoded)
end

--- Does what `fromString` does.
Data.fromRawString = Data.fromString

local function from_list(list)
   if type(list) == "table" and type(list.bytes) == "function" then
      list = list:bytes()
   end
   local text, problem = bytes.from_list(list)
   return text and new(text) or errors.raise("TypeError", problem)
end

--- Makes a Data from a list of 0-255, or from an object whose method `bytes` returns such a list.
--- @param list integer[]
--- @return websocket.scripting.Data
function Data.fromIntArray(list)
   return from_list(list)
end

--- Does what `fromIntArray` does, because a list takes the place of a Uint8Array in Lua.
Data.fromUint8Array = Data.fromIntArray

--- Does what `fromIntArray` does, and also takes a string of bytes.
--- @param buffer integer[]|string|table
--- @return websocket.scripting.Data
function Data.fromArrayBuffer(buffer)
   return type(buffer) == "string" and new(buffer) or from_list(buffer)
end

--- Makes a Data from base64 with padding, or returns nil where the text is not base64.
--- @param text string
--- @return websocket.scripting.Data?
function Data.fromBase64String(text)
   local decoded = digits.from_base64(check(text, "string", "text"))
   return decoded and new(decoded)
end

--- Makes a Data from hexadecimal digits, or returns nil where the text is something else.
--- @param text string
--- @return websocket.scripting.Data?
function Data.fromHexString(text)
   local decoded = digits.from_hexadecimal(check(text, "string", "text"))
   return decoded and new(decoded)
end

--- Makes a Data from the bytes of a file, or returns nil and a text where the file cannot be read.
--- @param path string
--- @return websocket.scripting.Data?
--- @return string? problem
function Data.fromFile(path)
   check(path, "string", "path")
   if not io then
      return nil, "this host gives its scripts no io library"
   end
   local file, problem = io.open(path, "rb")
   if not file then
      return nil, problem
   end
   local content, trouble = file:read("*a")
   file:close()
   if not content then
      return nil, trouble
   end
   return new(content)
end

--- Joins several Data.
--- @param list websocket.scripting.Data[]
--- @return websocket.scripting.Data
function Data.combine(list)
   local parts = {}
   local count, problem = lists.count(check(list, "table", "list"), "Data")
   for index = 1, count or errors.raise("TypeError", problem) do
      parts[index] = check_data(list[index], "element " .. index)[BYTES]
   end
   return new(concat(parts))
end

-- Methods that read

--- Returns the bytes as a 1-based list of 0-255.
--- @return integer[]
function methods:getBytes()
   return bytes.to_list(self[BYTES])
end

--- Does what `getBytes` does, as `toIntArray` and `toArrayBuffer` do.
methods.toUint8Array = methods.getBytes
methods.toIntArray = methods.getBytes
methods.toArrayBuffer = methods.getBytes

--- Returns the bytes in base64.
--- @return string
function methods:toBase64String()
   return digits.to_base64(self[BYTES])
end

--- Returns the bytes in lower-case hexadecimal.
--- @return string
function methods:toHexString()
   return digits.to_hexadecimal(self[BYTES])
end

--- Returns the text in UTF-8, or nil where the bytes are not a text in the encoding.
--- @param encoding? string default utf-8
--- @return string?
function methods:toRawString(encoding)
   return encoding_of(encoding).decode(self[BYTES])
end

--- Returns the text in UTF-8, with U+FFFD in place of what is wrong in the encoding.
--- @param encoding? string default utf-8
--- @return string
function methods:toDecodedString(encoding)
   return encoding_of(encoding).decode_lossy(self[BYTES])
end

--- Returns a copy of the bytes from `from` up to, but not including, `to`.
--- @param from? integer default 0
--- @param to? integer default the size
--- @return websocket.scripting.Data
function methods:slice(from, to)
   from, to = range_of(self, from == nil and 0 or from, to == nil and #self[BYTES] or to)
   return new(self[BYTES]:sub(from + 1, to))
end

--- Returns a copy without the first `amount` bytes.
--- @param amount integer
--- @return websocket.scripting.Data
function methods:advanced(amount)
   return new(self[BYTES]:sub(offset_of(amount, 0, #self[BYTES], "amount") + 1))
end

-- Methods that change

local function replace(self, from, to, text)
   local old = self[BYTES]
   self[BYTES] = old:sub(1, from) .. text .. old:sub(to + 1)
end

--- Adds the bytes of another Data at the end.
--- @param other websocket.scripting.Data
function methods:append(other)
   self[BYTES] = self[BYTES] .. check_data(other, "other")[BYTES]
end

--- Sets the bytes from `from` up to, but not including, `to` to zero.
--- @param from integer
--- @param to integer
function methods:resetBytes(from, to)
   from, to = range_of(self, from, to)
   replace(self, from, to, ("\0"):rep(to - from))
end

--- Replaces the bytes from `from` up to, but not including, `to` by those of a Data of any size.
--- @param from integer
--- @param to integer
--- @param data websocket.scripting.Data
function methods:replaceSubrange(from, to, data)
   from, to = range_of(self, from, to)
   replace(self, from, to, check_data(data, "data")[BYTES])
end

-- A method that is called with a dot raises an error that says so.
for name, method in pairs(methods) do
   methods[name] = function(self, ...)
      if not Data.is(self) then
         errors.raise("TypeError", ("call data:%s(...) with a colon"):format(name))
      end
      return method(self, ...)
   end
end

--- Returns the bytes of a Data as a string; for `websocket.scripting` itself.
--- @param data websocket.scripting.Data
--- @return string
local function bytes_of(data)
   return data[BYTES]
end

return { Data = Data, bytes_of = bytes_of, new = new }
