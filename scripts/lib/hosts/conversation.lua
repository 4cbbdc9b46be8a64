-- Holds a conversation on the connection that an example opens, inside of a host, for scripts/hosts.
--
-- Comes in: the example, and what the host does when the conversation is over. Goes out: lines `key=value` in the file
-- that HOST_REPORT names. Knows nothing of any host.

local websocket = require "websocket"

local M = {}

-- How long the conversation goes on at least, in seconds, and how many messages come back meanwhile.
local DURATION, ROUNDS = 1, 50

-- How long nothing is done after it, in seconds.
local IDLE = tonumber(os.getenv("HOST_IDLE") or 3)

local report = assert(io.open(assert(os.getenv("HOST_REPORT"), "HOST_REPORT is not set"), "a"))
report:setvbuf("line")

--- Adds a line to the report.
function M.note(key, value)
   report:write(key, "=", tostring(value), "\n")
   report:flush()
end

-- How often the host's own timer or frame has come while the conversation went on.
local ticks = 0
local round, is_over = 0, false

--- Counts one turn of the host's own work, of a timer or a frame.
--- @return boolean goes_on false when no more are wanted
function M.tick()
   if round > 0 and not is_over then
      ticks = ticks + 1
   end
   return not is_over
end

local function text()
   return ("round %d of a conversation"):format(round)
end

local function median(values)
   table.sort(values)
   return values[math.ceil(#values / 2)]
end

-- Sends a message, and the next one when it has come back, for a while. Then calls `done`.
local function make_listener(done)
   local times, sent_at, begun = {}, nil, nil

   local function send(ws)
      round = round + 1
      sent_at = websocket.now()
      begun = begun or sent_at
      assert(ws:send(text()))
   end

   local function finish()
      is_over = true
      M.note("rounds", #times)
      M.note("round_trip_ms", ("%.2f"):format(1000 * median(times)))
      M.note("ticks", ticks)
      M.note("idle", "begins")
      done()
   end

   return function(event, message, ws)
      if event == "open" then
         send(ws)
      elseif event == "received" and message == text() then
         times[#times + 1] = websocket.now() - sent_at
         if #times < ROUNDS or websocket.now() < begun + DURATION then
            send(ws)
         else
            finish()
         end
      elseif event == "fail" or event == "received" and message:find("^round ") then
         M.note("wrong", event .. " " .. message)
      end
   end
end

-- Errors of callbacks go to the report, whatever the example does with them.
local function report_errors()
   local set_error_handler = websocket.set_error_handler
   local function fail(_, traceback) M.note("error", traceback:gsub("\n", " ")) end
   set_error_handler(fail)
   websocket.set_error_handler = function() end
end

--- Runs an example, and talks on the connection that it opens. The example gets the first echo and all that is not of
--- this conversation. Then nothing is done for a while, and the host quits.
--- @param example string a Lua file
--- @param later fun(seconds: number, fn: fun()) has the host call `fn` once, after that time
--- @param quit fun()
function M.hold(example, later, quit)
   report_errors()
   local new = websocket.new
   local listen = make_listener(function()
      later(IDLE, function()
         M.note("quit", "now")
         quit()
      end)
   end)
   function websocket.new(url, callback, options)
      return new(url, function(event, message, detail, ws)
         if round < 2 or is_over or event ~= "received" or message ~= text() then
            callback(event, message, detail, ws)
         end
         listen(event, message, ws)
      end, options)
   end
   dofile(example)
end

--- Runs an example that waits for messages and ends by itself, and talks on another connection meanwhile.
--- @param example string a Lua file
function M.hold_beside(example)
   report_errors()
   local listen = make_listener(function() end)
   websocket.defer(function()
      websocket.new(os.getenv("WEBSOCKET_URL"), function(event, message, _, ws) listen(event, message, ws) end)
   end)
   dofile(example)
   M.note("quit", "now")
end

M.note("lua", rawget(_G, "jit") and jit.version or _VERSION)

return M
