--- Connects to the malformed streams of the test server, many at once, and checks what the script sees.
--- Comes in: the numbers of the first and the last case, and a seed. Goes out: how the connections ended, and what was
--- wrong, with the number of its case. Whatever a server sends, a connection must have one `open` at most, then whole
--- messages, then exactly one end, which is last, within its time-outs, and with a code that the reference lists.

local client = require "client"
local servers = require "servers"
local websocket = require "websocket"

local M = {}

--- Seconds after which a connection hangs. All its time-outs together are much shorter, but a machine may be busy.
local PATIENCE = 60
--- Problems that are kept; the others are counted.
local LISTED = 20
--- Bytes of the longest message that is accepted. Some cases declare and send more.
local LARGEST = 64 * 1024

--- How each connection may fail. The address accepts every connection, and there is neither a name nor TLS.
local FAILURES = { handshake = true, http_status = true, timeout = true, reset = true, keepalive = true }
--- The codes with which we close because of what a server sent.
local OURS = { [1002] = true, [1007] = true, [1009] = true }

local valid = rawget(_G, "utf8") and rawget(_G, "utf8").len or function() return true end

--- What some cases led to.
--- @class MalformedReport
--- @field ended integer connections that have ended
--- @field next integer the number of the first case that was not begun
--- @field ends table<string, integer> how often each end came: `fail handshake`, `closed 1002`
--- @field events table<string, integer> how often each event came
--- @field wrong string[] problems, the first of them
--- @field problems integer how many

--- Returns an empty report, for `run`.
--- @param first integer the number of the first case
--- @return MalformedReport
function M.report(first)
   return { ended = 0, next = first, ends = {}, events = {}, wrong = {}, problems = 0 }
end

local function count(counts, key)
   counts[key] = (counts[key] or 0) + 1
end

local function complain(report, case, ...)
   report.problems = report.problems + 1
   if #report.wrong < LISTED then
      report.wrong[#report.wrong + 1] = "case " .. case .. ": " .. string.format(...)
   end
end

-- Checks the last event, and what `end_info` says of it.
local function check_end(report, case, ws, event, message, detail)
   local info = ws:end_info()
   count(report.ends, event .. " " .. tostring(detail))
   if event == "fail" then
      if not (FAILURES[detail] and info.failed and info.error == detail and #message > 0) then
         complain(report, case, "fail %s: %s", tostring(detail), tostring(message))
      end
   elseif type(detail) ~= "number" or info.failed or info.violation and not OURS[detail] then
      complain(report, case, "closed %s: %s", tostring(detail), tostring(info.text))
   end
   if message:find("case=", 1, true) then
      complain(report, case, "the text contains the query: %s", message)
   end
end

-- Begins a case. Odd ones offer no compression, and every fifth script closes the connection itself.
local function begin(report, alive, case, seed)
   local state = { begun = client.now() }
   local function on_event(event, message, detail, ws)
      count(report.events, event)
      if state.ended then
         return complain(report, case, "%s after the end", event)
      elseif (event == "open") == (state.opened or false) and event ~= "fail" and event ~= "closed" then
         complain(report, case, "%s %s open", event, state.opened and "after" or "before")
      end
      if event == "open" then
         state.opened = true
         ws:send("case " .. case)
         if case % 5 == 0 then
            ws:close(4000)
         end
      elseif event == "received" then
         if #message > LARGEST or detail == "text" and not valid(message) then
            complain(report, case, "a message of %d bytes, %s", #message, detail)
         end
      elseif event == "fail" or event == "closed" then
         state.ended = true
         alive[case] = nil
         report.ended = report.ended + 1
         check_end(report, case, ws, event, message, detail)
      end
   end
   alive[case] = state
   websocket.new(servers.url("/malformed", { case = case, seed = seed }), on_event, {
      open_timeout = 0.5,
      close_timeout = 0.5,
      ping_interval = 0.3,
      ping_timeout = 0.3,
      max_message_size = LARGEST,
      max_queue = 256 * 1024,
      report_pings = true,
      report_closing = true,
      compression = case % 2 == 0,
   })
end

--- Runs cases, `at_once` at a time, and adds what they led to to a report. Returns when all have ended, or hang.
--- @param report MalformedReport
--- @param last integer the number of the last case
--- @param seed integer
--- @param at_once integer
function M.run(report, last, seed, at_once)
   local alive, checked = {}, client.now()
   while report.next <= last or next(alive) do
      while report.next <= last and websocket.connections() < at_once do
         begin(report, alive, report.next, seed)
         report.next = report.next + 1
      end
      websocket.poll(0.05)
      if client.now() - checked > 1 then
         checked = client.now()
         for case, state in pairs(alive) do
            if checked - state.begun > PATIENCE then
               complain(report, case, "hangs, %s open", state.opened and "after" or "before")
               alive[case] = nil
            end
         end
      end
   end
end

return M
