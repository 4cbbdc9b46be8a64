-- LOVE: echoes what is typed. docs/hosts/love.md says where the module goes.
--
--   love examples/hosts/love                         quit with Escape while the connection is open
--
-- WEBSOCKET_URL: an echo server, ws://127.0.0.1:8765/ by default.

local websocket = require "websocket"

local lines = {}

local ws = websocket.new(os.getenv("WEBSOCKET_URL") or "ws://127.0.0.1:8765/", function(event, message, detail)
   lines[#lines + 1] = ("%s %s %s"):format(event, message or "", detail or "")
   print(lines[#lines])
end)

function love.update()
   websocket.poll()
end

function love.draw()
   love.graphics.print(table.concat(lines, "\n"), 20, 20)
end

function love.textinput(text)
   ws:send(text)
end

function love.keypressed(key)
   if key == "escape" then
      love.event.quit()
   end
end
