-- A mini-program and its host, for the specs of actions. Everything that crosses between them goes through JSON.
-- Comes in: actions, options. Goes out: replies, and the log of events. `before_each(miniprogram.start)`.

local actions = require "websocket.actions"
local engine = require "engine"
local json = require "json"
local servers = require "servers"

local M = {}

--- Makes a new host, `M.host`, and a new `M.log`, the list of its events.
--- @param options? websocket.Options
--- @return websocket.actions.Host
function M.start(options)
   M.log = {}
   M.host = actions.new {
      options = options,
      on_event = function(event)
         M.log[#M.log + 1] = json.decode(json.encode(event))
      end,
   }
   return M.host
end

--- Performs an action and returns its reply.
--- @param action string
--- @param payload? table
--- @return table reply
function M.call(action, payload)
   return json.decode(json.encode(M.host:call(action, payload and json.decode(json.encode(payload)))))
end

--- Performs an action that must be refused, and returns the error and its code.
--- @param action string
--- @param payload? any
--- @return string text
--- @return string code
function M.refused(action, payload)
   local reply = M.host:call(action, payload)
   json.encode(reply)
   assert(type(reply.error) == "string" and type(reply.code) == "string", "not refused")
   return reply.error, reply.code
end

--- Creates a connection and returns its id.
--- @param url? string default: an echo
--- @param more? table further properties of the payload
--- @return string id
function M.create(url, more)
   local payload = { url = url or servers.url "/echo" }
   for name, value in pairs(more or {}) do
      payload[name] = value
   end
   local reply = M.call("websocket-create", payload)
   return reply.id or error(reply.error)
end

--- Waits for an event of a connection and returns its payload.
--- @param id string
--- @param name string
--- @return table payload
function M.wait_for(id, name)
   return engine.wait(function()
      for _, event in ipairs(M.log) do
         if event.id == id and event.name == name then
            return event.payload
         end
      end
   end)
end

--- Creates a connection, waits until it is open, and returns its id.
--- @param url? string
--- @param more? table
--- @return string id
function M.open(url, more)
   local id = M.create(url, more)
   M.wait_for(id, "open")
   return id
end

--- Returns the names of the events of a connection, joined by spaces.
--- @param id string
--- @return string
function M.names(id)
   local list = {}
   for _, event in ipairs(M.log) do
      if event.id == id then
         list[#list + 1] = event.name
      end
   end
   return table.concat(list, " ")
end

return M
