-- Errors as tables, for shapes whose systems raise objects.
-- Comes in: a name and a text. Goes out: a table to raise or to pass to a listener. Knows nothing of who raises it.

local error, getmetatable, setmetatable = error, getmetatable, setmetatable

local M = {}

--- What these shapes raise, and pass to listeners of errors. `tostring` returns "name: message".
--- @class websocket.shape.Error
--- @field name string the kind of the error, for instance "SyntaxError"
--- @field message string what is wrong, with the value and the limit
--- @field code? string where a connection failed: the engine's error code, "violation" or "buffer_full"

local metatable = { __name = "websocket.error" }

function metatable.__tostring(self)
   return self.name .. ": " .. self.message
end

--- Makes an error.
--- @param name string
--- @param message string
--- @param code? string
--- @return websocket.shape.Error
function M.new(name, message, code)
   return setmetatable({ name = name, message = message, code = code }, metatable)
end

--- Raises an error.
--- @param name string
--- @param message string
function M.raise(name, message)
   error(M.new(name, message), 0)
end

--- Tells whether a value is an error that `new` made.
--- @param value any
--- @return boolean
function M.is(value)
   return getmetatable(value) == metatable
end

return M
