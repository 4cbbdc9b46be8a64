--- `ws:terminate`: drops what waits to be sent, delivers what was received, and ends at once.

local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

describe("terminate", function()
   after_each(client.finish)

   it("ends with closed 1006 at once, without a Close frame, whatever the peer does", function()
      for _, path in ipairs({ "/count-messages", "/silent", "/linger" }) do
         local token = servers.token()
         local recorder = client.open(servers.url(path, { token = token, after = 1 }), { close_timeout = 60 })
         recorder.ws:terminate()
         assert.equal("closing", recorder.ws:status())
         assert.same({ "closed", "", 1006 }, client.drain(recorder))
         local record = client.poll_until(function()
            local record = servers.recorded(token)
            return (record.eof or record.reset) and record
         end)
         assert(record, "the server saw no end")
         assert.is_nil(record.close)
      end
   end)

   it("drops the messages that wait to be sent", function()
      local token = servers.token()
      local recorder = client.open(servers.script({ "status101", "sleep:1000", "await-eof" }, token))
      local size = 40 * 1024 * 1024
      recorder.ws:send(("x"):rep(size), true)
      recorder.ws:terminate()
      client.drain(recorder)
      assert(recorder.ws:buffered_amount() > 0)
      local record = client.poll_until(function()
         local record = servers.recorded(token)
         return (record.eof or record.reset) and record
      end)
      assert.is_nil(record.messages)
   end)

   it("delivers what was received before it", function()
      local token = servers.token()
      local recorder = client.connect(servers.script({
         "status101", steps.text("a"), steps.text("b"), steps.frame(0x89, "p"), "await:pongs", "await-eof",
      }, token))
      -- Our pong shows that the messages before the ping have arrived.
      servers.await(token, "pongs")
      recorder.ws:terminate()
      assert.same({ "closed", "", 1006 }, client.drain(recorder))
      assert.same({ "a", "b" }, client.messages(recorder))
      assert.equal("open received received closed", client.names(recorder))
   end)

   it("ends a connection that is opening, at once", function()
      for _, port in ipairs({ "silent", "nowhere", "wss_stall" }) do -- that never open
         local recorder = client.connect(servers.url("/echo", nil, port), { open_timeout = 60 })
         recorder.ws:terminate()
         assert.same({ "closed", "", 1006 }, client.drain(recorder))
         assert.equal("closed", client.names(recorder))
      end
   end)

   it("ends a connection that is closing, at once", function()
      local recorder = client.open(servers.url("/silent"), { close_timeout = 60 })
      recorder.ws:close(4000)
      websocket.poll(0.1)
      assert.is_nil(recorder.ended)
      recorder.ws:terminate()
      assert.same({ "closed", "", 1006 }, client.drain(recorder))
   end)

   it("has no effect a second time, or after the end", function()
      local recorder = client.open(servers.url("/close", { code = 4000, after = 1 }))
      recorder.ws:send("go")
      client.drain(recorder)
      recorder.ws:terminate()
      assert.same({ "closed", 4000 }, { recorder.ws:status(), recorder.ws:end_info().code })
      recorder = client.open(servers.url("/echo"))
      recorder.ws:terminate()
      recorder.ws:terminate()
      recorder.ws:close()
      expect.closed(recorder, 1006)
      websocket.poll(0.05)
      assert.equal("open closed", client.names(recorder))
   end)

   it("can be called in a callback", function()
      local recorder = client.connect(servers.url("/push", { count = 1000 }), nil, function(recorder, event)
         if event == "received" then
            recorder.ws:terminate()
         end
      end)
      assert.same({ "closed", "", 1006 }, client.drain(recorder))
   end)
end)
