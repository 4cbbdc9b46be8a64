-- Sends numbered messages on one connection that is opened again after each fault, and compares what was lost with what
-- the server has missed. PORT, MESSAGES, FAULTS and SEED come from the environment; server.py has the faults.
local websocket = require "websocket"

local port, messages, faults = os.getenv("PORT"), tonumber(os.getenv("MESSAGES")), tonumber(os.getenv("FAULTS"))
math.randomseed(tonumber(os.getenv("SEED")))
local random = math.random

local KINDS = { "r", "x", "c", "c", "e", "s", "s", "t" }
-- The server ends the connection without a Close after these, so nothing else may be on its way.
local SILENT = { r = true, e = true }
local WITHOUT_CLOSE = 1006
-- Seconds after which the server has not seen such a fault: its own Close came before.
local PATIENCE = 0.5
-- After so many messages comes the next fault.
local PERIOD = math.max(1, math.floor(messages / faults))

-- Noise, which does not become shorter by compression.
local noise = {}
for index = 1, 65536 do
   noise[index] = string.char(random(33, 126))
end
noise = table.concat(noise)
local LARGE = noise:rep(96) -- 6 MiB

local started = websocket.now()
local ws
local sent, lost, lost_bytes, reconnected, drained, paused = 0, 0, 0, 0, 0, 0
local is_open, problem = false, "the server was not asked what has arrived"
-- When the server was last asked what has arrived.
local asked = -math.huge
-- The fault of the next message, once it is chosen.
local chosen
-- Since when nothing is sent; nil while messages are.
local waits

local function filler(fault)
   if fault == "x" then
      return LARGE
   end
   local size = random() < 0.02 and random(1000, 60000) or random(0, 200)
   return random() < 0.5 and noise:sub(1, size) or ("compressible "):rep(math.floor(size / 13))
end

-- Sends until the buffer is full, or until the connection must be silent.
local function send()
   if waits and is_open and websocket.now() - waits > PATIENCE then
      waits = nil
   end
   while sent < messages and not waits do
      local number = sent + 1
      chosen = chosen or number % PERIOD == 0 and KINDS[random(#KINDS)] or "n"
      local fault = chosen
      if SILENT[fault] and (not is_open or ws:buffered_amount() > 0) then
         return
      end
      local ok, text, code = ws:send(("%d:%s:%s"):format(number, fault, filler(fault)))
      if not ok then
         assert(code == "buffer_full", text)
         return
      end
      sent, chosen = number, nil
      waits = SILENT[fault] and websocket.now() or nil
      if random() < 0.0005 then
         ws:pause()
         paused = paused + 1
         websocket.after(random() / 50, function() ws:resume() end)
      end
   end
end

local function on_event(event, message, detail)
   if event == "open" then
      is_open = true
   elseif event == "drain" then
      drained = drained + 1
   elseif event == "reconnecting" then
      is_open = false
      if detail.code == WITHOUT_CLOSE then
         waits = nil
      end
      reconnected = reconnected + 1
      lost, lost_bytes = lost + detail.lost_messages, lost_bytes + detail.lost_bytes
   elseif event == "received" then
      local received, missing, last, errors = message:match("^(%d+) (%d+) (%d+) (%d+)$")
      received, missing, last, errors = tonumber(received), tonumber(missing), tonumber(last), tonumber(errors)
      missing = missing + messages - last
      print(("sent %d, received %d, missing %d, counted as lost %d (%d bytes)"):format(
         sent, received, missing, lost, lost_bytes))
      print(("reconnected %d times, drained %d times, paused %d times, %.1f s"):format(
         reconnected, drained, paused, websocket.now() - started))
      local is_right = received + missing == messages and missing == lost and errors == 0
      problem = not is_right and "messages were lost, doubled or out of order" or nil
      ws:close()
   elseif event == "fail" or event == "closed" then
      if ws:end_info().by ~= "us" then
         problem = ("the connection ended: %s %s"):format(event, tostring(message))
      end
   end
end

ws = websocket.new("ws://127.0.0.1:" .. port .. "/", on_event, {
   compression = { threshold = 0, client_no_context_takeover = true },
   max_buffered = 262144,
   report_drain = true,
   reconnect = { min_delay = 0.005, max_delay = 0.02 },
})

websocket.every(0.002, function()
   send()
   local is_done = sent == messages and not waits and is_open and ws:buffered_amount() == 0
   -- Its answer may be lost as well.
   if is_done and websocket.now() - asked > PATIENCE then
      ws:send("0:q:")
      asked = websocket.now()
   end
end)
websocket.after(0, send)
while websocket.connections() > 0 do
   websocket.poll(1)
end
if problem then
   io.stderr:write("wrong: ", problem, "\n")
   os.exit(1)
end
