-- What lua-websockets takes for `connect`, and what it says of the server's answer.
-- Comes in: a script's arguments, an ended connection. Goes out: options of the engine, error texts and headers in the
-- form of lua-websockets. Knows nothing of messages.

local engine = require "websocket.shape.engine"
local tls = require "websocket.client.tls"

local concat, error, ipairs, next, type = table.concat, error, ipairs, next, type

local M = {}

-- Seconds that opening may take where the script gives no time-out. lua-websockets leaves it to the system then.
local OPEN_TIMEOUT = 60

-- The shortest `open_timeout`, for the time-out 0.
local SHORTEST = 0.001

local schemes = { ws = true, wss = true, ["ws+unix"] = true, ["wss+unix"] = true }

-- What LuaSocket says where the engine has an error code.
local texts = {
   dns = "host or service not provided, or not known",
   timeout = "timeout",
   reset = "closed",
   keepalive = "timeout",
}

--- Tells whether a URL has a scheme that a client connects to. A text without any raises when the engine reads it.
--- @param url any
--- @return boolean
function M.has_known_scheme(url)
   local scheme = type(url) == "string" and url:match "^([%w+]+)://"
   return not scheme or schemes[scheme:lower()] or false
end

-- Returns the subprotocols as a list. lua-websockets puts what it gets into the header, so a text may hold several.
local function protocol_list(value)
   local list = {}
   if type(value) == "table" then
      value = concat(value, ",")
   end
   if type(value) == "string" then
      for name in value:gmatch "[^,%s]+" do
         list[#list + 1] = name
      end
   end
   return list[1] and list or nil
end

--- Returns the options of the engine for a connection. Raises a text without a position where `ssl_params` are refused.
--- @param config table what the client was made with
--- @param url string
--- @param protocols? string|string[]
--- @param ssl_params? table
--- @return websocket.Options
function M.options(config, url, protocols, ssl_params)
   local timeout = config.timeout
   local options = engine.options({
      open_timeout = timeout and timeout >= 0 and (timeout > SHORTEST and timeout or SHORTEST) or OPEN_TIMEOUT,
      origin = config.origin,
   }, engine.options(config.options, {}))
   options.protocols = protocol_list(protocols) or options.protocols
   options.tls = tls.options(ssl_params, url, options.tls)
   return options
end

--- Returns the headers of the server's answer as lua-websockets has them: in lower case, apart from the values of those
--- of the handshake, and with repeated ones joined by commas. nil before an answer.
--- @param native websocket.Connection
--- @return table<string, string>?
function M.headers(native)
   local response = native:response()
   if response == nil then
      return nil
   end
   local headers = {}
   for name, value in next, response.headers do
      value = type(value) == "table" and concat(value, ",") or value
      headers[name] = name:find("sec-websocket", 1, true) and value or value:lower()
   end
   return headers
end

--- Returns why a connection could not be made, as lua-websockets says it.
--- @param native websocket.Connection one that has ended
--- @return string
function M.problem(native)
   local info = native:end_info()
   if native:response() == nil and info.text:find("closed the connection", 1, true) then
      return "closed"
   elseif info.error == "http_status" or info.error == "handshake" then
      return "Websocket Handshake failed: " .. info.text
   elseif info.error == "connect" and info.text:find("connection refused", 1, true) then
      return "connection refused"
   end
   return texts[info.error] or info.text
end

--- Returns how a connection ended: whether cleanly, the code, and the reason.
--- @param info websocket.EndInfo
--- @param none string stands for no reason
--- @return boolean was_clean
--- @return integer code
--- @return string reason
function M.ending(info, none)
   local reason = info.failed and (texts[info.error] or info.text) or info.reason
   return info.clean, info.code, reason ~= "" and reason or none
end

-- The close codes that stand for no code on the wire, which lua-websockets sends all the same.
local unsent = { [1005] = true, [1006] = true, [1015] = true }

--- Returns the code and the reason to send in a Close frame.
--- @param code? integer default 1000
--- @param reason? string
--- @return integer code
--- @return string? reason
function M.close_arguments(code, reason)
   if unsent[code] then
      return 1005, nil
   end
   return code or 1000, reason
end

--- Raises a text without a position unless a client was made with settings of the right types.
--- @param config table?
function M.check(config)
   if config ~= nil and type(config) ~= "table" then
      error("the settings of a client must be a table, got " .. type(config), 0)
   end
   local expected = { timeout = "number", options = "table", origin = "string" }
   for _, name in ipairs { "timeout", "options", "origin" } do
      local value = config and config[name]
      if value ~= nil and type(value) ~= expected[name] then
         error(("%s must be a %s, got %s"):format(name, expected[name], type(value)), 0)
      end
   end
end

return M
