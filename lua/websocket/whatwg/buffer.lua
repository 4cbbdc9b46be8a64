-- Blob and ArrayBuffer: bytes that never change.
-- Comes in: strings, lists of bytes, parts. Goes out: objects with the methods that the standards define, and the bytes
-- of everything that may be sent. Knows nothing of connections.

local arguments = require "websocket.whatwg.arguments"
local bytes = require "websocket.shape.bytes"
local class = require "websocket.whatwg.class"
local closing = require "websocket.shape.closing"
local lists = require "websocket.shape.list"
local raise = require("websocket.shape.error").raise

local concat, max, min = table.concat, math.max, math.min
local ipairs, select, tostring, type = ipairs, select, tostring, type

--- Bytes that arrived or are to be sent. `Blob(parts)` makes one from strings, Blobs, ArrayBuffers and views. The
--- offsets of `slice` begin at zero and do not include `to`; a negative one counts from the end.
--- @class websocket.whatwg.Blob
--- @field size integer
--- @field type string what the constructor was given in `{type=}`, in lower case; "" for a message that arrived
--- @field slice fun(self, from?: integer, to?: integer, type?: string): websocket.whatwg.Blob
--- @field text fun(self): string the bytes
--- @field bytes fun(self): integer[] the bytes as a list that begins at 1
--- @field arrayBuffer fun(self): websocket.whatwg.ArrayBuffer

--- Bytes. `ArrayBuffer(x)` makes one from a string or a list of 0-255.
--- @class websocket.whatwg.ArrayBuffer
--- @field byteLength integer
--- @field slice fun(self, from?: integer, to?: integer): websocket.whatwg.ArrayBuffer as that of Blob
--- @field text fun(self): string the bytes
--- @field bytes fun(self): integer[] the bytes as a list that begins at 1

--- A part of an ArrayBuffer, in place of the views that JavaScript has.
--- @class websocket.whatwg.View
--- @field buffer websocket.whatwg.ArrayBuffer
--- @field byteOffset? integer from zero; default 0
--- @field byteLength? integer default: up to the end

local Blob = class.define("Blob", "blob")
local ArrayBuffer = class.define("ArrayBuffer", "buffer")

local M = { Blob = Blob, ArrayBuffer = ArrayBuffer }

-- What both classes have

local function position(value, default, size)
   local offset = arguments.offset(value, default)
   return offset < 0 and max(size + offset, 0) or min(offset, size)
end

local function cut(text, from, to)
   return text:sub(position(from, 0, #text) + 1, position(to, #text, #text))
end

for _, of in ipairs({ Blob, ArrayBuffer }) do
   of:method("text", function(state) return state.text end)
   of:method("bytes", function(state) return bytes.to_list(state.text) end)
   of.metatable.__tostring = function(object) return of:open(object).text end
end

-- What may be sent

local function index(value, default, what)
   if value == nil then
      return default
   end
   local number = closing.integer(value)
   if not number or number < 0 then
      raise("RangeError", what .. " of a view must be an integer of 0 or more")
   end
   return number
end

local function bytes_of_view(view, buffer)
   local whole = buffer.text
   local offset = index(view.byteOffset, 0, "byteOffset")
   local length = index(view.byteLength, max(#whole - offset, 0), "byteLength")
   if offset + length > #whole then
      raise("RangeError", ("a view of %d bytes at %d goes beyond its buffer of %d"):format(length, offset, #whole))
   end
   return whole:sub(offset + 1, offset + length)
end

--- Returns the bytes of a Blob, an ArrayBuffer or a view, and nil for anything else.
--- @param value any
--- @return string?
function M.bytes_of(value)
   local state = Blob:open(value) or ArrayBuffer:open(value)
   if state then
      return state.text
   end
   local buffer = type(value) == "table" and ArrayBuffer:open(value.buffer)
   return buffer and bytes_of_view(value, buffer) or nil
end

-- ArrayBuffer

ArrayBuffer.getters.byteLength = function(state) return #state.text end

--- Makes an ArrayBuffer from a string.
--- @param text string
--- @return websocket.whatwg.ArrayBuffer
function M.array_buffer(text)
   return ArrayBuffer:make({ text = text })
end

ArrayBuffer.construct = function(source)
   if type(source) == "string" then
      return M.array_buffer(source)
   end
   local text, problem = bytes.from_list(source)
   if not text then
      raise("TypeError", "ArrayBuffer takes a string or a list of bytes: " .. problem)
   end
   return M.array_buffer(text)
end

ArrayBuffer:method("slice", function(state, from, to)
   return M.array_buffer(cut(state.text, from, to))
end)

-- Blob

Blob:readonly("type")
Blob.getters.size = function(state) return #state.text end

--- Makes a Blob from a string.
--- @param text string
--- @param content_type string
--- @return websocket.whatwg.Blob
function M.blob(text, content_type)
   return Blob:make({ text = text, type = content_type:lower() })
end

local function part(value)
   if type(value) == "string" or type(value) == "number" then
      return tostring(value)
   end
   return M.bytes_of(value) or raise("TypeError", "a part of a Blob must be a string, Blob, ArrayBuffer or view, got "
      .. type(value))
end

local function content_type_of(value)
   return value == nil and "" or arguments.text(value, "type")
end

Blob.construct = function(...)
   local parts, options = ...
   if parts == nil and select("#", ...) == 0 then
      parts = {}
   end
   if type(parts) ~= "table" or M.bytes_of(parts) then
      raise("TypeError", "Blob takes a list of parts, got " .. (M.bytes_of(parts) and "bytes" or type(parts)))
   end
   local count, problem = lists.count(parts, "parts")
   if not count then
      raise("TypeError", problem)
   end
   local texts = {}
   for place = 1, count do
      texts[place] = part(parts[place])
   end
   return M.blob(concat(texts), content_type_of(arguments.dictionary(options, "options").type))
end

Blob:method("slice", function(state, from, to, content_type)
   return M.blob(cut(state.text, from, to), content_type_of(content_type))
end)

Blob:method("arrayBuffer", function(state)
   return M.array_buffer(state.text)
end)

return M
