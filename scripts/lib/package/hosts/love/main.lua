-- Runs as a game of LOVE, with the folder `websocket` beside this file. Talks to the echo server that the environment
-- names, prints the answer, and quits.

local websocket = require "websocket"

local ws = websocket.new(os.getenv("WEBSOCKET_URL"), function(event, message, detail, ws)
   if event == "received" then
      print("answer: " .. message)
      ws:close()
   elseif event == "closed" or event == "fail" then
      print(event .. " " .. tostring(detail))
      love.event.quit()
   end
end)
ws:send("hello from LOVE")

function love.update()
   websocket.poll()
end
