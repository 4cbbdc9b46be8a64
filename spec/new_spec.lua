--- `websocket.new`: what it accepts, and what it refuses before anything is sent.

local client = require "client"
local expect = require "expect"
local servers = require "servers"
local websocket = require "websocket"

local NAN = 0 / 0

local function nothing() end

-- The text that a call raises: a string that begins with the place of the call, and contains none of the
-- secrets, which all begin with hush.
local function raised(...)
   local alive = websocket.connections()
   local ok, text = pcall(function(...)
      return (websocket.new(...))
   end, ...)
   assert(not ok, "websocket.new did not raise")
   assert.equal("string", type(text))
   assert.matches("new_spec%.lua:%d+: ", text)
   assert(not text:find("hush"), text)
   assert.equal(alive, websocket.connections())
   return text
end

-- Fails unless every option table is refused with a text that names the option.
local function refuses(name, values)
   for _, value in ipairs(values) do
      local text = raised(servers.url("/echo"), nothing, { [name] = value })
      assert(text:find(name, 1, true), string.format("%s = %s: %s", name, tostring(value), text))
   end
end

describe("The module", function()
   it("is the core, extended", function()
      assert.equal(websocket, require "websocket.core")
      assert.equal("function", type(require "websocket.core".new))
      assert.equal("string", type(websocket._VERSION))
   end)
end)

describe("new", function()
   after_each(client.finish)

   it("connects at once, in the background, and returns a userdata", function()
      local token = servers.token()
      local ws = websocket.new(servers.url("/echo", { token = token }), nothing)
      assert.equal("userdata", type(ws))
      assert.equal(1, servers.await(token, "connections").connections)
      assert.equal("connecting", ws:status())
      ws:terminate()
      assert(client.poll_until(function() return websocket.connections() == 0 end))
   end)

   it("sends no packet where it raises", function()
      local function accepted()
         return servers.recorded("port.ws").accepted or 0
      end
      local token = servers.token()
      client.open(servers.url("/echo", { token = token })).ws:terminate()
      servers.await(token, "connections")
      local before = accepted()
      raised(servers.url("/echo"), "no function")
      raised(servers.url("/echo"), nothing, { open_timeout = -1 })
      raised(servers.url("/echo"), nothing, { headers = { ["X-A"] = "a\r\nb" } })
      raised(servers.url("/echo") .. "#top", nothing)
      -- The message that arrives shows that the others, which were sent before it, would have arrived too.
      client.open(servers.url("/echo"))
      client.poll_until(function() return accepted() > before end)
      assert.equal(before + 1, accepted())
   end)
end)

describe("A callback", function()
   after_each(client.finish)

   it("that cannot be called raises", function()
      for _, value in ipairs({ "open", 42, true, {}, setmetatable({}, {}), io.stdout, coroutine.create(nothing) }) do
         assert.matches("callback", raised(servers.url("/echo"), value))
      end
      assert.matches("callback", raised(servers.url("/echo"), false))
   end)

   local function opens_with(callable, events)
      local ws = websocket.new(servers.url("/echo"), callable)
      assert(client.poll_until(function() return events[1] end))
      ws:terminate()
      assert(client.poll_until(function() return websocket.connections() == 0 end))
      assert.same({ "open", "closed" }, events)
   end

   it("may be a table that can be called", function()
      local events = {}
      local callable = setmetatable({}, {
         __call = function(self, event)
            assert(type(self) == "table")
            events[#events + 1] = event
         end,
      })
      opens_with(callable, events)
   end)

   it("may hide its metatable", function()
      local events = {}
      opens_with(setmetatable({}, {
         __call = function(_, event) events[#events + 1] = event end,
         __metatable = "hidden",
      }), events)
   end)
end)

describe("A URL", function()
   it("that is no string raises", function()
      for _, url in ipairs({ 42, true, {}, nothing }) do
         assert.matches("url", raised(url, nothing))
      end
      assert.matches("url", raised(nil, nothing))
      assert.matches("url", raised())
   end)

   local secret = "ws://hush-user:hush-password@"
   for name, url in pairs({
      ["is empty"] = "",
      ["has no scheme"] = "127.0.0.1/echo",
      ["is relative"] = "/echo",
      ["has no host"] = "ws://",
      ["has no host but a path"] = "ws:///echo",
      ["has credentials and no host"] = secret .. "/",
      ["has the scheme http"] = "http://127.0.0.1/",
      ["has the scheme https"] = "https://127.0.0.1/",
      ["has an unknown scheme"] = "wsx://127.0.0.1/",
      ["has a fragment"] = secret .. "127.0.0.1/#top",
      ["has an empty fragment"] = secret .. "127.0.0.1/#",
      ["has a space in the path"] = secret .. "127.0.0.1/a b",
      ["begins with a space"] = " ws://127.0.0.1/",
      ["ends in a space"] = "ws://127.0.0.1/ ",
      ["has a space in the host"] = "ws://127.0.0 .1/",
      ["has CR and LF"] = secret .. "127.0.0.1/\r\nX-Forged: 1",
      ["has LF"] = "ws://127.0.0.1/\n",
      ["has a tab"] = "ws://127.0.0.1/\t",
      ["has NUL"] = "ws://127.0.0.1/\0",
      ["has a port out of range"] = secret .. "127.0.0.1:65536/",
      ["has port 0"] = "ws://127.0.0.1:0/",
      ["has a port that is no number"] = secret .. "127.0.0.1:port/",
      ["has an open bracket"] = "ws://[::1/",
      ["is not UTF-8"] = "ws://127.0.0.1/\255",
   }) do
      it("that " .. name .. " raises", function()
         raised(url, nothing)
      end)
   end

   it("may have its scheme in capitals, and an empty path", function()
      local url = servers.url(""):gsub("^ws:", "WS:")
      client.open(url)
      client.finish()
   end)
end)

describe("An option", function()
   after_each(client.finish)

   local known = {
      headers = "header", protocols = "protcols", require_protocol = "require_protocols", origin = "Origin",
      proxy = "proxi", connect_to = "connectto", local_address = "localaddress", max_redirects = "max_redirect",
      basic_auth = "basic_aut", open_timeout = "opentimeout", close_timeout = "close_time_out",
      ping_interval = "ping_intervall", ping_timeout = "pingtimeout", max_message_size = "max_mesage_size",
      max_fragments = "max_fragment", max_queue = "max_que", max_buffered = "max_buffer", report_pings = "report_ping",
      report_closing = "reports_closing", compression = "compresion", tls = "tsl",
   }
   for name, misspelt in pairs(known) do
      it(misspelt .. " raises and " .. name .. " is named as the nearest", function()
         local text = raised(servers.url("/echo"), nothing, { [misspelt] = true })
         assert.matches("unknown option", text)
         expect.holds(text, { misspelt })
         -- The misspelt name may contain the right one.
         local rest = text:gsub(misspelt, "", 1)
         assert.matches("%f[%w_]" .. name .. "%f[^%w_]", rest)
      end)
   end

   it("that is unknown raises in the tables within, too", function()
      for name, case in pairs({ tls = { "cafile", "ca_file" }, basic_auth = { "passwort", "password" },
         compression = { "treshold", "threshold" } }) do
         local text = raised(servers.url("/echo"), nothing, { [name] = { [case[1]] = "hush" } })
         expect.holds(text, { name, case[1], case[2] })
      end
   end)

   it("whose name is no string raises", function()
      raised(servers.url("/echo"), nothing, { "headers" })
      raised(servers.url("/echo"), nothing, { [true] = 1 })
   end)

   it("table that is none raises", function()
      for _, value in ipairs({ "options", 42, true, nothing }) do
         assert.matches("options", raised(servers.url("/echo"), nothing, value))
      end
   end)

   for _, name in ipairs({ "open_timeout", "close_timeout" }) do
      it(name .. " is a time above 0 that ends", function()
         refuses(name, { -1, -0.001, NAN, math.huge, -math.huge, "10", true, false, {} })
      end)
   end

   for _, name in ipairs({ "ping_interval", "ping_timeout" }) do
      it(name .. " is a time above 0 that ends, or false", function()
         refuses(name, { -1, NAN, math.huge, -math.huge, "10", true, {} })
      end)
   end

   for _, name in ipairs({ "max_message_size", "max_fragments", "max_queue", "max_buffered" }) do
      it(name .. " is a whole number above 0", function()
         refuses(name, { -1, 0, 1.5, NAN, math.huge, -math.huge, "1024", true, false, {} })
      end)
   end

   for _, name in ipairs({ "require_protocol", "report_pings", "report_closing" }) do
      it(name .. " is a boolean", function()
         refuses(name, { "true", 1, {} })
      end)
   end

   it("compression is a boolean or a table", function()
      refuses("compression", { "deflate", 1, nothing })
   end)

   for name, values in pairs({
      client_no_context_takeover = { 1, "true" }, server_no_context_takeover = { 1, {} },
      client_max_window_bits = { 7, 16, 9.5, "15", true, NAN }, server_max_window_bits = { 7, 16, -9, false },
      threshold = { -1, 0.5, math.huge, "100", NAN }, level = { 0, 10, 1.5, "9" },
   }) do
      it("compression." .. name .. " has a range", function()
         for _, value in ipairs(values) do
            local text = raised(servers.url("/echo"), nothing, { compression = { [name] = value } })
            expect.holds(text, { "compression." .. name })
         end
      end)
   end

   it("origin is a string without control characters", function()
      refuses("origin", { 42, true, {}, "http://a\r\nX: y", "a\n", "a\0" })
   end)

   it("may be everything at once, sizes as floats too", function()
      client.open(servers.url("/protocol", { choose = "chat" }), {
         headers = { ["X-A"] = "1", ["X-B"] = { "1", "2" } }, protocols = { "chat" }, require_protocol = true,
         origin = "http://localhost", basic_auth = { user = "u", password = "p" }, open_timeout = 10,
         close_timeout = 0.5, ping_interval = false, ping_timeout = false, max_message_size = 2 ^ 20,
         max_fragments = 2 ^ 10, max_queue = 2 ^ 20, max_buffered = 2 ^ 20, report_pings = false,
         report_closing = false, proxy = false, connect_to = "127.0.0.1:" .. servers.ports().ws,
         local_address = "127.0.0.1", max_redirects = 2.0, tls = {},
         compression = { client_max_window_bits = 10.0, threshold = 0, level = 9, server_no_context_takeover = false },
      })
   end)

   it("that is false or an empty table is treated as absent", function()
      client.open(servers.url("/echo"), { headers = {}, protocols = {}, require_protocol = false, tls = {} })
   end)
end)

describe("A request header", function()
   local function refuses_headers(cases)
      for _, headers in ipairs(cases) do
         raised(servers.url("/echo"), nothing, { headers = headers })
      end
   end

   it("belongs to a map of strings or lists of strings", function()
      refuses("headers", { "X-A: 1", 42, true })
      refuses_headers({
         { "X-A: 1" }, { [true] = "1" }, { ["X-A"] = 42 }, { ["X-A"] = true }, { ["X-A"] = { 42 } },
         { ["X-A"] = { { "1" } } }, { ["X-A"] = { first = "1" } }, { ["X-A"] = nothing },
      })
   end)

   it("has a token for a name", function()
      for _, name in ipairs({ "", " ", "X A", "X-A:", "X\r\nY", "X\nY", "X\0", "X\127", "X(A)", "\195\164", "X-A " }) do
         raised(servers.url("/echo"), nothing, { headers = { [name] = "1" } })
      end
   end)

   it("has a value without control characters", function()
      for _, value in ipairs({ "hush\r\nX-Forged: 1", "hush\n", "hush\r", "hush\0", "\1", "\127" }) do
         local text = raised(servers.url("/echo"), nothing, { headers = { ["X-Mine"] = value } })
         assert(text:find("X-Mine", 1, true), text)
         raised(servers.url("/echo"), nothing, { headers = { ["X-Mine"] = { "fine", value } } })
      end
   end)

   it("cannot replace those that the opening handshake sets", function()
      for _, name in ipairs({ "Connection", "connection", "UPGRADE", "Upgrade", "Sec-WebSocket-Key",
         "sec-websocket-version", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Sec-WebSocket-Accept" }) do
         local text = raised(servers.url("/echo"), nothing, { headers = { [name] = "hush" } })
         assert(text:find(name, 1, true), text)
      end
   end)

   it("Host has one value", function()
      refuses_headers({ { Host = { "a", "b" } }, { Host = "a", host = "b" } })
   end)
end)

describe("A subprotocol", function()
   it("is a token, as a string or in a list", function()
      refuses("protocols", { 42, true })
      for _, name in ipairs({ "", " ", "a b", "a,b", "a/b", "a\r\nX: y", "a\0", "\195\164", "a@b", "\127" }) do
         raised(servers.url("/echo"), nothing, { protocols = name })
         raised(servers.url("/echo"), nothing, { protocols = { "fine", name } })
      end
      raised(servers.url("/echo"), nothing, { protocols = { 42 } })
      raised(servers.url("/echo"), nothing, { protocols = { chat = true } })
      raised(servers.url("/echo"), nothing, { protocols = { "a", nil, "c" } })
   end)

   it("is offered once", function()
      assert.matches("chat", raised(servers.url("/echo"), nothing, { protocols = { "chat", "super", "chat" } }))
      raised(servers.url("/echo"), nothing, { protocols = { "chat", "CHAT" } })
   end)
end)

describe("Credentials", function()
   it("are two strings in a table", function()
      refuses("basic_auth", { "user:password", 42, true })
      for _, auth in ipairs({ { user = 42, password = "hush" }, { user = "hush", password = {} } }) do
         raised(servers.url("/echo"), nothing, { basic_auth = auth })
      end
   end)

   it("hold no control character, and the user no colon", function()
      for _, bad in ipairs({ "hush\r\nX: y", "hush\n", "hush\0" }) do
         raised(servers.url("/echo"), nothing, { basic_auth = { user = bad, password = "hush" } })
         raised(servers.url("/echo"), nothing, { basic_auth = { user = "hush", password = bad } })
      end
      raised(servers.url("/echo"), nothing, { basic_auth = { user = "hush:hush", password = "hush" } })
      raised(servers.url("/echo", nil, "ws", "hush%0d%0a:hush@127.0.0.1"), nothing)
      raised(servers.url("/echo", nil, "ws", "hush:hush%00@127.0.0.1"), nothing)
   end)

   it("and an Authorization header exclude each other", function()
      for _, name in ipairs({ "Authorization", "authorization" }) do
         local headers = { [name] = "Bearer hush" }
         raised(servers.url("/echo"), nothing, { headers = headers, basic_auth = { user = "u", password = "hush" } })
         raised(servers.url("/echo", nil, "ws", "hush:hush@127.0.0.1"), nothing, { headers = headers })
      end
   end)
end)
