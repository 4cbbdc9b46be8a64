-- What the constructor checks: the URL, the subprotocols, the options.
-- Comes in: the arguments of a script. Goes out: a URL, a list and options of the engine, or a raised error. Knows
-- nothing of connections.

local websocket = require "websocket"
local arguments = require "websocket.whatwg.arguments"
local engine = require "websocket.shape.engine"
local lists = require "websocket.shape.list"
local quote = require "websocket.shape.quote"
local raise = require("websocket.shape.error").raise

local ipairs, type = ipairs, type

local M = {}

-- A token (RFC 9110 section 5.6.2): 0x21-0x7E without the separators.
local NOT_IN_TOKEN = "[^!#$%%&'*+%-.0-9A-Z^_`a-z|~]"

local schemes = { http = "ws", https = "wss", ws = "ws", wss = "wss" }

--- Reads a URL as the constructor of the standard does. There is no base URL.
--- @param value any
--- @return websocket.Url url its href and origin have the scheme ws or wss
function M.read_url(value)
   local url, problem = websocket.parse_url(arguments.text(value, "url"))
   if not url then
      raise("SyntaxError", problem)
   elseif url.fragment then
      raise("SyntaxError", "invalid URL: a WebSocket URL has no fragment (#)")
   end
   -- http and ws have the same default port, and so have https and wss, so the port needs no change.
   local scheme = schemes[url.scheme]
   url.href = scheme .. url.href:sub(#url.scheme + 1)
   url.origin = scheme .. url.origin:sub(#url.scheme + 1)
   url.scheme = scheme
   return url
end

local function check_token(token, seen)
   if token == "" or token:find(NOT_IN_TOKEN) then
      raise("SyntaxError", "invalid subprotocol: " .. quote.quoted(token))
   end
   local folded = token:lower()
   if seen[folded] then
      raise("SyntaxError", "subprotocol offered twice: " .. quote.quoted(token))
   end
   seen[folded] = true
end

--- Reads the subprotocols to offer.
--- @param value any nil, a string, or a list of strings
--- @return string[]
function M.read_protocols(value)
   if value == nil then
      return {}
   elseif type(value) ~= "table" then
      value = { arguments.text(value, "protocols") }
   end
   local count, problem = lists.count(value, "subprotocols")
   if not count then
      raise("TypeError", problem)
   end
   local protocols, seen = {}, {}
   for index = 1, count do
      protocols[index] = arguments.text(value[index], "a subprotocol")
      check_token(protocols[index], seen)
   end
   return protocols
end

-- The options that the class sets itself.
local own = { "protocols", "require_protocol", "report_closing", "report_pings" }

--- Makes the options of the engine from those of a script.
--- @param value any nil or a table
--- @param protocols string[]
--- @return websocket.Options
function M.read_options(value, protocols)
   local given = arguments.dictionary(value, "options")
   for _, name in ipairs(own) do
      if given[name] ~= nil then
         raise("TypeError", ("option %s is set by the class itself; subprotocols are the second argument"):format(name))
      end
   end
   local offers = #protocols > 0
   -- Browsers always offer compression; here `compression = false` turns it off.
   local compression = given.compression
   if compression == nil then
      compression = true
   end
   return engine.options(given, {
      compression = compression,
      protocols = offers and protocols or nil,
      require_protocol = offers,
      report_closing = true,
   })
end

return M
