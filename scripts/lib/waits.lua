-- Leaves connections alone for minutes, with the default time-outs.
--
--   waits.lua idle       does not poll for 120 s while a message comes every two seconds: all must be there, in order
--   waits.lua stopped    is stopped by SIGSTOP for 90 s: a connection to a peer that lives must go on, and one to a
--                        silent peer must fail with `keepalive` within one ping_timeout of waking
package.path = "spec/support/?.lua;" .. package.path

local client = require "client"
local servers = require "servers"

local IDLE, STOPPED = 120, 90
local PING_TIMEOUT = 20
-- Seconds that a busy machine may add.
local LATE = 2

local modes = {}

function modes.idle()
   local count = math.floor(IDLE / 2) -- an integer, so that the URL has no fraction
   local recorder = client.open(servers.url("/push", { count = count, interval = 2000, size = 100 }))
   os.execute("sleep " .. IDLE + 1)
   -- The first message may have come together with `open`.
   assert(#recorder.events <= 2, client.describe(recorder))
   client.wait(recorder, function() return #client.messages(recorder) == count end)
   for index, payload in ipairs(client.messages(recorder)) do
      assert(payload:match("^(%d+):") == tostring(index), "message " .. index .. " is " .. payload)
   end
   recorder.ws:close(4000)
   assert(client.drain(recorder)[3] == 4000, client.describe(recorder))
   print(("%d messages came in %d s without a poll"):format(count, IDLE))
end

function modes.stopped()
   local echo = client.open(servers.url("/echo"))
   local silent = client.open(servers.url("/silent"))
   local last = client.now()
   local gap
   -- The parent of this shell is this process. It may be stopped before the shell has returned.
   os.execute("{ kill -STOP $PPID; sleep " .. STOPPED .. "; kill -CONT $PPID; } &")
   repeat
      os.execute("sleep 0.1")
      gap, last = client.now() - last, client.now()
   until gap > STOPPED / 2
   local awake = last
   echo.ws:send("after")
   assert(client.wait(echo, "received")[2] == "after")
   local ended = client.drain(silent, PING_TIMEOUT + 30)
   local passed = client.now() - awake
   assert(ended[1] == "fail" and ended[3] == "keepalive", client.describe(silent))
   assert(passed <= PING_TIMEOUT + LATE, "keepalive came after " .. passed .. " s")
   assert(not echo.ended, client.describe(echo))
   echo.ws:close(4000)
   assert(client.drain(echo)[3] == 4000, client.describe(echo))
   print(("stopped for %.0f s: the living peer stayed, the silent one failed %.1f s after waking"):format(gap, passed))
end

modes[arg[1]]()
