-- What happens to connections when their Lua state ends.

local expect = require "expect"
local host = require "host"
local servers = require "servers"

describe("at the end of a Lua state", function()
   for _, port in ipairs({ "ws", "wss" }) do
      it("sends the waiting messages and Close 1001 over " .. port, function()
         expect.in_time(function()
            local token = servers.token()
            host.run("run", [[
               local ws = open(url, { tls = { ca_file = ca } })
               for index = 1, 100 do
                  assert(ws:send(index .. (":"):rep(1000)))
               end
               assert(ws:send("last"))
            ]], { url = servers.url("/count-messages", { token = token }, port), ca = servers.file("ca.pem") })
            local record = servers.await(token, "close", 5)
            assert.same({ 1001, 101, "last" }, { record.close, record.messages, record.last })
         end)
      end)
   end

   it("sends the Close that the script asked for, after what it sent", function()
      expect.in_time(function()
         local token = servers.token()
         host.run("run", [[
            local ws = open(url)
            ws:send("last")
            ws:close(4001, "bye")
         ]], { url = servers.url("/count-messages", { token = token }) })
         local record = servers.await(token, "close", 5)
         assert.same({ 4001, "bye", 1, "last" }, { record.close, record.reason, record.messages, record.last })
      end)
   end)

   it("takes only a moment with 100 sockets in every phase", function()
      local never = servers.ports().never_reads
      local urls = {
         connecting = servers.url("/", nil, "nowhere"),
         handshake = servers.url("/", nil, "silent"),
         tls = servers.url("/", nil, "wss_stall"),
         refused = servers.url("/", nil, "refused"),
         open = servers.url("/echo"),
         secure = servers.url("/echo", nil, "wss"),
         flood = servers.url("/flood", { bytes = 2 ^ 30, size = 1000 }),
         closing = servers.url("/silent"),
         stalled = servers.url("/stall"),
         never = servers.url_at(never, "/"),
      }
      local list = {}
      for name, url in pairs(urls) do
         list[#list + 1] = name .. " " .. url
      end
      local script = [[
         local last, worst = host.closing()
         assert(worst < 0.6, "lua_close took " .. worst .. " s")
         await_usage(function(descriptors, threads)
            return threads == 1 and descriptors < 12
         end)
         if number == 4 then
            return
         end
         local phases, open = {}, 0
         for _ = 1, 10 do
            for name, url in list:gmatch("(%S+) (%S+)") do
               local ws
               -- With a small queue the floods leave the others time to open.
               ws = websocket.new(url, function(event)
                  if event == "open" then
                     open = open + 1
                     if name == "closing" then ws:close() end
                     if name == "stalled" then
                        for _ = 1, 100 do ws:send(("x"):rep(65536)) end
                     end
                  end
               end, { tls = { ca_file = ca }, open_timeout = 120, max_queue = 65536 })
               phases[name] = (phases[name] or 0) + 1
            end
         end
         assert(websocket.connections() == 100)
         if number == 1 then
            return -- all of them connecting
         end
         poll_until(function() return open == 50 end, "the opening")
      ]]
      expect.in_time(function()
         host.run("again 4", script, { list = table.concat(list, "\n"), ca = servers.file("ca.pem") })
      end)
   end)

   -- An object whose finaliser runs when the state closes; of those that were made last finalisers run first.
   local FINALISER = [[
      local look
      local function at_end()
         local file = assert(io.open(notes, "w"))
         look(function(call)
            local ok, result = pcall(call)
            result = tostring(result):gsub("^.-:%d+: ", "")
            file:write(tostring(ok), " ", result, "\n")
         end)
         file:close()
      end
      if newproxy then
         object = newproxy(true)
         getmetatable(object).__gc = at_end
      else
         object = setmetatable({}, { __gc = at_end })
      end
   ]]

   local LOOK = [[
      local ws
      function look(try)
         try(function() return ws:status() end)
         try(function() return select(3, ws:send("late")) end)
         try(function() return select(3, ws:flush(0.01)) end)
         try(function() return ws:close() == ws end)
         try(function() return ws:buffered_amount() end)
         try(function() return ws:end_info() end)
         try(function() return tostring(ws) end)
         if more then
            try(websocket.connections)
            try(websocket.poll)
            try(websocket.run)
            try(function() return websocket.defer(print) end)
            try(function() return websocket.new(url, print) end)
         end
      end
      ws = open(url)
   ]]

   local CLOSED = {
      "true closed", "true closed", "true closed", "true true", "true 0", "true nil", "true websocket (closed)",
   }

   local function looked(notes)
      local lines = {}
      for line in io.lines(notes) do
         lines[#lines + 1] = line
      end
      return lines
   end

   it("shows `closed` to a finaliser that runs after that of the socket", function()
      expect.in_time(function()
         local token, notes = servers.token(), servers.file("finaliser-" .. servers.token())
         host.run("run", FINALISER .. LOOK, { url = servers.url("/echo", { token = token }), notes = notes })
         assert.same(CLOSED, looked(notes))
         assert.equal(1001, servers.await(token, "close", 5).close)
      end)
   end)

   it("shows `closed` to a finaliser that runs after that of the engine, and lets it open nothing", function()
      local notes = servers.file("finaliser-" .. servers.token())
      host.run("run", LOOK, { url = servers.url("/echo"), notes = notes, more = "yes" }, FINALISER)
      local ending = "false this Lua state is ending"
      local expected = { ending, ending, ending, ending, ending }
      for index, line in ipairs(CLOSED) do
         table.insert(expected, index, line)
      end
      assert.same(expected, looked(notes))
   end)

   it("lets a finaliser that runs before that of the socket use it", function()
      expect.in_time(function()
         local token = servers.token()
         local notes = servers.file("finaliser-" .. servers.token())
         host.run("run", "local ws = open(url)\n" .. FINALISER .. [[
            function look(try)
               try(function() return ws:send("last") == ws end)
               try(function() return ws:close(4000) == ws end)
            end
         ]], { url = servers.url("/count-messages", { token = token }), notes = notes })
         assert.same({ "true true", "true true" }, looked(notes))
         local record = servers.await(token, "close", 5)
         assert.same({ 4000, "last" }, { record.close, record.last })
      end)
   end)
end)
