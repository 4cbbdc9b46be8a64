-- Runs a block of a page, which it reads from stdin, inside an imitation of the program that the page is about.
--
--   lua hosts.lua NAME PORT < BLOCK
--
-- The imitation has the functions of the program by which scripts reach its loop. Before the block it opens a
-- connection to the echo server at PORT, as `ws`; then it runs the loop until that connection has ended, so the block
-- must poll.

local websocket = require "websocket"

local ticks = {} -- what the program calls in each turn of its loop

local function add_tick(fn)
   ticks[#ticks + 1] = fn
end

--- What each program has.
local programs = {
   mpv = function()
      return {
         mp = {
            add_periodic_timer = function(_, fn) add_tick(fn) end,
            command_native = function(command) return (command[2]:gsub("^~~", "target")) end, -- expand-path alone
            get_property = function() return "a film" end,
            get_script_directory = function() return "target" end,
            msg = { error = print, info = print },
            register_event = function(_, fn) fn() end,
         },
      }
   end,
   love = function()
      local love = {}
      add_tick(function() love.update(0.02) end)
      return { love = love }
   end,
   awesome = function()
      package.preload.naughty = function()
         return { notify = function(notification) print(notification.text) end }
      end
      local watched
      local GLib = { PRIORITY_DEFAULT = 0, IOCondition = { IN = 1 } }
      function GLib.unix_fd_add_full(_, _, _, fn)
         watched = fn
         return 1
      end
      function GLib.source_remove()
         watched = nil
      end
      add_tick(function()
         if watched then
            watched()
         end
      end)
      package.preload.lgi = function() return { GLib = GLib } end
      return {}
   end,
   tshark = function()
      local listener, number = {}, 0
      add_tick(function()
         number = number + 1
         if number <= 20 then
            listener.packet({ number = number })
         elseif number == 21 then
            listener.draw()
         else
            websocket.poll() -- for the check that the connections end; the program itself would end
         end
      end)
      return { Listener = { new = function() return listener end } }
   end,
   haproxy = function()
      local core = { msleep = coroutine.yield }
      function core.register_task(fn)
         local task = coroutine.create(fn)
         add_tick(function() assert(coroutine.resume(task)) end)
      end
      return { core = core }
   end,
}

local name, port = arg[1], arg[2]
local globals = assert(programs[name], "no imitation of " .. tostring(name))()
for key, value in pairs(globals) do
   _G[key] = value
end

local is_over = false
local echo = websocket.new("ws://127.0.0.1:" .. port .. "/", function(event, message, detail, ws)
   print(event, message, detail)
   if event == "open" then
      ws:send("hello from " .. name)
   elseif event == "received" then
      ws:close()
   elseif event == "closed" or event == "fail" then
      is_over = true
   end
end)
rawset(_G, "websocket", websocket)
rawset(_G, "ws", echo)

assert((loadstring or load)(io.read("*a"), "=block"))() -- luacheck: std max
local deadline = websocket.now() + 20
while not is_over or websocket.connections() > 0 do
   assert(websocket.now() < deadline, "the connections did not end")
   for index = 1, #ticks do
      ticks[index]()
   end
   os.execute("sleep 0.01")
end
