-- A mini-program and its host, for the specs of actions. Everything that crosses between them goes through JSON.
-- Comes in: actions, options. Goes out: replies, and the log of events. `before_each(miniprogram.start)`.

local actions = require "websocket.actions"
local engine = require "engine"
local json = require "json"
local servers = require "servers"
local websocket = require "websocket"

local M = {}

-- Returns what the other side gets of plain data: a copy in which every number is a float, as most decoders make it.
local function received(value)
   if type(value) == "number" then
      return value / 1
   elseif type(value) ~= "table" then
      return value
   end
   local copy = {}
   for name, item in pairs(value) do
      copy[name] = received(item)
   end
   return copy
end

-- Raises for what is no plain data: metatables, which JSON would not show, and strings that are not UTF-8.
local function check(value)
   if type(value) == "table" then
      assert(getmetatable(value) == nil, "a metatable")
      for _, item in pairs(value) do
         check(item)
      end
   elseif type(value) == "string" then
      assert(websocket.to_utf8(value) == value, "not UTF-8")
   end
end

local function across(value)
   check(value)
   return received(assert(json.decode(json.encode(value))))
end

--- Makes a new host, `M.host`, and a new `M.log`, the list of its events.
--- @param options? websocket.Options
--- @return websocket.actions.Host
function M.start(options)
   M.log = {}
   M.host = actions.new {
      options = options,
      on_event = function(event)
         M.log[#M.log + 1] = across(event)
      end,
   }
   return M.host
end

--- Performs an action and returns its reply.
--- @param action string
--- @param payload? table
--- @return table reply
function M.call(action, payload)
   return across(M.host:call(action, payload and across(payload)))
end

--- Performs an action that must be refused, and returns the error and its code.
--- @param action string
--- @param payload? any
--- @return string text
--- @return string code
function M.refused(action, payload)
   local reply = M.host:call(action, payload)
   check(reply)
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
