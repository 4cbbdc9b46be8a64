--- Which deadline ends a connection, and what does not postpone it: peers that flood, stall, are slow or silent.
-- One case of each kind; tests/connection_deadlines.rs and the tables in src/connection/deadlines have them all.

local client = require "client"
local clock = require "clock"
local servers = require "servers"
local steps = require "steps"

describe("close_timeout", function()
   after_each(client.finish)

   it("ends a connection whose peer ignores our Close and goes on sending", function()
      -- A queue that each message fills, and the default, with a script that takes its time now and then.
      for _, max_queue in ipairs({ 65536, 16777216 }) do
         local begun
         local recorder = client.connect(servers.script({
            "status101", steps.repeated(100000, ("\130\126\234\096" .. ("x"):rep(60000))), "stall",
         }), { close_timeout = 1, max_queue = max_queue }, function(recorder, event)
            if event == "received" and not begun then
               begun = client.now()
               recorder.ws:close(4000)
            end
         end)
         assert.same({ "closed", "", 1006 }, client.drain(recorder))
         local info = recorder.ws:end_info()
         assert.same({ "timeout", false, 4000 }, { info.by, info.clean, info.sent_code })
         local passed = client.now() - begun
         assert(passed > 0.9 and passed < 8, passed .. " s")
      end
   end)

   it("counts a Close that came in time, though the script takes longer than close_timeout to look", function()
      local token = servers.token()
      local recorder = client.connect(servers.script({
         "status101", steps.text("a"), steps.text("b"), "await-close", steps.text("c"), steps.close(4001),
         steps.log("said"),
         "await-eof",
      }, token), { close_timeout = 0.5, max_queue = 1 }, function(recorder, event, message)
         if event == "received" and message == "a" then
            recorder.ws:close(4000)
            servers.await(token, "log.1")
            clock.sleep(1)
         end
      end)
      assert.same({ "closed", "", 4001 }, client.drain(recorder))
      assert.same({ "a", "b", "c" }, client.messages(recorder))
   end)
end)

describe("The peer's Close", function()
   after_each(client.finish)

   it("ends the connection after two seconds, not close_timeout, where the peer reads nothing more", function()
      local url = servers.script({ "status101", "await:received:1", steps.close(4002, "bye"), "stall" })
      local recorder = client.open(url, { close_timeout = 3600 })
      local begun = client.now()
      recorder.ws:send(("x"):rep(12 * 1024 * 1024), true)
      assert.same({ "closed", "bye", 4002 }, client.drain(recorder))
      local passed = client.now() - begun
      assert(passed < 8, passed .. " s")
      local info = recorder.ws:end_info()
      assert.same({ "peer", false }, { info.by, info.clean })
   end)
end)

describe("The keepalive", function()
   after_each(client.finish)

   it("fails a connection whose peer reads nothing of what the script sends", function()
      for _, sends in ipairs({ 1, 128 }) do
         local recorder = client.open(servers.url("/stall"), { ping_interval = 0.3, ping_timeout = 0.3 })
         for _ = 1, sends do
            recorder.ws:send(("x"):rep(8 * 1024 * 1024 / sends), true)
         end
         assert.equal("keepalive", client.drain(recorder)[3])
      end
   end)

   it("keeps a connection whose peer reads slowly and is too busy to answer", function()
      -- It reads 32 KiB each 50 ms for longer than ping_interval and ping_timeout, and then the rest, which is more
      -- than the kernel holds for it.
      local list, part = { "status101" }, 32768
      for number = 1, 130 do
         list[#list + 1] = "sleep:50"
         list[#list + 1] = "await:received:" .. number * part
      end
      list[#list + 1] = "await:messages"
      list[#list + 1] = steps.text("all of it")
      list[#list + 1] = "await-close"
      list[#list + 1] = "reply-close"
      local recorder = client.open(servers.script(list), { ping_interval = 0.1, ping_timeout = 4 })
      recorder.ws:send(("x"):rep(14 * 1024 * 1024), true)
      assert.same({ "received", "all of it", "text" }, client.wait(recorder, "received"))
      recorder.ws:close(4000)
      assert.same({ "closed", "", 4000 }, client.drain(recorder))
   end)
end)

describe("terminate", function()
   after_each(client.finish)

   it("delivers what the engine has read while the queue was full", function()
      local sent = {}
      for number = 1, 60 do
         sent[number] = number .. ":" .. ("x"):rep(100)
      end
      local frames = {}
      for number, payload in ipairs(sent) do
         frames[number] = "\129" .. string.char(#payload) .. payload
      end
      -- The server writes them at once and over loopback they arrive in one piece, so one read of the engine gets all.
      -- Fewer than 20 of them fill the queue.
      local token = servers.token()
      local recorder = client.open(servers.script({
         "status101", "await:messages:1", steps.bytes(table.concat(frames)), steps.log("sent"), "await-eof",
      }, token), { max_queue = 4000 }, function(recorder, event, message)
         if event == "received" and message == sent[2] then
            recorder.ws:terminate()
         end
      end)
      recorder.ws:send("go")
      servers.await(token, "log.1")
      client.await_queued()
      assert.same({ "closed", "", 1006 }, client.drain(recorder))
      assert.same(sent, client.messages(recorder))
   end)
end)
