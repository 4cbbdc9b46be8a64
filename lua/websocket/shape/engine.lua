-- What several shapes do around their calls of the engine.
-- Comes in: options, calls that may raise, ends. Goes out: merged options, `ok, result`, the error to tell. Knows no
-- shape's words.

local error, next, pcall, tostring, type = error, next, pcall, tostring, type

local M = {}

--- Returns a copy of the options with a shape's own laid over them. Whether they are right, the engine says.
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
   return options
end

--- Calls `fn(...)`, which raises texts; returns true and its result, or false and the text. Ctrl-C goes on its way.
--- @param fn function
--- @return boolean ok
--- @return any result
function M.attempt(fn, ...)
   local ok, result = pcall(fn, ...)
   if ok then
      return true, result
   end
   local text = tostring(result)
   if text:find("interrupted!$") then
      error(result, 0)
   end
   return false, text
end

--- Tells what a shape with an event for errors must tell of an end: where it failed, or the peer broke the protocol.
--- @param info websocket.EndInfo
--- @return string? text nil where it only closed
--- @return string? code a native error code, or "violation"
function M.problem(info)
   if info.failed then
      return info.text, info.error
   elseif info.violation then
      return info.text, "violation"
   end
end

return M
