-- What a host may do with its Lua states: have several at once, on several threads, and close and open them again.

local expect = require "expect"
local host = require "host"
local servers = require "servers"

describe("in its host", function()
   it("keeps the events of states on different threads apart", function()
      host.run("threads 3", [[
         local mine, theirs, ended = 0, 0, 0
         for connection = 1, 4 do
            local tag = number .. ":" .. connection .. ":"
            local sent, received, ws = 0, 0
            local function fill()
               while sent < 500 and sent - received < 50 do
                  sent = sent + 1
                  ws:send(tag .. sent)
               end
            end
            ws = websocket.new(url, function(event, message)
               if event == "received" then
                  received = received + 1
                  if message == tag .. received then mine = mine + 1 else theirs = theirs + 1 end
                  if received == 500 then ws:close() else fill() end
               elseif event == "closed" or event == "fail" then
                  assert(event == "closed", message)
                  ended = ended + 1
               end
            end)
            fill()
         end
         websocket.run()
         assert(mine == 2000 and theirs == 0 and ended == 4, mine .. " " .. theirs .. " " .. ended)
      ]], { url = servers.url("/echo") })
   end)

   it("serves a state that is created on one thread, used on another, and closed on the first", function()
      expect.in_time(function()
         local token = servers.token()
         host.run("moved", [[
            local ws, events = open(url)
            ws:send("hello")
            poll_until(function() return events[2] end)
            assert(events[2][2] == "hello")
         ]], { url = servers.url("/echo", { token = token }) })
         assert.equal(1001, servers.await(token, "close", 5).close)
      end)
   end)

   it("serves states that two threads open and close all the time, independently", function()
      host.run("beside 500", [[
         local ws, events = open(url)
         ws:send("hello")
         if number % 2 == 0 then
            poll_until(function() return events[2] end)
            assert(events[2][2] == "hello")
         end
         if number % 3 == 0 then
            ws:close()
            poll_until(function() return ws:status() == "closed" end)
         end
      ]], { url = servers.url("/echo") })
   end)

   it("survives a state that is closed when the process is ending", function()
      local token = servers.token()
      host.run("atexit", [[
         ws, events = open(url)
         ws:send("last")
         other = websocket.new(silent, function() end)
      ]], { url = servers.url("/count-messages", { token = token }), silent = servers.url("/", nil, "silent") })
      local record = servers.await(token, "close")
      assert.same({ 1001, "last" }, { record.close, record.last })
   end)

   it("uses no more threads, descriptors or memory after a thousand states", function()
      host.run("again 1000", [[
         -- Read before this state has done anything. The first 500 states fill what a process fills only once.
         if number == 500 then
            local file = io.open(notes, "w")
            local descriptors, _, heap = await_usage(function(_, threads)
               return threads == 1
            end)
            file:write(descriptors, " ", math.floor(heap))
            file:close()
         elseif number == 1000 then
            local file = io.open(notes)
            local descriptors_before, heap_before = file:read("*n", "*n")
            await_usage(function(descriptors, threads, heap)
               return descriptors == descriptors_before and threads == 1 and heap < heap_before + 65536
            end)
            file:close()
         end
         local ws, events = open(url)
         ws:send("hello")
         poll_until(function() return events[2] end)
         assert(events[2][2] == "hello")
         if number % 3 == 0 then
            ws:close()
            poll_until(function() return events[3] end)
         end
      ]], { url = servers.url("/echo"), notes = servers.file("usage-" .. servers.token()) })
   end)

   it("needs no more memory when another thread reads than the script's", function()
      host.run("run", [[
         local ws, events = open(url)
         local function echo()
            ws:send("hello")
            local count = #events
            return function() return #events > count end
         end
         poll_until(echo())
         local descriptors, threads, heap = host.usage()
         -- While the script computes, the helper reads.
         for _ = 1, 20 do
            local answered = echo()
            local deadline = host.now() + 0.02
            while host.now() < deadline do end
            poll_until(answered)
         end
         collectgarbage()
         collectgarbage()
         await_usage(function(now_descriptors, now_threads, now_heap)
            return now_descriptors == descriptors and now_threads == threads and now_heap < heap + 32768
         end)
      ]], { url = servers.url("/echo") })
   end)

   it("survives a state that is closed in the error handler of a callback", function()
      host.run("again 20", [[
         await_usage(function(descriptors, threads)
            return threads == 1 and descriptors < 12
         end)
         websocket.set_error_handler(function() host.close() end)
         local ws
         ws = websocket.new(url, function(event)
            if event == "open" then
               ws:send("hello")
            else
               error("in a callback")
            end
         end)
         websocket.run()
         error("not closed")
      ]], { url = servers.url("/echo") })
   end)

   it("lets a finaliser poll in the middle of any call", function()
      host.run("run", [[
         if jit then
            jit.off()
         end
         local within = 0
         local function finalised(finaliser)
            if newproxy then
               getmetatable(newproxy(true)).__gc = finaliser
            else
               setmetatable({}, { __gc = finaliser })
            end
         end
         for _ = 1, 10 do
            for _, name in ipairs({ "protocol", "extensions" }) do
               local events = {}
               local ws = websocket.new(url, function(event)
                  events[#events + 1] = event
               end)
               local method, inside, grown = ws[name], false, {}
               local queued = websocket._host.wait(30)
               assert(queued, "nothing was queued within 30 s")
               -- The collector does all of its work when the next string is made: a table that grows only makes it due.
               collectgarbage()
               collectgarbage("stop")
               finalised(function()
                  within = within + (inside and 1 or 0)
                  websocket.poll(1)
               end)
               if _VERSION == "Lua 5.5" then
                  collectgarbage("param", "stepmul", 0) -- does the whole cycle in one step
                  collectgarbage("param", "pause", 1)
               else
                  collectgarbage("setstepmul", 1000000)
                  collectgarbage("setpause", 1)
               end
               collectgarbage("restart")
               for index = 1, 1000 do
                  grown[index] = index
               end
               inside = true
               method(ws)
               inside = false
               poll_until(function() return ws:status() == "open" end)
               assert(events[1] == "open", tostring(events[1]))
               ws:terminate()
               poll_until(function() return ws:status() == "closed" end)
            end
         end
         assert(within == 20, within .. " polls in calls")
      ]], { url = servers.url("/echo") })
   end)

   it("lets a finaliser call the module in the middle of any other call", function()
      host.run("run", [[
         local ws = open(url)
         local within = 0
         local function finaliser()
            within = within + 1
            assert(websocket.parse_url("ws://host/" .. within).path == "/" .. within)
            assert(ws:status() == "open" and websocket.connections("list")[1] == ws)
            assert(ws:send("x") == ws and not pcall(ws.send, ws, "\255"))
         end
         for call = 1, 10000 do
            if newproxy then
               getmetatable(newproxy(true)).__gc = finaliser
            else
               setmetatable({}, { __gc = finaliser })
            end
            assert(websocket.to_utf8("\255" .. call) == "\239\191\189" .. call)
            assert(websocket.parse_url("ws://other/" .. call).host == "other")
         end
         assert(within > 1000, within)
         ws:terminate()
      ]], { url = servers.url("/count-messages") })
   end)

   it("keeps a deferred call that an interrupt precedes, and makes none twice", function()
      host.run("run", [[
         if jit then
            jit.off()
         end
         local struck, outside, lost = 0, 0, 0
         for instruction = 1, 150 do
            local ran, struck_in = 0, nil
            local function callback()
               ran = ran + 1
            end
            websocket.defer(callback)
            -- As Lua's handler of Ctrl-C does.
            local function interrupt()
               debug.sethook()
               struck_in = debug.getinfo(2, "f").func
               error("interrupted!", 0)
            end
            local ok, problem = pcall(function()
               debug.sethook(interrupt, "", instruction)
               websocket.poll(0)
               debug.sethook()
            end)
            assert(ok or tostring(problem):find("interrupted!"), tostring(problem))
            struck = struck + (struck_in and 1 or 0)
            outside = outside + (not ok and ran == 0 and struck_in ~= callback and 1 or 0)
            websocket.poll(0)
            websocket.poll(0)
            assert(ran <= 1, "called twice")
            lost = lost + ((ran == 1 or struck_in == callback) and 0 or 1)
         end
         assert(lost == 0, lost .. " calls lost")
         assert(struck > 30 and outside > 10, struck .. " interrupts, " .. outside .. " before the callback")
      ]])
   end)
end)
