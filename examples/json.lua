-- JSON (RFC 8259) for the examples.
--
--   local text = json.encode({ id = 1, params = json.array({}), comment = json.null })
--   local value, problem = json.decode(text)
--
-- Comes in: plain Lua values. Goes out: texts, and the reverse. An object becomes a table, an array a table that
-- `json.array` has marked, and null becomes `json.null`, because a table cannot hold nil. Knows nothing of sockets, and
-- does not check UTF-8: `ws:send` does, and what arrives as text was checked.

local M = {}

--- The deepest nesting of arrays and objects, in texts and in values.
local DEEPEST = 200

--- Stands for null.
M.null = setmetatable({}, {
   __name = "json.null",
   __tostring = function()
      return "null"
   end,
})

local Array = { __name = "json.array" }

--- Marks a table as an array and returns it, so that an empty one is encoded as `[]` and not as `{}`.
--- @param list? table default: a new one
--- @return table list
function M.array(list)
   return setmetatable(list or {}, Array)
end

-- Encoding

local escapes = {
   ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
}

local function escape(char)
   return escapes[char] or ("\\u%04x"):format(char:byte())
end

local function quoted(text)
   return '"' .. text:gsub('[%c"\\]', escape) .. '"'
end

local function encode_number(number)
   if number ~= number or number == math.huge or number == -math.huge then
      error("JSON has no number " .. tostring(number), 0)
   elseif number % 1 == 0 and number > -1e15 and number < 1e15 then
      return ("%.0f"):format(number)
   end
   local text = ("%.14g"):format(number)
   if tonumber(text) ~= number then
      text = ("%.17g"):format(number)
   end
   return text
end

-- Returns the number of entries of an array, or nil where the keys are not exactly 1 to that number.
local function length_of(value)
   local count = 0
   for key in pairs(value) do
      if type(key) ~= "number" then
         return nil
      end
      count = count + 1
   end
   for index = 1, count do
      if value[index] == nil then
         return nil
      end
   end
   return count
end

local encode

local function encode_array(value, depth)
   local count = length_of(value)
   if not count then
      error("an array of JSON needs the keys 1 to n and no others; json.null stands for a hole", 0)
   end
   local parts = {}
   for index = 1, count do
      parts[index] = encode(value[index], depth)
   end
   return "[" .. table.concat(parts, ",") .. "]"
end

local function encode_object(value, depth)
   local parts = {}
   for name, item in pairs(value) do
      if type(name) ~= "string" then
         error("an object of JSON needs names that are strings, got the " .. type(name) .. " " .. tostring(name), 0)
      end
      parts[#parts + 1] = quoted(name) .. ":" .. encode(item, depth)
   end
   return "{" .. table.concat(parts, ",") .. "}"
end

function encode(value, depth)
   local kind = type(value)
   if kind == "string" then
      return quoted(value)
   elseif kind == "number" then
      return encode_number(value)
   elseif kind == "boolean" or value == M.null then
      return tostring(value)
   elseif kind ~= "table" then
      error("JSON has no " .. kind, 0)
   elseif depth == DEEPEST then
      error(("nested too deeply for JSON: limit %d"):format(DEEPEST), 0)
   elseif getmetatable(value) == Array or value[1] ~= nil then
      return encode_array(value, depth + 1)
   end
   return encode_object(value, depth + 1)
end

--- Returns a value as JSON. A table is an array if `json.array` has marked it or if it has the key 1, otherwise an
--- object. Raises for what JSON cannot represent, such as functions, infinite numbers, and arrays with holes.
--- @param value any
--- @return string
function M.encode(value)
   return encode(value, 0)
end

-- Decoding

-- Raised with the place, and caught by `M.decode`.
local Problem = {}

local function fail(at, text)
   error(setmetatable({ text = ("invalid JSON at byte %d: %s"):format(at, text) }, Problem), 0)
end

local decode

local simple = { ["\\"] = "\\", ["/"] = "/", ['"'] = '"', b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function utf8_of(code)
   if code < 0x80 then
      return string.char(code)
   elseif code < 0x800 then
      return string.char(0xC0 + math.floor(code / 0x40), 0x80 + code % 0x40)
   elseif code < 0x10000 then
      return string.char(0xE0 + math.floor(code / 0x1000), 0x80 + math.floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
   end
   return string.char(0xF0 + math.floor(code / 0x40000), 0x80 + math.floor(code / 0x1000) % 0x40,
      0x80 + math.floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
end

-- Returns the character of the `\u` at this place, and the place after it. Half a surrogate pair becomes U+FFFD, as in
-- browsers: JavaScript sends one where it has cut an emoji.
local function decode_unicode(text, at)
   local digits = text:match("^\\u(%x%x%x%x)", at)
   if not digits then
      fail(at, "\\u needs four hexadecimal digits")
   end
   local code, after = tonumber(digits, 16), at + 6
   if code >= 0xD800 and code < 0xE000 then
      local low = tonumber(text:match("^\\u(%x%x%x%x)", after) or "0", 16)
      if code < 0xDC00 and low >= 0xDC00 and low < 0xE000 then
         return utf8_of(0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00)), after + 6
      end
      code = 0xFFFD
   end
   return utf8_of(code), after
end

local function decode_string(text, at)
   local parts, start = {}, at
   at = at + 1
   while true do
      local stop = text:find('[%c"\\]', at)
      if not stop then
         fail(start, "the string does not end")
      end
      parts[#parts + 1] = text:sub(at, stop - 1)
      local char = text:sub(stop, stop)
      if char == '"' then
         return table.concat(parts), stop + 1
      elseif char == "\\" then
         local next_char = text:sub(stop + 1, stop + 1)
         if next_char == "u" then
            parts[#parts + 1], at = decode_unicode(text, stop)
         else
            parts[#parts + 1], at = simple[next_char] or fail(stop, "an unknown escape"), stop + 2
         end
      elseif char == "\127" then -- a control character for Lua, not for JSON
         parts[#parts + 1], at = char, stop + 1
      else
         fail(stop, "a control character in a string")
      end
   end
end

local function decode_number(text, at)
   local whole, after = text:match("^(-?%d+)()", at)
   if not whole or whole:find("^-?0%d") then
      fail(at, "expected a value")
   end
   after = text:match("^%.%d+()", after) or after
   after = text:match("^[eE][+-]?%d+()", after) or after
   local number = tonumber(text:sub(at, after - 1))
   if number == math.huge or number == -math.huge then
      fail(at, "the number is too large")
   end
   return number, after
end

-- Decodes what stands between the brackets: calls `item(at)`, which returns the place after an item, for each.
local function decode_items(text, at, close, item)
   at = text:match("^[ \t\r\n]*()", at + 1)
   if text:sub(at, at) == close then
      return at + 1
   end
   while true do
      at = text:match("^[ \t\r\n]*()", item(at))
      local char = text:sub(at, at)
      if char == close then
         return at + 1
      elseif char ~= "," then
         fail(at, ("expected a comma or %s"):format(close))
      end
      at = text:match("^[ \t\r\n]*()", at + 1)
   end
end

local function decode_array(text, at, depth)
   local list, count = M.array(), 0
   return list, decode_items(text, at, "]", function(here)
      count = count + 1
      list[count], here = decode(text, here, depth)
      return here
   end)
end

local function decode_object(text, at, depth)
   local object = {}
   return object, decode_items(text, at, "}", function(here)
      if text:sub(here, here) ~= '"' then
         fail(here, "expected a name in quotes")
      end
      local name, after = decode_string(text, here)
      here = text:match("^[ \t\r\n]*:[ \t\r\n]*()", after) or fail(after, "expected a colon")
      object[name], here = decode(text, here, depth)
      return here
   end)
end

local words = { ["true"] = true, ["false"] = false, null = M.null }

function decode(text, at, depth)
   local first = text:sub(at, at)
   if first == '"' then
      return decode_string(text, at)
   elseif first == "{" or first == "[" then
      if depth == DEEPEST then
         fail(at, ("nested too deeply: limit %d"):format(DEEPEST))
      end
      return (first == "{" and decode_object or decode_array)(text, at, depth + 1)
   end
   local word = text:match("^%l+", at)
   if word and words[word] ~= nil then
      return words[word], at + #word
   end
   return decode_number(text, at)
end

local function decode_whole(text)
   local value, after = decode(text, text:match("^[ \t\r\n]*()"), 0)
   after = text:match("^[ \t\r\n]*()", after)
   if after <= #text then
      fail(after, "expected the end")
   end
   return value
end

--- Returns the value of a text, or nil and what is wrong with the text. Of a name that comes twice in an object, the
--- last one counts.
--- @param text string
--- @return any value
--- @return string? problem
function M.decode(text)
   local ok, value = pcall(decode_whole, text)
   if ok then
      return value
   elseif getmetatable(value) == Problem then
      return nil, value.text
   end
   error(value, 0)
end

return M
