-- Classes with read-only properties, with `is`, and with methods that raise a clear error when they are called with a
-- dot.
-- Comes in: names, and functions that take a private state. Goes out: the class for scripts, and for its implementation
-- a way to make objects and to get at their private state. Knows nothing of events or connections.

local raise = require("websocket.shape.error").raise

local getmetatable, ipairs, pairs, rawget, rawset, setmetatable, type =
   getmetatable, ipairs, pairs, rawget, rawset, setmetatable, type

local M = {}

-- The key of the private state in each object.
local STATE = {}
-- From the metatable of the objects of a class to the class.
local class_of = setmetatable({}, { __mode = "k" })

--- A class, as its implementation sees it.
--- @class websocket.whatwg.Class
--- @field name string
--- @field public table what scripts get; calling it makes an object
--- @field getters table<string, fun(state: table): any> every property
--- @field setters table<string, fun(state: table, value: any)> properties that can be written
--- @field members table<string, any> methods and constants
--- @field statics table<string, any> what the class itself has, not its objects
--- @field receiver string the name of an object in error texts
local Class = {}
Class.__index = Class

local function inheriting(parent, field)
   return setmetatable({}, { __index = parent and parent[field] })
end

-- Writing a read-only name has no effect and raises nothing. Other names are free for the script to use.
local function write_protected(known)
   return function(object, key, value)
      if known[key] == nil then
         rawset(object, key, value)
      end
   end
end

--- Makes a class.
--- @param name string
--- @param receiver string the name of an object in error texts: "ws" in `call ws:send(...) with a colon`
--- @param parent? websocket.whatwg.Class
--- @return websocket.whatwg.Class
function M.define(name, receiver, parent)
   local class = setmetatable({
      name = name,
      receiver = receiver,
      parent = parent,
      getters = inheriting(parent, "getters"),
      setters = inheriting(parent, "setters"),
      members = inheriting(parent, "members"),
      statics = {},
   }, Class)
   local getters, setters, members = class.getters, class.setters, class.members
   local set_member = write_protected(setmetatable({}, {
      __index = function(_, key)
         -- A method of one object may be replaced, as tests do; a constant or a property may not.
         local member = members[key]
         return getters[key] or (type(member) ~= "function" and member or nil)
      end,
   }))
   class.metatable = {
      __name = name,
      __tostring = function() return "[object " .. name .. "]" end,
      __index = function(object, key)
         local getter = getters[key]
         if getter then
            return getter(rawget(object, STATE))
         end
         return members[key]
      end,
      __newindex = function(object, key, value)
         local setter = setters[key]
         if setter then
            return setter(rawget(object, STATE), value)
         end
         set_member(object, key, value)
      end,
   }
   class_of[class.metatable] = class
   class.public = setmetatable({}, {
      __name = name,
      __tostring = function() return "[class " .. name .. "]" end,
      __index = class.statics,
      __newindex = write_protected(class.statics),
      __call = function(_, ...) return class.construct(...) end,
   })
   class.statics.is = function(value) return class:open(value) ~= nil end
   class.construct = function() raise("TypeError", "illegal constructor: " .. name) end
   return class
end

--- Makes an object around a private state, and sets `object` in the state to it.
--- @param state table
--- @return table object
function Class:make(state)
   state.object = setmetatable({ [STATE] = state }, self.metatable)
   return state.object
end

--- Returns the private state of an object of this class or of a class derived from it, and nil for anything else.
--- @param value any
--- @return table? state
function Class:open(value)
   local class = type(value) == "table" and class_of[getmetatable(value)]
   while class and class ~= self do
      class = class.parent
   end
   return class and rawget(value, STATE) or nil
end

--- Adds a method. `body` gets the private state in place of the object.
--- @param name string
--- @param body function
function Class:method(name, body)
   self.members[name] = function(object, ...)
      local state = self:open(object)
      if not state then
         raise("TypeError", ("call %s:%s(...) with a colon"):format(self.receiver, name))
      end
      return body(state, ...)
   end
end

--- Adds read-only properties, which are in the private state under the same names.
--- @param ... string
function Class:readonly(...)
   for _, name in ipairs({ ... }) do
      self.getters[name] = function(state) return state[name] end
   end
end

--- Adds constants to the class and its objects.
--- @param values table<string, any>
function Class:constants(values)
   for name, value in pairs(values) do
      self.members[name] = value
      self.statics[name] = value
   end
end

return M
