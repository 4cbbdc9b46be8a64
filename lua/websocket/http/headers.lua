-- Headers as lua-http's `http.headers` has them: an ordered list, in which a name may stand several times.
-- Comes in: names and values. Goes out: the same, by name or in order. Knows no connection.

local concat, remove, sort = table.concat, table.remove, table.sort
local error, ipairs, rawget, setmetatable, tostring = error, ipairs, rawget, setmetatable, tostring
-- A host may give its scripts no io library.
local io = rawget(_G, "io")
local unpack = table.unpack or rawget(_G, "unpack")

local M = {}

-- Values that should never be stored by a compressor of headers, unless a script says otherwise. This has no effect in
-- a handshake of HTTP 1.1; scripts see it.
local secret = { authorization = true, ["proxy-authorization"] = true, cookie = true, ["set-cookie"] = true }

--- An ordered list of headers.
--- @class websocket.http.Headers
--- @field private entries table[] `{ name, value, never_index }`
local Headers = {}
M.methods = Headers
M.mt = { __name = "http.headers", __index = Headers }

local function entry(name, value, never_index)
   if never_index == nil then
      never_index = secret[name] or false
   end
   return { name, value, never_index }
end

--- Makes an empty list.
--- @return websocket.http.Headers
function M.new()
   return setmetatable({ entries = {} }, M.mt)
end

--- Returns how many headers there are.
--- @return integer
function Headers:len()
   return #self.entries
end
M.mt.__len = Headers.len

function M.mt.__tostring(self)
   return ("http.headers{%d headers}"):format(#self.entries)
end

--- Returns a copy.
--- @return websocket.http.Headers
function Headers:clone()
   local copy = M.new()
   for index, header in ipairs(self.entries) do
      copy.entries[index] = { header[1], header[2], header[3] }
   end
   return copy
end

--- Adds a header at the end.
--- @param name string in lower case
--- @param value string
--- @param never_index? boolean
function Headers:append(name, value, never_index)
   self.entries[#self.entries + 1] = entry(name, value, never_index)
end

--- Iterates over name, value and never_index, in order.
--- @return fun(): string, string, boolean
function Headers:each()
   local index = 0
   return function()
      index = index + 1
      return self:geti(index)
   end
end
M.mt.__pairs = Headers.each

--- Tells whether a name is there.
--- @param name string
--- @return boolean
function Headers:has(name)
   return self:get_as_sequence(name).n > 0
end

--- Removes all headers of a name.
--- @param name string
--- @return boolean was_there
function Headers:delete(name)
   local was_there = false
   for index = #self.entries, 1, -1 do
      if self.entries[index][1] == name then
         remove(self.entries, index)
         was_there = true
      end
   end
   return was_there
end

--- Returns the header at an index.
--- @param index integer
--- @return string? name
--- @return string? value
--- @return boolean? never_index
function Headers:geti(index)
   local header = self.entries[index]
   if header then
      return header[1], header[2], header[3]
   end
end

--- Returns the values of a name, with their count as `n`.
--- @param name string
--- @return table
function Headers:get_as_sequence(name)
   local values = { n = 0 }
   for _, header in ipairs(self.entries) do
      if header[1] == name then
         values.n = values.n + 1
         values[values.n] = header[2]
      end
   end
   return values
end

--- Returns the values of a name, one by one.
--- @param name string
--- @return string ...
function Headers:get(name)
   local values = self:get_as_sequence(name)
   return unpack(values, 1, values.n)
end

--- Returns the values of a name, joined by commas; nil for none.
--- @param name string
--- @return string?
function Headers:get_comma_separated(name)
   local values = self:get_as_sequence(name)
   return values.n > 0 and concat(values, ",") or nil
end

--- Replaces the value at an index.
--- @param index integer
--- @param value string
--- @param never_index? boolean
function Headers:modifyi(index, value, never_index)
   local header = self.entries[index] or error("invalid index", 2)
   self.entries[index] = entry(header[1], value, never_index)
end

--- Replaces the value of a name, or adds it. Raises where the name is there more than once.
--- @param name string
--- @param value string
--- @param never_index? boolean
function Headers:upsert(name, value, never_index)
   local found
   for index, header in ipairs(self.entries) do
      if header[1] == name then
         if found then
            error("Cannot upsert multi-valued field", 2)
         end
         found = index
      end
   end
   self.entries[found or #self.entries + 1] = entry(name, value, never_index)
end

--- Sorts by name and then by value; names that begin with a colon come first.
function Headers:sort()
   sort(self.entries, function(left, right)
      if left[1] == right[1] then
         return left[2] < right[2]
      end
      local is_left_pseudo, is_right_pseudo = left[1]:sub(1, 1) == ":", right[1]:sub(1, 1) == ":"
      if is_left_pseudo ~= is_right_pseudo then
         return is_left_pseudo
      end
      return left[1] < right[1]
   end)
end

--- Writes all headers to a file, for debugging.
--- @param file? file* default: stderr
--- @param prefix? string
function Headers:dump(file, prefix)
   file = file or io.stderr
   for name, value in self:each() do
      file:write(prefix or "", name, ": ", tostring(value), "\n")
   end
   file:flush()
end

return M
