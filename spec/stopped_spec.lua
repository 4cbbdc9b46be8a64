-- A process that is stopped for a while, for example by Ctrl-Z, and finds out later what its peers did meanwhile.

local child = require "child"
local servers = require "servers"
local steps = require "steps"

-- Starts a script, stops it once it is ready and the record has what is awaited, continues it after `seconds`, and
-- returns what it printed.
local function stopped(token, awaited, seconds, source, ...)
   local process = child.start([[
      io.stdout:setvbuf("no")
      local websocket = require "websocket"
   ]] .. source:format(...))
   assert.equal("ready", process.ready:match("%S+"))
   servers.await(token, awaited)
   os.execute(("kill -STOP %d; sleep %g; kill -CONT %d"):format(process.pid, seconds, process.pid))
   local result = process.finish()
   assert(result.status == 0, result.output)
   return result.output
end

describe("A process that is stopped", function()
   it("past close_timeout receives the answer that came meanwhile, and everything before it", function()
      local token = servers.token()
      local url = servers.script({
         "status101", "await-close", "sleep:500", steps.repeated(100, "\129\4last"), steps.close(4000, "bye"),
      }, token)
      local output = stopped(token, "close", 4, [[
         local received, ws = 0
         ws = websocket.new(%q, function(event, message, detail)
            if event == "open" then
               ws:close()
               print("ready")
            elseif event == "received" then
               received = received + 1
            else
               print(received, event, message, detail, ws:end_info().text)
            end
         end, { close_timeout = 3 })
         websocket.run()
      ]], url)
      assert.equal("100\tclosed\tbye\t4000\t\n", output)
   end)

   it("past ping_timeout keeps the connection to a peer that is alive", function()
      local token = servers.token()
      local output = stopped(token, "pings:3", 4, [[
         local ws
         ws = websocket.new(%q, function(event, message, detail)
            print(message or "ready", detail or "")
         end, { ping_interval = 0.02, ping_timeout = 3 })
         ws:send("before")
         local last, gap = os.time()
         repeat
            websocket.poll(0.1)
            gap, last = os.time() - last, os.time()
         until gap > 1
         ws:send("after")
         websocket.poll(5)
         ws:close(4000)
         websocket.run()
      ]], servers.url("/echo", { token = token }))
      assert.equal("before\ttext\nafter\ttext\n\t4000\n", output)
   end)
end)
