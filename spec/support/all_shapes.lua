-- Every shape behind one interface, for the specs of what differs between them.
-- Comes in: a URL, a listener, options. Goes out: connections with `send` and `close`. Knows no server.

--- Called with a kind and a value: "open"; "message" and the payload; "error" and its text; "closed", and the close
--- code where the shape has one; "answer", and the outcome of a `send` that a shape answers later.
--- @alias spec.Listener fun(kind: "open"|"message"|"error"|"closed"|"answer", value: any)

--- What became of a `send`; "ignored" means that the shape says nothing, nil that the answer comes later.
--- @alias spec.Outcome "taken"|"ignored"|"refused"|"raised"|nil

--- @class spec.ShapeConnection
--- @field send fun(text: string): spec.Outcome
--- @field close fun()

--- @class spec.Shape
--- @field name string
--- @field start fun(url: string, on: spec.Listener, options?: websocket.Options): spec.ShapeConnection

local engine = require "engine"
local websocket = require "websocket"
local actions = require "websocket.actions"
local hammerspoon = require "websocket.hammerspoon"
local overwolf = require "websocket.overwolf"
local scripting = require "websocket.scripting"
local whatwg = require "websocket.whatwg"

local function native(url, on, options)
   local ws = websocket.new(url, function(event, message, detail)
      if event == "open" then
         on "open"
      elseif event == "received" then
         on("message", message)
      elseif event == "closed" then
         on("closed", detail)
      elseif event == "fail" then
         on("error", message)
      end
   end, options)
   return {
      send = function(text)
         local ok, taken = pcall(ws.send, ws, text)
         return not ok and "raised" or taken and "taken" or "refused"
      end,
      close = function() ws:close() end,
   }
end

local function hs(url, on, options)
   hammerspoon.options = options
   local kinds = { open = "open", received = "message", closed = "closed", fail = "error" }
   local ws
   local ok, result = pcall(hammerspoon.new, url, function(event, message)
      on(kinds[event], message, ws) -- the callback refers to the object, which would close when it is collected
   end)
   hammerspoon.options = nil
   ws = assert(ok and result, result)
   return {
      send = function(text)
         return ws:send(text, false) == ws and "ignored"
      end,
      close = function() ws:close() end,
   }
end

local function browser(url, on, options)
   local ws = whatwg.WebSocket(url, nil, options)
   ws.onopen = function() on "open" end
   ws.onmessage = function(event) on("message", event.data) end
   ws.onerror = function() on "error" end
   ws.onclose = function(event) on("closed", event.code) end
   return {
      send = function(text)
         return pcall(ws.send, ws, text) and "ignored" or "raised"
      end,
      close = function() ws:close() end,
   }
end

-- Connects at once; `engine.elsewhere` sends the connection to the URL, since Overwolf's parameters have none.
local function ow(url, on, options)
   local client
   overwolf.web.createWebSocket({ secured = false, port = 1 }, function(result)
      client = result.client
   end, options)
   engine.wait(function() return client end)
   client.onOpen.addListener(function() on "open" end)
   client.onMessage.addListener(function(info) on("message", info.message) end)
   client.onError.addListener(function(info) on("error", info.message) end)
   client.onClosed.addListener(function(info) on("closed", info.code) end)
   engine.elsewhere = url
   client.connect(function(result)
      if not result.success then
         on("answer", "refused")
      end
   end)
   engine.elsewhere = nil
   return {
      send = function(text)
         client.send(text, function(result) on("answer", result.success and "taken" or "refused") end)
      end,
      close = function() client.close() end,
   }
end

local function miniprogram(url, on, options)
   local host = actions.new {
      options = options,
      on_event = function(event)
         local payload = event.payload
         on(event.name == "close" and "closed" or event.name, payload.data or payload.errMsg or payload.code)
      end,
   }
   local reply = host:call("websocket-create", { url = url })
   local id = assert(reply.id, reply.error)
   return {
      send = function(text)
         return host:call("websocket-send", { id = id, type = "text", data = text }).error and "refused" or "taken"
      end,
      close = function() host:call("websocket-close", { id = id }) end,
   }
end

local function app(url, on, options)
   local ws = scripting.WebSocket(url, options)
   ws.onopen = function() on "open" end
   ws.onmessage = function(message) on("message", message) end
   ws.onerror = function(problem) on("error", problem.message) end
   ws.onclose = function() on "closed" end
   return {
      send = function(text)
         return pcall(ws.send, ws, text) and "ignored" or "raised"
      end,
      close = function() ws:close() end,
   }
end

--- The shapes, in the order of docs/shapes.
--- @type spec.Shape[]
return {
   { name = "native", start = native },
   { name = "Hammerspoon", start = hs },
   { name = "WHATWG", start = browser },
   { name = "Overwolf", start = ow },
   { name = "actions", start = miniprogram },
   { name = "Scripting", start = app },
}
