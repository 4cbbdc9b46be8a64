-- Runs as a script of mpv, with the folder `websocket` in `script-modules`. Talks to the echo server that the option
-- script-opts names, prints the answer, and quits. docs/hosts/mpv.md has the first three lines.

local modules = mp.command_native({ "expand-path", "~~/script-modules" })
package.path = modules .. "/?/init.lua;" .. modules .. "/?.lua;" .. package.path
package.cpath = modules .. "/?.so;" .. package.cpath

local websocket = require "websocket"

local ws = websocket.new(mp.get_opt("url"), function(event, message, detail, ws)
   if event == "received" then
      print("answer: " .. message)
      ws:close()
   elseif event == "closed" or event == "fail" then
      print(event .. " " .. tostring(detail))
      mp.command("quit")
   end
end)
ws:send("hello from mpv")

mp.add_periodic_timer(0.02, function() websocket.poll() end)
