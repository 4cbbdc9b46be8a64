-- The WebSocket part of `overwolf.web`, as an Overwolf app has it: overwolf = require "websocket.overwolf".
-- Comes in: the parameters of createWebSocket. Goes out: a client. Knows nothing of what a client does.
-- docs/shapes/overwolf.md says what differs from Overwolf.

local calls = require "websocket.overwolf.calls"
local clients = require "websocket.overwolf.client"
local closing = require "websocket.shape.closing"
local engine = require "websocket.shape.engine"
local lists = require "websocket.shape.list"
local quote = require "websocket.shape.quote"

local error, ipairs, type = error, ipairs, type

--- @class websocket.overwolf.Parameters
--- @field secured boolean true connects by wss, without a check of the certificate
--- @field port integer 1-65535, on 127.0.0.1
--- @field credentials? { username: string, password: string } Basic authorization
--- @field protocols? string[] subprotocols to offer, the preferred first

local function expect(name, value, expected)
   if type(value) ~= expected then
      error(("params%s must be a %s, got %s"):format(name, expected, type(value)), 0)
   end
   return value
end

-- Returns whether options say by themselves how the server's certificate is checked, or exclude that it is not.
local function decides(options)
   local tls = type(options.tls) == "table" and options.tls or {}
   for _, name in ipairs({ "insecure", "fingerprint", "ca", "ca_file" }) do
      if tls[name] ~= nil then
         return true
      end
   end
   return type(options.proxy) == "string"
end

-- Returns the URL and the options of the engine. Raises texts.
local function target(params, options)
   expect("", params, "table")
   local secured = expect(".secured", params.secured, "boolean")
   local port = closing.integer(params.port)
   if not port or port < 1 or port > 65535 then
      error("params.port must be an integer of 1 to 65535, got " .. quote.value(params.port), 0)
   end
   local own = { report_pings = true }
   if params.credentials ~= nil then
      local credentials = expect(".credentials", params.credentials, "table")
      own.basic_auth = {
         user = expect(".credentials.username", credentials.username, "string"),
         password = expect(".credentials.password", credentials.password, "string"),
      }
   end
   if params.protocols ~= nil then
      local count, problem = lists.count(expect(".protocols", params.protocols, "table"), "strings")
      own.protocols = {} -- a copy, because the script may change its own list later
      for index = 1, count or error("params.protocols: " .. problem, 0) do
         own.protocols[index] = params.protocols[index]
      end
   end
   local all = engine.options(options, own)
   if secured and not decides(all) then
      all.tls = engine.options(all.tls, { insecure = true })
   end
   return { url = ("%s://127.0.0.1:%d/"):format(secured and "wss" or "ws", port), options = all }
end

--- @class websocket.overwolf.Enums
--- @field HttpRequestMethods table<string, string> the methods of sendHttpRequest, a function that is not here
--- @field MessageType table<string, "text"|"binary"|"ping"> the types of messages that onMessage gets
local enums = {
   HttpRequestMethods = {
      GET = "GET", HEAD = "HEAD", POST = "POST", PUT = "PUT", DELETE = "DELETE", PATCH = "PATCH",
   },
   MessageType = { Ping = "ping", Binary = "binary", Text = "text" },
}

local web = { websocket = clients.class, enums = enums }

--- Makes a client for a WebSocket server on this machine. The client connects when its `connect` is called.
--- @param params websocket.overwolf.Parameters
--- @param callback? websocket.overwolf.Callback called in the next poll, with the client in its result
--- @param options? websocket.Options further options of the engine; where both name the same, `params` counts
web.createWebSocket = calls.either_way(web, function(params, callback, options)
   calls.check_callback(callback)
   local ok, result = engine.attempt(target, params, options)
   calls.answer(callback, ok and calls.success(clients.new(result.url, result.options)) or calls.failure(result))
end)

--- @class websocket.overwolf
--- @field web { createWebSocket: function, websocket: websocket.overwolf.Client, enums: websocket.overwolf.Enums }
return { web = web }
