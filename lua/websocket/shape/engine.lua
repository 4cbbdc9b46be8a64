-- What several shapes do around their calls of the engine.
-- Comes in: options, calls that may raise, ends of connections. Goes out: merged options, `ok, result`, what an end is
-- reported as. Knows no shape's words.

local websocket = require "websocket"
local closing = require "websocket.shape.closing"
local errors = require "websocket.shape.error"
local quote = require "websocket.shape.quote"

local error, getmetatable, next, pcall = error, getmetatable, next, pcall
local setmetatable, tostring, type = setmetatable, tostring, type
local is_abort = websocket.is_abort

local M = {}

-- Makes `options` inherit as `given` does, so that the engine refuses it: a copy holds only what `given` itself holds.
local function keep_inheritance(options, given)
   local metatable = getmetatable(given)
   if type(metatable) ~= "table" and metatable ~= nil then -- hidden by `__metatable`
      metatable = { __index = {} }
   end
   if metatable and (metatable.__index ~= nil or metatable.__pairs ~= nil) then
      setmetatable(options, { __index = {} })
   end
end

--- Returns a copy of the options with others laid over them. Whether they are right the engine decides; it refuses a
--- table that inherits entries.
--- @param given websocket.Options?
--- @param own table<string, any>
--- @return table options
function M.options(given, own)
   if given ~= nil and type(given) ~= "table" then
      error("options must be a table, got " .. type(given), 0)
   end
   local options = {}
   for name, value in next, given or {} do
      options[name] = value
   end
   for name, value in next, own do
      options[name] = value
   end
   keep_inheritance(options, given)
   keep_inheritance(options, own)
   return options
end

-- Returns the text of an error. What is raised is no string where an object of the script raised it.
local function text_of(problem)
   local metatable = getmetatable(problem)
   if type(problem) == "string" or type(metatable) == "table" and metatable.__tostring then
      return tostring(problem)
   end
   return ("(error object is %s)"):format(quote.value(problem))
end

local function outcome(ok, ...)
   if ok then
      return true, ...
   elseif is_abort((...)) then
      error((...), 0)
   end
   return false, text_of((...))
end

--- Calls `fn(...)`, which raises texts. Returns true and its results, or false and the text, without a position where
--- `fn` is a function of the engine. Ctrl-C, and an error by which the host stops the script, are raised again.
--- @param fn function
--- @param ... any
--- @return boolean ok
--- @return any ...
function M.attempt(fn, ...)
   return outcome(pcall(fn, ...))
end

local function results(ok, ...)
   if not ok then
      error((...), 0)
   end
   return ...
end

--- Calls a function of the engine and returns its results. What it raises is raised without a position, because that
--- would be a line of the shape: the caller's caller can name the line of the script.
--- @param fn function
--- @param ... any
--- @return any ...
function M.call(fn, ...)
   return results(M.attempt(fn, ...))
end

local function results_or_error(name, ok, ...)
   if not ok then
      errors.raise(name, (...))
   end
   return ...
end

--- Calls a method of a connection and returns its results. Where the engine does not run, as in the child of a fork,
--- raises its text in an error table.
--- @param name string of the error
--- @param native websocket.Connection
--- @param method string
--- @param ... any
--- @return any ...
function M.ask(name, native, method, ...)
   return results_or_error(name, M.attempt(native[method], native, ...))
end

--- Returns the error of an end, for shapes that have an event for errors: the connection failed, or the server broke
--- the protocol.
--- @param info websocket.EndInfo
--- @return string? text nil where the connection only closed
--- @return string? code an error code of the engine, or "violation"
function M.problem(info)
   if info.failed then
      return info.text, info.error
   elseif info.violation then
      return info.text, "violation"
   end
end

--- Returns the code and the reason of an end. After an error the code is 1006, as after every end without the server's
--- Close.
--- @param info websocket.EndInfo
--- @return { code: integer, reason: string }
function M.code_and_reason(info)
   if info.failed or info.violation then
      return { code = closing.ABNORMAL, reason = "" }
   end
   return { code = info.code, reason = info.reason }
end

return M
