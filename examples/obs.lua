-- Controls OBS Studio by obs-websocket 5: proves that it knows the password, lists the scenes, switches to another one,
-- sees the event, and sends a batch.
--
--   scripts/example obs
--   OBS_PASSWORD=... lua examples/obs.lua [URL]
--
-- URL is by default ws://127.0.0.1:4455, where OBS listens. In OBS the menu item "WebSocket Server Settings" shows the
-- password. The protocol: https://github.com/obsproject/obs-websocket/blob/master/docs/generated/protocol.md

package.path = (arg[0]:match("^.*/") or "./") .. "?.lua;" .. package.path -- the modules below are beside this file

local base64 = require "base64"
local json = require "json"
local sha256 = require "sha256"
local websocket = require "websocket"

local url = arg[1] or "ws://127.0.0.1:4455"
local PATIENCE = 10 -- seconds to wait for an answer
local RPC_VERSION = 1
local SCENES = 4 -- the bit of the events that tell of scenes

local HELLO, IDENTIFY, IDENTIFIED, EVENT, REQUEST, RESPONSE, BATCH, BATCH_RESPONSE = 0, 1, 2, 5, 6, 7, 8, 9

-- Why OBS closes a connection.
local close_codes = {
   [4002] = "it could not decode a message", [4003] = "a field is missing", [4004] = "a field has a wrong type",
   [4005] = "a field has a wrong value", [4006] = "unknown operation", [4007] = "not identified",
   [4008] = "already identified", [4009] = "wrong password", [4010] = "unsupported version of the protocol",
   [4011] = "the session was ended by a user", [4012] = "unsupported feature",
}

local ws = assert(websocket.connect(url, { protocols = "obswebsocket.json" }))
local events = {}

local function send(operation, data)
   assert(ws:send(json.encode { op = operation, d = data }))
end

-- Returns the data of the next message with this operation. Events that come before it are kept.
local function receive(operation)
   while true do
      local text, problem, code, close_code = ws:receive(PATIENCE)
      if not text then
         local known = code == "closed" and close_codes[close_code]
         error(known and ("OBS closed the connection: %s (%d)"):format(known, close_code) or problem, 0)
      end
      local message = assert(json.decode(text))
      if message.op == operation then
         return message.d
      elseif message.op == EVENT then
         events[#events + 1] = message.d
      end
   end
end

-- Proves that we know the password, without sending it.
local function proof(password, salt, challenge)
   local secret = base64.encode(sha256.digest(password .. salt))
   return base64.encode(sha256.digest(secret .. challenge))
end

local requests = 0

-- Performs a request and returns its data.
local function request(kind, data)
   requests = requests + 1
   send(REQUEST, { requestType = kind, requestId = tostring(requests), requestData = data })
   local response
   repeat
      response = receive(RESPONSE)
   until response.requestId == tostring(requests)
   local status = response.requestStatus
   if not status.result then
      return nil, ("%s: %s (%d)"):format(kind, status.comment or "refused", status.code), status.code
   end
   return response.responseData or {}
end

local hello = receive(HELLO)
print("hello", "obs-websocket " .. hello.obsWebSocketVersion)

local authentication
if hello.authentication then
   local password = os.getenv("OBS_PASSWORD") or error("OBS wants a password: set OBS_PASSWORD", 0)
   authentication = proof(password, hello.authentication.salt, hello.authentication.challenge)
end
send(IDENTIFY, { rpcVersion = RPC_VERSION, authentication = authentication, eventSubscriptions = SCENES })
print("identified", "version " .. receive(IDENTIFIED).negotiatedRpcVersion)

local list = assert(request("GetSceneList"))
local other
for _, scene in ipairs(list.scenes) do
   print("scene", scene.sceneName, scene.sceneName == list.currentProgramSceneName and "on air" or "")
   if scene.sceneName ~= list.currentProgramSceneName then
      other = scene.sceneName
   end
end

if other then
   assert(request("SetCurrentProgramScene", { sceneName = other }))
   local event = table.remove(events, 1) or receive(EVENT)
   print("event", event.eventType, event.eventData.sceneName)
end

print("refused", (select(2, request("SetCurrentProgramScene", { sceneName = "no such scene" }))))

-- Several requests in one message. OBS stops at the first that fails.
send(BATCH, {
   requestId = "batch",
   haltOnFailure = true,
   requests = json.array {
      { requestType = "SetCurrentProgramScene", requestData = { sceneName = list.currentProgramSceneName } },
      { requestType = "NoSuchRequest" },
      { requestType = "GetVersion" },
   },
})
for _, result in ipairs(receive(BATCH_RESPONSE).results) do
   print("batch", result.requestType, result.requestStatus.code)
end

ws:close()
