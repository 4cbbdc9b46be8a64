-- A bot for Home Assistant: switches the light in the hall on when the door opens, and off when it closes. It survives
-- restarts of Home Assistant and of the network.
--
--   scripts/example home_assistant
--   HASS_TOKEN=... lua examples/home_assistant.lua [URL [CHANGES]]
--
-- URL is by default ws://127.0.0.1:8123/api/websocket; with TLS it begins with wss://. HASS_TOKEN is a long-lived
-- access token, which you make on the page of your profile. The bot ends after so many CHANGES of the light, by default
-- never. The protocol: https://developers.home-assistant.io/docs/api/websocket
--
-- The bot connects again in a loop of its own. The option `reconnect` does not suffice here: when Home Assistant is
-- restarted, it closes with code 1000, after which `reconnect` does not connect again. And each new connection must log
-- in and subscribe anyway, which is written best from top to bottom.

package.path = (arg[0]:match("^.*/") or "./") .. "?.lua;" .. package.path -- json is beside this file

local json = require "json"
local websocket = require "websocket"

local url = arg[1] or "ws://127.0.0.1:8123/api/websocket"
local most = tonumber(arg[2] or math.huge)
local token = os.getenv("HASS_TOKEN") or error("set HASS_TOKEN to an access token", 0)
local DOOR, LIGHT = "binary_sensor.door", "light.hall"
local QUIET = 30 -- seconds without a message after which the bot asks whether Home Assistant still answers
local PATIENCE = 10 -- seconds to wait for an answer
local SHORTEST, LONGEST = 0.1, 60 -- seconds between two attempts

local changes = 0

-- What the bot knows of one connection. Where a function waits, it returns nil and a text if the connection is lost.
local Session = {}
Session.__index = Session

-- Sends a command and returns its id. Home Assistant wants ids that grow, from 1 in each connection.
function Session:send(command)
   self.last_id = self.last_id + 1
   command.id = self.last_id
   self.ws:send(json.encode(command)) -- where this fails, the next `receive` says so
   return command.id
end

-- Returns the next message, or nil, a text and a code, as `receive` does. One text may hold a list of messages.
function Session:next_message(timeout)
   if not self.waiting[1] then
      local text, problem, code = self.ws:receive(timeout)
      local message = text
      if text then
         message, problem = json.decode(text)
      end
      if type(message) ~= "table" then
         return nil, problem or "a message that is no object", code
      end
      self.waiting = message[1] and message or { message }
   end
   return table.remove(self.waiting, 1)
end

-- Sends a command, waits for its result and returns it. What comes before it is handled.
function Session:ask(command)
   local id = self:send(command)
   while true do
      local message, problem = self:next_message(PATIENCE)
      if not message then
         return nil, problem
      elseif message.id == id and message.type == "pong" then
         return true
      elseif message.id == id and message.type == "result" then
         if not message.success then
            return nil, command.type .. ": " .. message.error.message
         end
         return message.result
      end
      self:handle(message)
   end
end

function Session:handle(message)
   if message.type == "result" and not message.success then
      print("refused", message.error.code, message.error.message)
   elseif message.type == "event" and message.event.event_type == "state_changed" then
      local state = message.event.data.new_state
      if state ~= json.null then -- else the entity was removed
         self:changed(state)
      end
   end
end

function Session:changed(state)
   if state.entity_id == DOOR then
      print("door", state.state)
      self:switch(state.state)
   elseif state.entity_id == LIGHT then
      print("light", state.state)
      changes = changes + 1
   end
end

-- Does not wait: the answer is handled when it comes.
function Session:switch(state)
   self:send {
      type = "call_service",
      domain = "light",
      service = state == "on" and "turn_on" or "turn_off",
      target = { entity_id = LIGHT },
   }
end

-- Proves who we are. Raises where the token is wrong, because another attempt would not help.
function Session:log_in()
   local required, problem = self:next_message(PATIENCE)
   if not required then
      return nil, problem
   end
   self.ws:send(json.encode { type = "auth", access_token = token })
   local answer
   answer, problem = self:next_message(PATIENCE)
   if not answer then
      return nil, problem
   elseif answer.type ~= "auth_ok" then
      error("Home Assistant refused the token: " .. tostring(answer.message), 0)
   end
   print("logged in", "Home Assistant " .. answer.ha_version)
   return true
end

-- Subscribes, and looks at the door, which may have moved while the bot was away.
function Session:begin()
   local _, problem = self:ask { type = "subscribe_events", event_type = "state_changed" }
   if problem then
      return nil, problem
   end
   local states
   states, problem = self:ask { type = "get_states" }
   if not states then
      return nil, problem
   end
   for _, state in ipairs(states) do
      if state.entity_id == DOOR then
         self:changed(state)
      end
   end
   return true
end

-- Handles what comes, until the connection is lost.
function Session:serve()
   while changes < most do
      local message, problem, code = self:next_message(QUIET)
      if message then
         self:handle(message)
      elseif code == "timeout" then
         message, problem = self:ask { type = "ping" }
      end
      if not message then
         return nil, problem
      end
   end
   return true
end

local delay = SHORTEST
while changes < most do
   local ws, problem = websocket.connect(url)
   if ws then
      local session = setmetatable({ ws = ws, last_id = 0, waiting = {} }, Session)
      local ok
      ok, problem = session:log_in()
      if ok then
         ok, problem = session:begin()
      end
      if ok then
         delay = SHORTEST
         ok, problem = session:serve()
      end
      ws:close()
      if ok then
         break
      end
   end
   print("lost", problem)
   websocket.sleep(delay)
   delay = math.min(2 * delay, LONGEST)
end
