--- How connections and the module live and end with their script: collection, final messages, Ctrl-C, vanished peers.

local child = require "child"
local client = require "client"
local clock = require "clock"
local expect = require "expect"
local garbage = require "garbage"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

-- Every child begins with this.
local PRELUDE = [[
io.stdout:setvbuf("no")
local websocket = require "websocket"
]]

local function run(source, ...)
   local result = child.run(PRELUDE .. source:format(...))
   assert(result.status == 0, string.format("status %s:\n%s", tostring(result.status), tostring(result.output)))
   return result
end

describe("A connection that nothing refers to", function()
   after_each(client.finish)

   it("stays alive with its callback until it ends", function()
      local events, token = {}, servers.token()
      do
         websocket.new(
            servers.url("/push", { count = 3, interval = 100, ["then"] = "close", code = 4000, token = token }),
            function(event, _, detail)
               events[#events + 1] = event .. (event == "closed" and detail or "")
            end)
      end
      local deadline = client.now() + 30
      while websocket.connections() > 0 and client.now() < deadline do
         collectgarbage()
         collectgarbage()
         websocket.poll(0.05)
      end
      assert.equal("open received received received closed4000", table.concat(events, " "))
      assert.equal(4000, client.report(token, "close").close)
   end)

   it("is collected after its end", function()
      local weak = setmetatable({}, { __mode = "v" })
      local function connect()
         local recorder = client.connect(servers.url("/close"))
         weak[1] = recorder.ws
         client.drain(recorder)
      end
      connect()
      garbage.await_collected(weak)
   end)

   it("releases its callback after its end", function()
      local weak = setmetatable({}, { __mode = "v" })
      local function connect()
         local payload = {}
         weak[1] = payload
         return websocket.new(servers.url("/close"), function() payload[1] = true end)
      end
      local ws = connect()
      assert(client.poll_until(function() return websocket.connections() == 0 end))
      garbage.await_collected(weak)
      assert.equal("closed", ws:status())
   end)
end)

describe("require", function()
   it("in a coroutine that is then collected leaves a module that works", function()
      local result = child.run(([[
         io.stdout:setvbuf("no")
         local websocket
         do
            local loader = coroutine.create(function() websocket = require "websocket" end)
            assert(coroutine.resume(loader))
         end
         for _ = 1, 5 do collectgarbage() end
         -- Reuses the memory that was freed.
         local fill = {}
         for index = 1, 100 do fill[index] = coroutine.create(function() end) end
         local ws
         ws = websocket.new(%q, function(event, message, detail)
            collectgarbage()
            print(event, message, detail)
            if event == "open" then ws:send("hello") end
            if event == "received" then ws:close(4000) end
         end)
         websocket.run()
      ]]):format(servers.url("/echo")))
      assert.same({ 0, "open\tnil\tnil\nreceived\thello\ttext\nclosed\t\t4000\n" }, { result.status, result.output })
   end)

   it("again, after package.loaded was emptied, gives the same module", function()
      run([[
         for _ = 1, 3 do
            package.loaded["websocket"], package.loaded["websocket.core"] = nil, nil
            assert(require "websocket" == websocket)
         end
         websocket.new(%q, function() end)
         assert(websocket.connections() == 1)
         websocket.run()
         assert(websocket.connections() == 0)
      ]], servers.url("/close"))
   end)
end)

describe("send and close in one go", function()
   after_each(client.finish)

   it("on an open connection bring the server everything, and the Close", function()
      local token = servers.token()
      local recorder = client.open(servers.url("/count-messages", { token = token }))
      for number = 1, 100 do
         recorder.ws:send("message " .. number)
      end
      recorder.ws:close(4000, "done")
      local record = servers.await(token, "close")
      assert.same({ 100, "message 100", 4000, "done" }, { record.messages, record.last, record.close, record.reason })
      assert.equal(4000, client.drain(recorder)[3])
   end)
end)

describe("A script that just ends", function()
   -- Opens a connection, then goes on with more source, which may take further values by `%q`.
   local function opened(token, path, port, source, ...)
      return run([[
         local open = false
         local ws = websocket.new(%q, function(event, message)
            if event == "fail" then error(message) end
            open = true
         end, { tls = { ca_file = %q } })
         while not open do websocket.poll(1) end
      ]] .. source, servers.url(path, { token = token }, port), servers.file("ca.pem"), ...)
   end

   for _, port in ipairs({ "ws", "wss" }) do
      it("has its last message sent, over " .. port, function()
         expect.in_time(function()
            local token = servers.token()
            opened(token, "/count-messages", port, [[ ws:send("the last message") ]])
            local record = servers.await(token, "eof", 5)
            assert.same({ 1, "the last message" }, { record.messages, record.last })
            assert.equal(1001, record.close)
            assert.is_nil(record.reset)
         end)
      end)

      it("has all its last messages sent, and its own Close, over " .. port, function()
         expect.in_time(function()
            local token = servers.token()
            opened(token, "/count-messages", port, [[
               for _ = 1, 100 do ws:send(("x"):rep(1000)) end
               ws:close(4000, "bye")
            ]])
            local record = servers.await(token, "eof", 5)
            assert.same({ 100, 4000, "bye" }, { record.messages, record.close, record.reason })
         end)
      end)
   end

   it("has it sent also if it ends by os.exit after flush", function()
      local token = servers.token()
      opened(token, "/count-messages", "ws", [[
         ws:send("the last message")
         assert(ws:flush(10))
         os.exit(0)
      ]])
      assert.equal("the last message", servers.await(token, "messages").last)
   end)

   it("ends at once, whatever its connections are doing", function()
      local begun = client.now()
      local token = servers.token()
      opened(token, "/stall", "ws", [[
         ws:send(("x"):rep(16 * 1024 * 1024), true)
         websocket.new(%q, function() end)
         websocket.new(%q, function() end)
         local closing = websocket.new(%q, function() end)
         closing:close()
      ]], servers.url("/", nil, "silent"), servers.url("/", nil, "nowhere"), servers.url("/silent"))
      local passed = client.now() - begun
      assert(passed < 8, passed .. " s")
   end)
end)

describe("Ctrl-C", function()
   -- Starts a script, interrupts it once it is ready, and returns how it ended.
   local function interrupted(source, ...)
      local process = child.start(PRELUDE .. source:format(...))
      assert.equal("ready", process.ready)
      -- Usually the script waits by now; if it does not, the interrupt must work, too.
      clock.sleep(0.4)
      local begun = client.now()
      os.execute("kill -INT " .. process.pid)
      local result = process.finish()
      local passed = result.ended - begun
      local status, output = tostring(result.status), tostring(result.output)
      assert(passed < 8, string.format("%g s; status %s:\n%s", passed, status, output))
      return result
   end

   local OPEN = [[
      local ws = websocket.new(%q, function(event) if event == "open" then print("ready") end end)
      while ws:status() ~= "open" do websocket.poll(1) end
   ]]

   for name, source in pairs({
      ["poll(60)"] = OPEN .. "websocket.poll(60)",
      ["poll(math.huge)"] = OPEN .. "websocket.poll(math.huge)",
      run = OPEN .. "websocket.run()",
      ["flush(60)"] = OPEN .. "ws:send(('x'):rep(64 * 1024 * 1024), true) ws:flush(60)",
   }) do
      it("leaves " .. name .. " as an error, and the interpreter ends with status 1", function()
         local result = interrupted(source, servers.url("/stall"))
         assert.equal(1, result.status)
         assert.matches("interrupted!", result.output)
      end)
   end

   it("leaves poll without connections, too", function()
      local result = interrupted("print('ready') websocket.poll(60)")
      assert.equal(1, result.status)
      assert.matches("interrupted!", result.output)
   end)

   it("in a callback leaves run, not the error handler", function()
      local result = interrupted([[
         websocket.set_error_handler(function() print("handled") end)
         websocket.defer(function()
            print("ready")
            -- LuaJIT does not compile this: in a compiled loop it sees no Ctrl-C.
            while true do os.getenv("HOME") end
         end)
         websocket.run()
      ]])
      assert.equal(1, result.status)
      assert.matches("interrupted!", result.output)
      assert(not result.output:find("handled"), result.output)
   end)

   it("can be caught by pcall, and everything goes on", function()
      local token = servers.token()
      local result = interrupted([[
         local echoed
         local ws = websocket.new(%q, function(event, message)
            if event == "open" then print("ready") end
            if event == "received" then echoed = message end
         end)
         print(pcall(websocket.run))
         ws:send("still here")
         while not echoed do websocket.poll(1) end
         print(echoed)
         ws:close(4000)
         websocket.run()
         print("done")
      ]], servers.url("/echo", { token = token }))
      assert.equal(0, result.status)
      assert.matches("false\t[^\n]*interrupted!\nstill here\ndone\n$", result.output)
      assert.equal(4000, servers.await(token, "close").close)
   end)
end)

describe("Writing to a peer that has gone", function()
   -- Opens a connection, writes to it while the server resets it, and prints the end. A signal would end it with 141.
   local function write_to(url, options, source)
      local result = run([[
         local open, last
         local ws = websocket.new(%q, function(event, _, detail)
            open, last = true, event .. " " .. tostring(detail)
         end, { tls = { ca_file = %q }, ]] .. options .. [[ })
         while not open do websocket.poll(1) end
      ]] .. source .. [[
         websocket.run()
         print(last)
      ]], url, servers.file("ca.pem"))
      assert(result.output == "fail reset\n" or result.output == "closed 1006\n", result.output)
   end

   for _, port in ipairs({ "ws", "wss" }) do
      -- After its end of stream a reset makes the first write a broken pipe, else the one after that.
      for name, last in pairs({ ["by a reset"] = "rst", ["by the end of its stream and a reset"] = "cut;rst" }) do
         it(name .. " over " .. port .. " ends the connection, not the process", function()
            -- Nothing is read while the queue is full, so it is a write that meets the reset, and others follow it.
            write_to(servers.script({
               "status101", steps.text("a"), steps.text("b"), steps.text("c"), "await:messages:3", last,
            }, nil, port), "max_queue = 1", [[
               for _ = 1, 30 do
                  ws:send(("x"):rep(1000))
                  require("clock").sleep(0.01)
               end
            ]])
         end)
      end

      it("over " .. port .. " in the moment of its reset ends the connection, not the process", function()
         write_to(servers.url("/reset", { after = 1 }, port), "", [[
            for _ = 1, 200 do ws:send(("x"):rep(1000)) end
         ]])
      end)
   end

   it("in the opening handshake over wss fails the connection, not the process", function()
      local result = run([[
         local last
         for _ = 1, 20 do
            websocket.new(%q, function(event, _, detail) last = event .. " " .. tostring(detail) end,
               { tls = { ca_file = %q } }):send("x")
         end
         websocket.run()
         print(last)
      ]], servers.url("/", nil, "wss_reset"), servers.file("ca.pem"))
      assert.matches("^fail %l+\n$", result.output)
   end)
end)
