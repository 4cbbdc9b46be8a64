-- What the module does when memory, descriptors or threads run out.

local host = require "host"
local servers = require "servers"

-- The callback that counts must not allocate, so its slots are made before.
local RECORDER = [[
   local count, slots, details = 0, {}, {}
   for index = 1, 10000 do
      slots[index], details[index] = false, false
   end
   local function record(event, message, detail)
      count = count + 1
      slots[count] = message or event
      details[count] = detail
   end
   -- A callback for which there was no memory counts as one that raised an error.
   websocket.set_error_handler(function(problem)
      assert(tostring(problem):find("memory"))
      count = count + 1
      slots[count] = "raised"
   end)
]]

describe("with memory that runs out", function()
   it("keeps every event, in order and exactly once, whichever allocation fails", function()
      host.run("run", RECORDER .. [[
         local ws = websocket.new(url, record)
         poll_until(function() return count == 1 end)
         local failed, expected = 0, 1
         local function fail_at(allocation)
            -- A long and a short message, a pong and a deferred call, and all have arrived.
            ws:send(("x"):rep(100) .. allocation)
            ws:ping("ping" .. allocation)
            ws:send("end" .. allocation)
            collectgarbage()
            pause(0.005)
            websocket.defer(function() count = count + 1 slots[count] = "deferred" end)
            host.fail(allocation)
            local ok, problem = pcall(websocket.poll, 0)
            local failures = host.fail(0)
            failed = failed + failures
            assert(ok or failures > 0, problem)
            assert(ok or tostring(problem):find("memory"), tostring(problem))
            poll_until(function() return count >= expected + 4 end, "event " .. expected + 4 .. " at " .. allocation)
            assert(count == expected + 4, "more events than there were")
            local wanted, raised = { "x" .. allocation, "ping" .. allocation, "end" .. allocation }, 0
            for index = expected + 1, count do
               local seen = slots[index]:gsub("^x+", "x")
               if seen == "raised" then
                  raised = raised + 1
               end
               if seen ~= "deferred" then
                  local next_wanted = table.remove(wanted, 1)
                  assert(seen == next_wanted or seen == "raised", seen .. " in place of " .. tostring(next_wanted))
               end
            end
            assert(raised <= 1 and raised <= failures, raised .. " callbacks raised at " .. allocation)
            expected = expected + 4
         end
         -- On a busy machine nothing may have arrived when a poll begins, so that it allocates nothing.
         local deadline = host.now() + 30
         repeat
            for allocation = 1, 60 do
               fail_at(allocation)
            end
         until failed >= 3 or host.now() > deadline
         assert(failed >= 3, failed .. " allocations failed") -- one for each Lua string, at least
      ]] , { url = servers.url("/echo") }, [[
         function pause(seconds)
            local deadline = host.now() + seconds
            while host.now() < deadline do end
         end
      ]])
   end)

   it("delivers open and the end, whichever allocation fails", function()
      host.run("run", RECORDER .. [[
         local wanted = { "open", "hello", "bye" }
         for allocation = 1, 60 do
            count = 0
            local ws = websocket.new(url, record)
            local failed = 0
            for _ = 1, 10 do
               host.fail(allocation)
               local ok, problem = pcall(websocket.poll, 0.002)
               local failures = host.fail(0)
               assert(ok or failures > 0, problem)
               failed = failed + failures
            end
            poll_until(function() return websocket.connections() == 0 end)
            assert(count == 3, count .. " events at " .. allocation)
            local raised = 0
            for index, name in ipairs(wanted) do
               raised = raised + (slots[index] == "raised" and 1 or 0)
               assert(slots[index] == name or slots[index] == "raised", slots[index] .. " in place of " .. name)
            end
            assert(raised <= failed, raised .. " callbacks raised at " .. allocation)
            assert(slots[3] == "raised" or details[3] == 4000)
            assert(ws:status() == "closed" and ws:end_info().code == 4000 and ws:response().status == 101)
         end
      ]], { url = servers.script({ "status101", "text:%81%05hello", "text:%88%05%0F%A0bye", "await-close" }) })
   end)

   it("receives every message once, in order, whichever allocation fails", function()
      host.run("run", RECORDER .. [[
         local ws = assert(websocket.connect(url))
         local last, failed = 0, 0
         local function take(message)
            local number = tonumber(message:match("^%d+"))
            assert(number == last + 1, message:sub(1, 10) .. " after " .. last)
            last = number
         end
         repeat
            for allocation = 1, 12 do
               collectgarbage()
               host.fail(allocation)
               local ok, message, _, code = pcall(ws.receive, ws, 0.01)
               local failures = host.fail(0)
               failed = failed + failures
               assert(ok or failures > 0 and tostring(message):find("memory"), tostring(message))
               assert(not ok or message or code == "timeout" or code == "closed", tostring(code))
               if ok and message then take(message) end
            end
         until failed >= 20
         while true do
            local message = ws:receive(10)
            if not message then break end
            take(message)
         end
         assert(last == 3000, last)
      ]], { url = servers.url("/push", { count = 3000, size = 100, ["then"] = "close" }) })
   end)

   it("leaves no part of a connection behind if new fails", function()
      host.run("run", RECORDER .. [[
         local made, failed, last = 0, 0
         local options = { protocols = { "a", "b" }, headers = { x = "y" } }
         for allocation = 1, 80 do
            collectgarbage()
            local before = websocket.connections()
            host.fail(allocation)
            local ok, ws = pcall(websocket.new, url, record, options)
            host.fail(0)
            if ok then
               made = made + 1
               last = ws
            else
               failed = failed + 1
               assert(tostring(ws):find("memory"), tostring(ws))
               assert(websocket.connections() == before, "a connection that nobody has")
            end
         end
         assert(failed >= 5 and made >= 10, made .. " made, " .. failed .. " failed")
         poll_until(function() return last:status() == "open" end)
         poll_until(function() return count == made end)
      ]], { url = servers.url("/protocol", { choose = "a" }) })
   end)

   it("completes every call or raises, whichever allocation fails", function()
      host.run("run", [[
         local ws, events = open(url)
         local sent, failed, received = 0, 0
         local calls = {
            function() if ws:send("hello", true) then sent = sent + 1 end end,
            function() ws:ping("x") end, function() ws:status() end, function() ws:url() end,
            function() ws:protocol() end, function() ws:response() end, function() ws:end_info() end,
            function() tostring(ws) end, function() ws:flush(1) end, function() ws:buffered_amount() end,
            function() ws:latency() end, function() websocket.parse_url("ws://a:1/b?c") end,
            function() websocket.to_utf8("\255\254") end, function() websocket.connections() end,
            function() websocket.defer(print) error("memory, or else it prints") end,
            function() pcall(ws.send, ws, "\255") end, function() pcall(ws.close, ws, 1) end,
            function() pcall(websocket.new, "nothing", print) end,
         }
         calls[15] = calls[14]
         for _, call in ipairs(calls) do
            for allocation = 1, 40 do
               host.fail(allocation)
               local ok, problem = pcall(call)
               failed = failed + host.fail(0)
               assert(ok or tostring(problem):find("memory"), tostring(problem))
            end
         end
         assert(failed > 50, failed .. " allocations failed")
         ws:send("last")
         poll_until(function() return events[#events][2] == "last" end)
         local hellos = 0
         for _, event in ipairs(events) do
            hellos = hellos + (event[2] == "hello" and 1 or 0)
         end
         assert(hellos >= sent and hellos <= 40, hellos .. " of " .. sent)
      ]], { url = servers.url("/echo") })
   end)

   it("is complete once it is loaded, whichever allocation failed before", function()
      host.run("run", [[
         for _, name in ipairs({
            "new", "poll", "run", "stop", "defer", "call", "turn", "connections", "set_error_handler", "to_utf8",
            "parse_url", "_VERSION",
         }) do
            assert(websocket[name], name .. " is missing after " .. failed .. " loads that failed")
         end
         local ws = open(url)
         assert(ws:send("hello") == ws and ws:flush() == ws)
         assert(failed > 5, failed .. " loads failed")
      ]], { url = servers.url("/echo") }, [[
         local core = require "websocket.core"
         local loaded
         failed = 0
         repeat
            package.loaded.websocket = nil
            host.fail(failed + 1)
            loaded = pcall(require, "websocket")
            host.fail(0)
            failed = loaded and failed or failed + 1
         until loaded
      ]])
   end)

   it("loads or raises in a new state, whichever allocation fails, and loads later", function()
      local output = host.run("again 5000", [[
         local text = tostring(problem)
         assert(loaded or failures > 0, text)
         assert(loaded or text:find("memory") or text:find("not enough stack slots"), text)
         for _, name in ipairs({ "new", "poll", "run", "to_utf8", "parse_url", "_VERSION" }) do
            assert(websocket[name], name .. " is missing after allocation " .. number .. " failed")
         end
         if number % 100 == 0 then
            local ws, events = open(url)
            ws:send("hello")
            poll_until(function() return events[2] end)
         end
         io.write(failures > 0 and "1" or "0")
      ]], { url = servers.url("/echo") }, [[
         pcall(require, "string") -- the call itself has its memory now
         host.fail(number)
         local loaded, problem = pcall(require, "websocket")
         local failures = host.fail(0)
         if not loaded then
            package.loaded.websocket, package.loaded["websocket.core"] = nil, nil
            collectgarbage()
            collectgarbage()
         end
      ]])
      -- A state needs a few allocations more or less than the one before it.
      local between = output:match("^1+([01]-)0+$")
      assert(between and #between <= 20, output)
   end)

   it("loads or raises, however little there is, and loads later", function()
      host.run("run", [[
         assert(failed > 5 and loaded > 5, failed .. " loads failed, " .. loaded .. " did not")
         local ws, events = open(url)
         ws:send("hello")
         poll_until(function() return events[2] end)
      ]], { url = servers.url("/echo") }, [[
         failed, loaded = 0, 0
         for kibibytes = 1, 400, 4 do
            for _, name in ipairs({ "websocket", "websocket.core" }) do
               package.loaded[name] = nil
            end
            host.limit(kibibytes * 1024)
            local ok, problem = pcall(require, "websocket")
            host.limit()
            if ok then
               loaded = loaded + 1
            else
               failed = failed + 1
               assert(tostring(problem):find("memory"), tostring(problem))
            end
         end
      ]])
   end)
end)

describe("without memory for a copy of a large message", function()
   it("send raises, takes no memory and leaves the connection as it was", function()
      host.run("run", [[
         local ws, events = open(url)
         -- More than what making it leaves free in the heap of the C library.
         local message = ("x"):rep(128 * 1048576)
         for _ = 1, 30 do
            collectgarbage() -- each time Lua 5.1 gives back a half of the buffer that it made the message in
         end
         host.memory(32 * 1048576)
         local ok, problem = pcall(ws.send, ws, message)
         host.memory()
         assert(not ok and problem:find("not enough memory"), tostring(problem))
         assert(ws:buffered_amount() == 0)
         ws:send("hello")
         poll_until(function() return events[2] end)
         assert(events[2][2] == "hello")
      ]], { url = servers.url("/echo") })
   end)
end)

describe("without descriptors", function()
   it("fails with connect, and connects once there are descriptors", function()
      host.run("run", [[
         local ws, events = open(url)
         host.files(false)
         local seen = {}
         local other = websocket.new(url, function(...) seen[#seen + 1] = { ... } end)
         poll_until(function() return seen[1] end)
         assert(seen[1][1] == "fail" and seen[1][3] == "connect", seen[1][1] .. " " .. tostring(seen[1][3]))
         assert(seen[1][2]:find("descriptor") or seen[1][2]:find("open files"), seen[1][2])
         ws:send("still here")
         poll_until(function() return events[2] end)
         host.files(true)
         local again = open(url)
      ]], { url = servers.url("/echo") })
   end)

   it("raises if there are too few to start the engine, and starts it once there are enough", function()
      host.run("run", [[
         host.files(false)
         local ok, problem = pcall(websocket.new, url, print)
         assert(not ok and problem:find("the engine cannot start"), tostring(problem))
         host.files(true)
         open(url)
      ]], { url = servers.url("/echo") })
   end)
end)

describe("without threads", function()
   it("raises if the engine cannot start its thread, and starts it once it can", function()
      host.run("run", [[
         local descriptors_before = host.usage()
         host.threads(false)
         for _ = 1, 10 do
            local ok, problem = pcall(websocket.new, url, print)
            assert(not ok and problem:find("the engine cannot start"), tostring(problem))
         end
         await_usage(function(descriptors, threads)
            return descriptors == descriptors_before and threads == 1
         end)
         host.threads(true)
         open(url)
      ]], { url = servers.url("/echo") })
   end)

   it("fails with dns if none can be started to resolve a name, and goes on", function()
      host.run("run", [[
         local ws, events = open(url)
         host.threads(false)
         local seen = {}
         local other = websocket.new(named, function(...) seen[#seen + 1] = { ... } end)
         poll_until(function() return seen[1] end)
         local event, text, code = seen[1][1], seen[1][2], seen[1][3]
         assert(event == "fail" and code == "dns", event .. " " .. tostring(code) .. " " .. text)
         ws:send("still here")
         poll_until(function() return events[2] end)
         host.threads(true)
         open(named)
      ]], { url = servers.url("/echo"), named = servers.url("/echo", nil, "ws", "localhost") })
   end)
end)
