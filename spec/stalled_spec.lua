-- The memory that is needed by a script that does not poll, a server that does not read, and thousands of connections.

local host = require "host"
local servers = require "servers"

local MEMORY = [[
   local MIB = 1048576
   local in_use = require("memory").in_use
]]

describe("a stalled", function()
   it("script to which a server sends 10 GiB takes only max_queue, and later receives intact messages", function()
      local token = servers.token()
      host.run("run", MEMORY .. [[
         open(warm_up):close()
         poll_until(function() return websocket.connections() == 0 end)
         local before, received, bytes, ws = in_use(), 0, 0
         ws = websocket.new(url, function(event, message)
            if event == "received" then
               received, bytes = received + 1, bytes + #message
               assert(message == received .. ":" .. ("x"):rep(65536 - #tostring(received) - 1), "message " .. received)
               if bytes >= 256 * MIB then
                  ws:terminate()
               end
            end
         end)
         -- Until the server has sent nothing for a second. It begins its record when the connection has reached it.
         local sent, last, same = nil, nil, 0
         local deadline = host.now() + 60
         repeat
            last = sent
            pause(0.1)
            local file = io.open(record)
            sent = file and file:read("*a"):match("\nsent=(%d+)")
            if file then
               file:close()
            end
            same = sent and sent == last and same + 1 or 0
            assert(host.now() < deadline, "the server still sends")
         until same == 10
         local grown = in_use() - before
         assert(grown < 33 * MIB, grown .. " bytes more")
         poll_until(function() return bytes >= 256 * MIB end, "256 MiB")
         websocket.run()
         await_usage(function(_, threads)
            return threads == 2
         end)
         assert(bytes < 300 * MIB, bytes .. " bytes")
      ]], {
         url = servers.url("/flood", { bytes = 10 * 2 ^ 30, size = 65536, token = token }),
         warm_up = servers.url("/echo"),
         record = servers.file("reports/" .. token),
      })
   end)

   it("server to which a million messages are sent takes only max_buffered of memory", function()
      host.run("run", MEMORY .. [[
         local ws = open(url)
         local before, taken, refused = in_use(), 0, 0
         local message = ("x"):rep(1000)
         for _ = 1, 1000000 do
            local sent, text, code = ws:send(message)
            if sent then
               taken = taken + 1
            else
               assert(code == "buffer_full" and text:find("send buffer full"), text)
               refused = refused + 1
            end
         end
         local amount = ws:buffered_amount()
         local grown = in_use() - before
         assert(refused > 900000, refused .. " refused")
         assert(amount <= taken * 1000 and amount > 10 * MIB and amount < 16 * MIB, amount .. " bytes held")
         assert(grown < 33 * MIB, grown .. " bytes more")
      ]], { url = servers.url("/stall") })
   end)
end)

-- Most of them only on the Lua for which scripts/test asks it, because they take as long as many other specs together.
local CONNECTIONS = os.getenv "VOLUME" == "full" and 10000 or 2000

describe("connections opened and closed", function()
   it("leave nothing behind, however many and however they end", function()
      host.run("run", [[
         -- Where it goes, how it must end, and what is done at an event.
         local kinds = {
            { echo, "closed 4000", { open = "send", received = "close" } },
            { secure, "closed 4000", { open = "send", received = "close" } },
            { closing, "closed 4001", {} },
            { silent, "closed 1006", { open = "terminate" } },
            { refused, "fail connect", {} },
         }
         local arguments = { send = "hello", close = 4000 }
         local function start(kind)
            local address, wanted, actions = kind[1], kind[2], kind[3]
            local ws
            ws = websocket.new(address, function(event, message, detail)
               local action = actions[event]
               if action then
                  ws[action](ws, arguments[action])
               elseif event == "closed" or event == "fail" then
                  local seen = event .. " " .. detail
                  assert(seen == wanted, seen .. ", not " .. wanted .. ": " .. ws:end_info().text)
               end
            end, { tls = { ca_file = ca } })
         end
         local failures = 0
         websocket.set_error_handler(function(problem)
            failures = failures + 1
            print(problem)
         end)
         local function many(count)
            for _ = 1, count / 50 do
               for number = 1, 50 do
                  start(kinds[number % #kinds + 1])
               end
               websocket.run()
            end
            collectgarbage()
            collectgarbage()
         end
         -- In addition to this connection the process has only the descriptors and the helper thread of the engine.
         local first = open(echo)
         local with_first = host.usage()
         first:terminate()
         many(1000) -- the first, after which the heap does not grow
         local _, _, heap_before = await_usage(function(descriptors, threads)
            return descriptors == with_first - 1 and threads == 2
         end)
         many(tonumber(connections) - 1000)
         await_usage(function(descriptors, threads, heap)
            return descriptors == with_first - 1 and threads == 2 and heap < heap_before + 65536
         end)
         assert(failures == 0, failures .. " ended otherwise")
      ]], {
         echo = servers.url("/echo"),
         secure = servers.url("/echo", nil, "wss"),
         closing = servers.url("/close", { code = 4001 }),
         silent = servers.url("/silent"),
         refused = servers.url("/", nil, "refused"),
         ca = servers.file("ca.pem"),
         connections = tostring(CONNECTIONS),
      })
   end)
end)
