--- The adapters of `websocket.loop`: real loops that others wrote deliver events, without a timer that polls.

local child = require "child"
local servers = require "servers"

-- How a script of each loop begins, runs the loop until nothing is left, and runs it for a moment inside a callback.
local loops = {
   {
      name = "luv",
      modules = { "luv" },
      begin = [[local uv = require "luv"; require("websocket.loop.luv").attach()]],
      run = [[uv.run()]],
      ends_on_errors = true, -- luv ends the process when a callback of libuv raises
      start = [[coroutine.wrap(fn)()]],
   },
   {
      name = "glib",
      modules = { "lgi" },
      begin = [[
         local GLib = require("lgi").GLib
         local main = GLib.MainLoop()
         require("websocket.loop.glib").attach()]],
      -- GLib's loop runs until it is told to quit.
      run = [[
         GLib.timeout_add(GLib.PRIORITY_DEFAULT, 5, function()
            if websocket._host.expected() > 0 then return true end
            main:quit()
            return false
         end)
         main:run()]],
      nested = [[GLib.MainContext.default():iteration(false)]],
      start = [[coroutine.wrap(fn)()]],
   },
   {
      name = "cqueues",
      modules = { "cqueues" },
      begin = [[local cq = require("cqueues").new(); require("websocket.loop.cqueues").attach(cq)]],
      run = [[local ok, problem = cq:loop() if not ok then print(problem) error(problem, 0) end]],
      start = [[cq:wrap(fn)]],
   },
   {
      name = "copas",
      modules = { "socket", "copas" },
      begin = [[local copas = require "copas"; require("websocket.loop.copas").attach()]],
      -- An old copas has a loop without end.
      run = [[
         while websocket._host.expected() > 0 or select(2, websocket._host.waits()) do copas.step(1) end
         for _ = 1, 5 do copas.step(0) end]], -- for threads that were woken last
      start = [[copas.addthread(fn)]],
   },
   {
      name = "ev",
      modules = { "ev" },
      begin = [[local ev = require "ev"; require("websocket.loop.ev").attach()]],
      run = [[ev.Loop.default:loop()]],
      start = [[coroutine.wrap(fn)()]],
   },
}

local PRELUDE = [[
   io.stdout:setvbuf("no")
   local websocket = require "websocket"
   local URL = %q
   -- No poll of the script's own is needed.
   websocket.poll = nil
]]

-- Runs a script with a loop. In it the words START and RUN stand for the loop's own.
local function run(loop, script)
   local source = PRELUDE:format(servers.url("/echo")) .. loop.begin .. "\n" .. script
   source = source:gsub("%f[%w]START%f[%W]", function() return "(function(fn) " .. loop.start .. " end)" end)
   source = source:gsub("%f[%w]RUN%f[%W]", function() return loop.run end)
   source = source:gsub("%f[%w]NESTED%f[%W]", function() return loop.nested end)
   local result = child.run(source)
   assert.equal(0, result.status, result.output)
   return result.output
end

for _, loop in ipairs(loops) do
   local missing
   for _, name in ipairs(loop.modules) do
      missing = missing or child.run(("require %q"):format(name)).status ~= 0 and name
   end
   describe("websocket.loop." .. loop.name, function()
      local function check(name, test)
         it(name, function()
            if missing then
               return pending(("this Lua has no module %s"):format(missing))
            end
            test()
         end)
      end

      check("delivers events, timers and deferred functions, and ends when nothing can come", function()
         local output = run(loop, [[
            local ws
            ws = websocket.new(URL, function(event, message, detail)
               print(event, message, detail)
               if event == "open" then ws:send("hello") end
               if event == "received" then
                  websocket.after(0.01, function() print "timer"; websocket.defer(function() ws:close() end) end)
               end
            end)
            RUN
            print "over"
            -- And again.
            websocket.after(0.01, function() print "again" end)
            RUN
         ]])
         assert.equal("open\tnil\tnil\nreceived\thello\ttext\ntimer\nclosed\t\t1000\nover\nagain\n", output)
      end)

      check("lets coroutines of the loop wait in connect, receive and sleep", function()
         local output = run(loop, [[
            local done = 0
            for number = 1, 3 do
               START(function()
                  local ws = assert(websocket.connect(URL))
                  for round = 1, 5 do
                     ws:send(number .. "." .. round)
                     assert(ws:receive(30) == number .. "." .. round)
                     websocket.sleep(0.001)
                  end
                  assert(select(3, ws:receive(0.01)) == "timeout")
                  ws:close()
                  assert(select(3, ws:receive()) == "closed")
                  done = done + 1
               end)
            end
            RUN
            print(done)
         ]])
         assert.equal("3\n", output)
      end)

      check("runs functions that were spawned", function()
         local output = run(loop, [[
            websocket.spawn(function()
               local ws = assert(websocket.connect(URL))
               ws:send("hello")
               print(ws:receive())
               ws:close()
            end)
            RUN
         ]])
         assert.equal("hello\ttext\n", output)
      end)

      check("delivers everything, in order, while many messages arrive", function()
         local output = run(loop, [[
            local count, last = 0, 0
            local ws = websocket.new(URL, function(event, message, _, ws)
               if event == "open" then
                  for number = 1, 20000 do assert(ws:send(tostring(number))) end
               elseif event == "received" then
                  assert(tonumber(message) == last + 1)
                  last = last + 1
                  if last == 20000 then ws:close() end
               end
            end)
            RUN
            print(last)
         ]])
         assert.equal("20000\n", output)
      end)

      check("goes on after an error in a callback", function()
         local output = run(loop, [[
            websocket.set_error_handler(function(problem) print(problem) end)
            websocket.new(URL, function(event, _, _, ws)
               if event == "open" then ws:send("x") end
               if event == "received" then ws:close() end
               error(event, 0)
            end)
            RUN
         ]])
         assert.equal("open\nreceived\nclosed\n", output)
      end)

      if not loop.ends_on_errors then
         check("goes on after an error that leaves the dispatch", function()
            local output = run(loop, [[
               websocket.set_error_handler("raise")
               websocket.new(URL, function(event, _, _, ws)
                  print(event)
                  if event == "open" then ws:send("x") error("first", 0) end
                  if event == "received" then ws:close() error("second", 0) end
               end)
               for _ = 1, 3 do pcall(function() RUN end) end
            ]])
            -- Where the loop raises them, an error may be seen after the next event.
            assert.matches("open.*received.*closed", output)
            assert.matches("first.*second", output)
         end)
      end

      if loop.nested then
         check("is left alone by a loop that runs inside a callback", function()
            local output = run(loop, [[
               local inside = false
               websocket.new(URL, function(event, message, _, ws)
                  assert(not inside)
                  inside = true
                  if event == "open" then ws:send("1") ws:send("2") ws:send("3") end
                  for _ = 1, 50 do NESTED end
                  inside = false
                  print(event, message)
                  if message == "3" then ws:close() end
               end)
               RUN
            ]])
            assert.equal("open\tnil\nreceived\t1\nreceived\t2\nreceived\t3\nclosed\t\n", output)
         end)
      end

      if loop.name == "glib" or loop.name == "cqueues" then
         check("goes on after an error that leaves it", function()
            local output = run(loop, [[
               websocket.set_error_handler("raise")
               websocket.defer(function() error("first", 0) end)
               websocket.after(0.02, function() print("second") end)
               if cq then print(cq:loop()) end
               RUN]])
            assert.matches("second", output)
            assert.matches("first", output)
         end)
      end

      if loop.name ~= "glib" and loop.name ~= "copas" then
         check("ends its loop where a time-out was cut short last", function()
            local output = run(loop, [[
               local code
               START(function()
                  local ws = assert(websocket.connect(URL))
                  ws:close()
                  code = select(3, ws:receive(1000))
               end)
               RUN
               print(code)]])
            assert.equal("closed\n", output)
         end)
      end

      check("is detached, and attached again", function()
         local output = run(loop, ([[
            local adapter = require "websocket.loop.NAME"
            adapter.attach(ARGUMENT) -- no effect
            adapter.detach()
            adapter.detach()
            local ran = 0
            websocket.after(0.01, function() ran = ran + 1 end)
            local deadline = websocket.now() + 0.1
            while websocket.now() < deadline do end
            assert(ran == 0)
            adapter.attach(ARGUMENT)
            RUN
            print(ran)
         ]]):gsub("NAME", loop.name):gsub("ARGUMENT", loop.name == "cqueues" and "cq" or ""))
         assert.equal("1\n", output)
      end)
   end)
end
