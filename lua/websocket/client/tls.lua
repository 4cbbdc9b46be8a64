-- The `ssl_params` of lua-websockets, which are those of LuaSec's `ssl.wrap`.
-- Comes in: such a table, and the URL. Goes out: the option `tls` of the engine, or an error that says what to give
-- instead. What only chooses among versions and ciphers is ignored: the engine speaks TLS 1.2 and 1.3 alone.

local websocket = require "websocket"
local engine = require "websocket.shape.engine"
local quote = require "websocket.shape.quote"

local error, ipairs, next, type = error, ipairs, next, type

local M = {}

-- LuaSec's names of what the engine has under another name.
local same = { cafile = "ca_file", certificate = "cert_file", key = "key_file" }

-- The engine's own names, which LuaSec does not know.
local ours = {
   ca = true, ca_file = true, cert = true, cert_file = true, fingerprint = true, key_file = true, server_name = true,
}

-- What a client does not need, or what the engine decides.
local ignored = {
   mode = true, protocol = true, options = true, ciphers = true, ciphersuites = true, curve = true, curveslist = true,
   depth = true, dhparam = true, alpn = true, verify = true, verifyext = true,
}

local refused = {
   capath = "give one file by cafile, or set the environment variable SSL_CERT_DIR",
   password = "the engine reads no encrypted keys; decrypt the file once, by openssl pkey",
   certificates = "give one certificate and its key by certificate and key",
}

local function has(value, wanted)
   for _, entry in ipairs(type(value) == "table" and value or { value }) do
      if entry == wanted then
         return true
      end
   end
   return false
end

-- Tells whether the parameters ask not to verify the server's certificate.
local function is_weak(params)
   return has(params.verify, "none") or has(params.verifyext, "lsec_continue")
end

-- Tells whether a URL leads to this machine, where the engine accepts any certificate.
local function is_loopback(url)
   if url:lower():find "^wss%+unix:" then
      return true
   end
   local parsed = websocket.parse_url(url)
   local host = parsed and parsed.host or ""
   return host == "localhost" or host == "[::1]" or host:find "^127%." ~= nil
end

local function check_name(name)
   if refused[name] then
      error(("ssl_params.%s is not supported: %s"):format(name, refused[name]), 0)
   elseif not (same[name] or ours[name] or ignored[name]) then
      error("ssl_params has an unknown entry: " .. quote.value(name), 0)
   end
end

local function is_tls(url)
   return type(url) == "string" and url:lower():find("^wss") ~= nil
end

--- Returns the engine's option `tls`. Raises a text without a position for parameters that it cannot honour.
--- @param params any
--- @param url string the parameters count for wss alone
--- @param base? websocket.TlsOptions what the parameters are laid over
--- @return websocket.TlsOptions? options
function M.options(params, url, base)
   if params == nil or not is_tls(url) then
      return base
   elseif type(params) ~= "table" then
      error("ssl_params must be a table, got " .. type(params), 0)
   elseif params.mode ~= nil and params.mode ~= "client" then
      error('ssl_params.mode must be "client", got ' .. quote.value(params.mode), 0)
   end
   local options = engine.options(base, {})
   for name, value in next, params do
      check_name(name)
      if not ignored[name] then
         options[same[name] or name] = value
      end
   end
   if not is_weak(params) or options.fingerprint ~= nil then
      return options
   elseif is_loopback(url) then
      options.insecure = true
      options.ca, options.ca_file = nil, nil
      return options
   end
   error('ssl_params.verify = "none" would accept any server and is allowed for loopback addresses alone. Leave it out'
      .. " for a server with a certificate of a public authority; otherwise give ssl_params.fingerprint (option"
      .. " tls.fingerprint), or ssl_params.cafile (option tls.ca_file)", 0)
end

return M
