-- The request of a client, as `ws.request` of lua-http: scripts change its headers and fields before they connect.
-- Comes in: a URI and subprotocols, then what the script has changed. Goes out: the URL and the options of the engine.
-- Knows nothing of connections.

local websocket = require "websocket"
local engine = require "websocket.shape.engine"
local headers = require "websocket.http.headers"

local concat, error, ipairs, min, setmetatable, type = table.concat, error, ipairs, math.min, setmetatable, type

local M = {}

--- The request, before `connect` has succeeded.
--- @class websocket.http.Request
--- @field host string
--- @field port integer
--- @field tls boolean
--- @field headers websocket.http.Headers
--- @field version number 1.1
--- @field sendname? string the server name for TLS
--- @field bind? string the address of this machine to dial from
--- @field proxy? string|false the URL of a proxy; false for none
--- @field follow_redirects boolean
--- @field max_redirects integer
--- @field options? websocket.Options of the engine, laid over all others; ours
local Request = { follow_redirects = true, max_redirects = 5, version = 1.1 }
M.methods = Request
M.mt = { __name = "http.request", __index = Request }

-- The most redirects that the engine follows.
local MOST_REDIRECTS = 20

-- Headers that the engine makes, or that only HTTP 2 has as headers.
local made = {
   [":method"] = true, [":scheme"] = true, [":path"] = true, [":authority"] = true,
   ["upgrade"] = true, ["connection"] = true, ["sec-websocket-version"] = true, ["sec-websocket-key"] = true,
   ["sec-websocket-protocol"] = true,
}

local ports = { ws = 80, wss = 443, http = 80, https = 443 }

-- Returns the parts of a URI. Error texts do not show it, since it may hold a secret.
local function parts_of(uri)
   if type(uri) == "string" then
      local scheme = uri:match "^(%a[%w+.-]*):"
      if scheme and not ports[scheme:lower()] then
         error("scheme not valid", 0)
      elseif uri:find "^%a+:///" or uri:find "^%a+://$" then
         error("URI must include a host", 0)
      end
      local parsed = websocket.parse_url(uri)
      if not parsed then
         error("invalid URI", 0)
      end
      local userinfo = parsed.username .. (parsed.password ~= "" and ":" .. parsed.password or "")
      return { scheme = parsed.scheme, host = parsed.host, port = parsed.port, path = parsed.path, query = parsed.query,
         userinfo = userinfo ~= "" and userinfo or nil }
   elseif type(uri) ~= "table" then
      error("URI must be a string or a table, got " .. type(uri), 0)
   elseif not uri.scheme then
      error("URI missing scheme", 0)
   elseif not ports[uri.scheme] then
      error("scheme not valid", 0)
   elseif not uri.host then
      error("URI must include a host", 0)
   end
   return uri
end

-- Returns a host with brackets around an IPv6 address.
local function bracketed(host)
   return host:find(":", 1, true) and not host:find("[", 1, true) and "[" .. host .. "]" or host
end

local function authority(host, port, is_tls)
   return port == (is_tls and 443 or 80) and bracketed(host) or ("%s:%d"):format(bracketed(host), port)
end

-- Returns a copy of the subprotocols, with each name as a key, too.
local function checked_protocols(list)
   local copy = {}
   for index, name in ipairs(list) do
      if copy[name] then
         error("duplicate protocol", 0)
      elseif type(name) ~= "string" or not name:find "^[!#-'*+%-.0-9A-Z^-z|~]+$" then
         error("invalid protocol", 0)
      end
      copy[index], copy[name] = name, true
   end
   return copy
end

--- Makes a request. Raises a text without a position for a URI or subprotocols that are not valid.
--- @param uri string|table
--- @param protocols? string[]
--- @return websocket.http.Request request
--- @return table? protocols a copy, with each name as a key, too
function M.new(uri, protocols)
   local parts = parts_of(uri)
   local is_tls = parts.scheme == "wss" or parts.scheme == "https"
   local request = setmetatable({ host = parts.host, port = parts.port or ports[parts.scheme], tls = is_tls,
      headers = headers.new(), userinfo = parts.userinfo }, M.mt)
   local list = request.headers
   list:append(":method", "GET")
   list:append(":authority", authority(request.host, request.port, is_tls))
   local path = parts.path ~= "" and parts.path or "/"
   list:append(":path", path .. (parts.query and "?" .. parts.query or ""))
   list:append(":scheme", is_tls and "https" or "http")
   list:append("upgrade", "websocket")
   list:append("connection", "upgrade")
   list:append("sec-websocket-version", "13")
   local copy = protocols and checked_protocols(protocols)
   if copy then
      list:append("sec-websocket-protocol", concat(copy, ","))
   end
   return request, copy
end

-- Raises where the script asks for what only OpenSSL or a socket of cqueues can do.
local function check(request)
   if request.ctx ~= nil then
      error("request.ctx is a context of OpenSSL, which the engine cannot use: give request.options = { tls = {...} },"
         .. " with ca_file, fingerprint, cert_file and key_file", 0)
   elseif request.sendname == false then
      error("request.sendname = false is not supported: the server name is always sent", 0)
   elseif request.bind ~= nil and type(request.bind) ~= "string" then
      error("request.bind must be an IP address, got " .. type(request.bind), 0)
   elseif request.proxy ~= nil and request.proxy ~= false and type(request.proxy) ~= "string" then
      error("request.proxy must be the URL of a proxy or false, got " .. type(request.proxy), 0)
   end
end

-- Returns the headers as the engine takes them.
local function header_map(request)
   local map = {}
   for name, value in request.headers:each() do
      if not made[name:lower()] then
         map[name] = map[name] or {}
         map[name][#map[name] + 1] = value
      end
   end
   local host = request.headers:get ":authority"
   if host and host ~= authority(request.host, request.port, request.tls) then
      map.Host = host
   end
   return map
end

-- Returns the subprotocols of the header, which the script may have changed.
local function protocol_list(request)
   local list = {}
   for name in (request.headers:get_comma_separated "sec-websocket-protocol" or ""):gmatch "[^,%s]+" do
      list[#list + 1] = name
   end
   return list[1] and list or nil
end

--- Returns the URL and the options of the engine. Raises a text without a position for what the engine cannot do.
--- @param request websocket.http.Request
--- @param timeout? number seconds
--- @return string url
--- @return websocket.Options
function M.target(request, timeout)
   check(request)
   local userinfo = request.userinfo and not request.headers:has "authorization" and request.userinfo .. "@" or ""
   local url = ("%s://%s%s:%d%s"):format(request.tls and "wss" or "ws", userinfo, bracketed(request.host), request.port,
      request.headers:get ":path" or "/")
   local options = engine.options({
      headers = header_map(request),
      protocols = protocol_list(request),
      open_timeout = timeout,
      max_redirects = request.follow_redirects and min(request.max_redirects, MOST_REDIRECTS) or 0,
      local_address = request.bind,
      proxy = request.proxy,
      tls = request.sendname and { server_name = request.sendname } or nil,
   }, engine.options(request.options, {}))
   return url, options
end

return M
