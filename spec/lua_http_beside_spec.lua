-- The same calls of lua-http's own client and of ours return the same. It is skipped where lua-http is not installed.
local client = require "client"
local servers = require "servers"
local steps = require "steps"

local is_there, theirs = pcall(require, "http.websocket")
local ours = require "websocket.http"

local function check(name, test)
   it(name, is_there and test or function() return pending("this Lua has no module http") end)
end

-- Returns the results of a call and their count.
local function pack(...)
   return { n = select("#", ...), ... }
end

-- Each conversation is held with a module, and returns a list of results. URLs are made when it is held.
local conversations = {
   ["before connect"] = function(module)
      local ws = module.new_from_uri "ws://127.0.0.1:1/"
      return { tostring(ws), pack(ws:send "x"), pack(ws:receive()), pack(ws:send_ping()), pack(ws:close()),
         ws.readyState }
   end,

   ["an echo and a close"] = function(module)
      local ws = module.new_from_uri(servers.url "/echo")
      return { pack(ws:connect(30)), tostring(ws), ws.headers:get ":status", ws.headers:get "upgrade",
         pack(ws:send "text"), pack(ws:receive(30)), pack(ws:send("\0\255", "binary")), pack(ws:receive(30)),
         pack(ws:receive(0)), pack(ws:receive(0.02)), pack(ws:send_ping "beat"), pack(ws:send_pong "beat"),
         pack(ws:close(4000, "done")), ws.readyState, ws.got_close_code, ws.got_close_message,
         pack(ws:send "late"), pack(ws:receive(1)), pack(ws:send_ping()), pack(ws:close()) }
   end,

   ["a server that closes"] = function(module)
      local results = {}
      for _, query in ipairs { {}, { code = 1000 }, { code = 4000, reason = "bye" }, { code = 1011 } } do
         local ws = module.new_from_uri(servers.url("/close", query))
         results[#results + 1] = { pack(ws:connect(30)), pack(ws:receive(30)), ws.readyState, ws.got_close_code,
            ws.got_close_message, pack(ws:receive(1)) }
      end
      return results
   end,

   ["a server that ends without a Close"] = function(module)
      local ws = module.new_from_uri(servers.script { "status101", "fin" })
      return { pack(ws:connect(30)), pack(ws:receive(30)) }
   end,

   ["a fragmented message between pings"] = function(module)
      local ws = module.new_from_uri(servers.script { "status101", steps.frame(0x01, "a"), steps.frame(0x89, "ping"),
         steps.frame(0x80, "b"), "await:pongs:1", steps.close(1000), "await-close" })
      return { pack(ws:connect(30)), pack(ws:receive(30)), pack(ws:receive(30)) }
   end,

   ["subprotocols"] = function(module)
      local ws = module.new_from_uri(servers.url("/protocol", { choose = "b" }), { "a", "b" })
      return { pack(ws:connect(30)), ws.protocol, ws.protocols, pack(ws:close()) }
   end,

   ["refusals"] = function(module)
      local results = {}
      for _, url in ipairs {
         servers.url("/status", { code = 403 }), servers.url("/echo", { protocol = "zz" }),
         servers.url("/echo", { extensions = "x-foo" }), servers.url("/", nil, "refused"),
         servers.script { steps.head { "HTTP/1.1 101 X", "Upgrade: websocket", "Connection: Upgrade" } },
      } do
         local ws = module.new_from_uri(url)
         results[#results + 1] = { pack(ws:connect(30)), ws.readyState }
      end
      local ws = module.new_from_uri(servers.url("/", nil, "silent"))
      results[#results + 1] = { pack(ws:connect(0.1)), ws.readyState }
      return results
   end,

   ["headers of the request"] = function(module)
      local ws = module.new_from_uri "ws://127.0.0.1:8000/path?query=1"
      local list = ws.request.headers
      list:append("x-mine", "one")
      list:append("x-mine", "two")
      list:upsert("authorization", "Bearer hush")
      return { list:get ":method", list:get ":authority", list:get ":path", list:get ":scheme", list:get "upgrade",
         list:get_comma_separated "x-mine", list:has "x-mine", list:delete "x-mine", list:has "x-mine",
         list:get "authorization", ws.request.host, ws.request.port, ws.request.tls }
   end,
}

describe("websocket.http and lua-http return the same for", function()
   after_each(client.finish)

   for name, hold in pairs(conversations) do
      check(name, function()
         assert.same(hold(theirs), hold(ours))
      end)
   end
end)
