-- What a forked child can do with the connections, and what its parent keeps.

local host = require "host"
local servers = require "servers"

-- Runs `action` in a child, which then ends by `ending`; returns what the child wrote, its status and its signal.
local FORK = [[
   local function in_child(action)
      local start = host.now()
      local child = host.fork()
      if child == 0 then
         local file = assert(io.open(notes, "w"))
         local ok, problem = pcall(action, function(...) file:write(..., "\n") end)
         file:write(ok and "" or tostring(problem))
         file:close()
         return true
      end
      local status, signal = host.wait(child)
      assert(status == 0 and signal == 0, "the child ended with " .. status .. ", signal " .. signal)
      assert(host.now() - start < 8, "the child took " .. host.now() - start .. " s")
      local file = io.open(notes)
      local text = file:read("*a")
      file:close()
      return false, text
   end
]]

local function notes()
   return servers.file("fork-" .. servers.token())
end

describe("a child of a fork", function()
   it("is refused every call, ends as it likes, and leaves the parent's connections alone", function()
      local token = servers.token()
      host.run("run", FORK .. [[
         local ws, events = open(url)
         local secure, secure_events = open(secure_url, { tls = { ca_file = ca } })
         local connecting = websocket.new(silent, function() end)
         local inbox = assert(websocket.connect(other_url))
         inbox:send("kept")
         websocket.fileno()
         ws:send("before")
         poll_until(function() return events[2] end)
         for round = 1, 6 do
            ws:send("while " .. round)
            local child, text = in_child(function(note)
               assert(ws:status() == "unknown" and secure:status() == "unknown" and connecting:status() == "unknown")
               for name, call in pairs({
                  new = function() return websocket.new(url, print) end,
                  poll = function() return websocket.poll(1) end,
                  run = function() return websocket.run() end,
                  defer = function() return websocket.defer(print) end,
                  send = function() return ws:send("child") end,
                  ping = function() return ws:ping() end,
                  close = function() return ws:close() end,
                  terminate = function() return ws:terminate() end,
                  flush = function() return ws:flush(1) end,
                  buffered_amount = function() return ws:buffered_amount() end,
                  connect = function() return websocket.connect(url) end,
                  receive = function() return inbox:receive() end,
                  messages = function() return inbox:messages() end,
                  spawn = function() return websocket.spawn(print) end,
                  sleep = function() return websocket.sleep(0) end,
                  fileno = function() return websocket.fileno() end,
                  next_timeout = function() return websocket.next_timeout() end,
               }) do
                  local ok, problem = pcall(call)
                  assert(not ok and problem:find("child of a fork"), name .. ": " .. tostring(problem))
               end
               assert(websocket.to_utf8("a\255") == "a\239\191\189" and tostring(ws):find("127.0.0.1"))
               note("fine")
               if round == 1 then os.exit(0) end
               if round == 2 then os.exit(0, true) end
               if round == 3 then ws, secure, connecting = nil, nil, nil collectgarbage() collectgarbage() end
               if round == 4 then host.close() end
            end)
            if child then
               return -- the host closes the state
            end
            assert(round == 1 or round == 2 or text == "fine\n", text)
            poll_until(function() return events[2 + round] end, "the echo after the fork")
            assert(events[2 + round][2] == "while " .. round)
            secure:send("secure")
            poll_until(function() return secure_events[1 + round] end, "the echo over TLS")
         end
         assert(ws:status() == "open" and secure:status() == "open")
         assert(inbox:receive(10) == "kept")
         inbox:terminate()
         ws:close(4000)
         poll_until(function() return ws:status() == "closed" end)
         assert(events[#events][1] == "closed" and events[#events][3] == 4000)
      ]], {
         url = servers.url("/echo", { token = token }),
         other_url = servers.url("/echo"),
         secure_url = servers.url("/echo", nil, "wss"),
         silent = servers.url("/", nil, "silent"),
         ca = servers.file("ca.pem"),
         notes = notes(),
      })
      assert.equal(4000, servers.await(token, "close").close)
      assert.equal(7, servers.recorded(token).messages)
   end)

   it("is refused while messages pour in, and the parent gets them all", function()
      host.run("run", FORK .. [[
         local bytes, ended = 0
         local ws = websocket.new(url, function(event, message, detail)
            if event == "received" then bytes = bytes + #message end
            if event == "closed" then ended = detail end
         end)
         for _ = 1, 20 do
            websocket.poll(0.01)
            local child, text = in_child(function(note)
               assert(not pcall(websocket.poll))
               assert(ws:status() == "unknown")
               note("fine")
            end)
            if child then
               return
            end
            assert(text == "fine\n", text)
         end
         poll_until(function() return ended end)
         assert(ended == 1000 and bytes == 50000000, bytes)
      ]], { url = servers.url("/flood", { bytes = 50000000, size = 10000 }), notes = notes() })
   end)

   it("that begins in a callback gets no further event, and the parent gets them all", function()
      local token = servers.token()
      host.run("run", FORK .. [[
         local delivered, is_child, text = 0
         local ws = websocket.new(url, function(event)
            delivered = delivered + 1
            if event == "received" and is_child == nil then
               is_child, text = in_child(function() delivered = 0 end)
            end
         end)
         -- The server reads the answer to its Close when all events are queued, so one poll finds them all.
         local deadline, closed = host.now() + 30
         repeat
            os.execute("sleep 0.02")
            local file = io.open(record)
            closed = file and file:read("*a"):find("\nclose=")
         until closed or host.now() > deadline
         assert(closed, "the server received no Close within 30 s")
         local ok, problem = pcall(websocket.run)
         if is_child then
            local file = assert(io.open(notes, "w"))
            file:write(tostring(ok), " ", delivered, " ", tostring(problem))
            file:close()
         else
            assert(ok and delivered == 22, delivered .. " events: " .. tostring(problem))
            local file = assert(io.open(notes))
            local note = file:read("*a")
            assert(note:find("^false 0 .*child of a fork"), note)
         end
      ]], {
         url = servers.url("/push", { count = 20, size = 10, ["then"] = "close", token = token }),
         notes = notes(),
         record = servers.file("reports/" .. token),
      })
   end)

   it("does not keep the parent's connections from ending", function()
      local token = servers.token()
      host.run("run", [[
         local ws = open(url)
         local child = host.fork()
         if child == 0 then
            -- Until the parent has seen what it waits for.
            repeat
               os.execute("sleep 0.02")
            until io.open(notes)
            os.exit(0)
         end
         ws:terminate()
         local deadline, ended = host.now() + 30, false
         repeat
            websocket.poll(0.02)
            local file = io.open(record)
            ended = file and file:read("*a"):find("\neof=")
         until ended or host.now() > deadline
         io.open(notes, "w"):close()
         host.wait(child)
         assert(ended, "the server did not notice")
      ]], {
         url = servers.url("/silent", { token = token }),
         notes = notes(),
         record = servers.file("reports/" .. token),
      })
   end)

   it("may use the module if its parent only loaded it", function()
      host.run("run", FORK .. [[
         local child, text = in_child(function(note)
            local ws, events = open(url)
            ws:send("from the child")
            poll_until(function() return events[2] end)
            note(events[2][2])
         end)
         if not child then
            assert(text == "from the child\n", text)
            open(url)
         end
      ]], { url = servers.url("/echo"), notes = notes() })
   end)
end)
