-- Checks the payloads of actions, and turns what the engine returns into plain data.
-- Comes in: what a mini-program sent, and responses of servers. Goes out: error replies, and headers as maps. Knows no
-- connection.

local websocket = require "websocket"
local quote = require "websocket.shape.quote"

local concat = table.concat
local ipairs, next, rawget, type = ipairs, next, rawget, type

local M = {}

--- What every action may reply instead of its response.
--- @class websocket.actions.Failure
--- @field error string UTF-8
--- @field code "unknown_action"|"missing_property"|"invalid_argument"|"unknown_id"|"not_open"|"buffer_full"

--- Makes an error reply.
--- @param code string
--- @param text string may contain what a mini-program sent, so it is made UTF-8
--- @return websocket.actions.Failure
function M.failure(code, text)
   return { error = websocket.to_utf8(text), code = code }
end

-- The properties of each action's payload, in the order in which they are checked. Where no type is named, every type
-- is accepted.
local properties = {
   ["can-use"] = { { "action", "string", required = true } },
   ["websocket-create"] = { { "url", "string", required = true }, { "headers", "table" }, { "protocols", "table" } },
   ["websocket-send"] = {
      { "id", "string", required = true }, { "type", "string", required = true }, { "data", required = true },
   },
   ["websocket-close"] = { { "id", "string", required = true }, { "code", "number" }, { "reason", "string" } },
}

--- Checks an action and its payload.
--- @param action any
--- @param payload any nil stands for an empty payload
--- @return websocket.actions.Failure? problem nil where both are right
function M.check(action, payload)
   if type(action) ~= "string" then
      return M.failure("invalid_argument", "action must be a string, got " .. type(action))
   elseif not properties[action] then
      return M.failure("unknown_action", "unknown action: " .. quote.quoted(action))
   elseif payload ~= nil and type(payload) ~= "table" then
      return M.failure("invalid_argument", "payload must be a table, got " .. type(payload))
   end
   for _, property in ipairs(properties[action]) do
      local name, expected = property[1], property[2]
      local value = payload and rawget(payload, name)
      if value == nil then
         if property.required then
            return M.failure("missing_property", ("%s needs the property %q"):format(action, name))
         end
      elseif expected and type(value) ~= expected then
         local text = ("property %q of %s must be a %s, got %s"):format(name, action, expected, type(value))
         return M.failure("invalid_argument", text)
      end
   end
end

--- Tells whether a name is that of an action or of the event.
--- @param name string
--- @return boolean
function M.is_known(name)
   return properties[name] ~= nil or name == "websocket-event"
end

--- Merges the headers of a mini-program with those of its host, which they replace. Referer is left out, and a
--- content-type is added where there is none.
--- @param given table<string, string>? the mini-program's
--- @param base table<string, string|string[]>? the host's
--- @return table? headers for the engine, which checks names and values; nil where they are not a map of strings
--- @return websocket.actions.Failure? problem
function M.headers(given, base)
   local headers, typed, own = {}, false, {}
   for name, value in next, given or {} do
      if type(name) ~= "string" or type(value) ~= "string" then
         return nil, M.failure("invalid_argument", 'property "headers" must be a map from strings to strings')
      end
      own[name:lower()] = true
      if name:lower() ~= "referer" then
         headers[name] = value
      end
   end
   for name, value in next, type(base) == "table" and base or {} do
      if type(name) ~= "string" or not own[name:lower()] then
         headers[name] = value
      end
   end
   for name in next, headers do
      typed = typed or type(name) == "string" and name:lower() == "content-type"
   end
   if not typed then
      headers["content-type"] = "application/json"
   end
   return headers
end

--- Returns the headers of a response as a map from lower-case names to UTF-8 texts. Repeated ones are joined by ", ".
--- @param response websocket.Response
--- @return table<string, string>
function M.plain_headers(response)
   local plain = {}
   for name, value in next, response.headers do
      plain[name] = websocket.to_utf8(type(value) == "table" and concat(value, ", ") or value)
   end
   return plain
end

return M
