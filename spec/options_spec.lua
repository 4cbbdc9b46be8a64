--- The values of options at their exact limits, and the shape of the tables that hold them.

local client = require "client"
local expect = require "expect"
local servers = require "servers"
local websocket = require "websocket"

local NAN = 0 / 0
local integer = math.tointeger or function() end

local function accepts(options)
   websocket.new(servers.url("/echo"), function() end, options):terminate()
end

local function refuses(options, pieces)
   expect.raises(servers.url("/echo"), options, pieces)
end

-- A number as a float and, where Lua has integers, as one.
local function both(number)
   return { number + 0.0, integer(number) }
end

-- The options that set one option, whose name may begin with that of the table that holds it.
local function set(name, value)
   local outer, inner = name:match("^(%w+)%.(.*)$")
   return outer and { [outer] = { [inner] = value } } or { [name] = value }
end

describe("an option that is an integer", function()
   after_each(client.finish)

   local ranges = {
      max_message_size = { 1, 2 ^ 53 },
      max_fragments = { 1, 2 ^ 53 },
      max_queue = { 1, 2 ^ 53 },
      max_buffered = { 1, 2 ^ 53 },
      max_redirects = { 0, 20 },
      ["compression.threshold"] = { 0, 2 ^ 53 },
      ["compression.level"] = { 1, 9 },
      ["compression.client_max_window_bits"] = { 8, 15 },
      ["compression.server_max_window_bits"] = { 8, 15 },
   }
   for name, range in pairs(ranges) do
      local text = ("option %s must be an integer from %d to %.0f, got "):format(name, range[1], range[2])

      it(name .. " accepts both ends of its range, as integer and as float", function()
         for _, limit in ipairs(range) do
            for _, value in ipairs(both(limit)) do
               accepts(set(name, value))
            end
         end
      end)

      it(name .. " refuses the next number beyond each end", function()
         -- The float after 2^53 is 2^53 + 2.
         local above = range[2] == 2 ^ 53 and 2 ^ 53 + 2 or range[2] + 1
         for _, limit in ipairs({ range[1] - 1, above }) do
            for _, value in ipairs(both(limit)) do
               refuses(set(name, value), { text .. ("%.0f"):format(limit) })
            end
         end
         if math.tointeger then
            local next_above = math.tointeger(range[2]) + 1
            refuses(set(name, next_above), { text .. next_above })
            refuses(set(name, math.mininteger), { text .. "-9223372036854775808" })
            refuses(set(name, math.maxinteger), { text .. "9223372036854775807" })
         end
      end)

      it(name .. " refuses every other number, and shows it", function()
         for shown, value in pairs({ nan = NAN, ["math.huge"] = math.huge, ["-math.huge"] = -math.huge, ["8.5"] = 8.5,
            ["1e300"] = 1e300, ["-1e300"] = -1e300, ["5e-324"] = 5e-324 }) do
            refuses(set(name, value), { text .. shown })
         end
      end)
   end
end)

describe("an option that is parsed", function()
   after_each(client.finish)

   it("accepts what it is for", function()
      for name, values in pairs({
         proxy = { false, "http://proxy", "https://proxy:1/", "socks5://u:p@[::1]", "SOCKS5H://proxy:1080" },
         connect_to = { "host:1", "[::1]:65535", "127.0.0.1:80" }, -- and Unix sockets: unix_spec.lua
         local_address = { "127.0.0.1" },
      }) do
         for _, value in ipairs(values) do
            accepts({ [name] = value })
         end
      end
   end)

   it("refuses values of other types", function()
      for name, types in pairs({ proxy = "a string or false", connect_to = "a string", local_address = "a string" }) do
         for _, value in ipairs({ 1, true, {}, print }) do
            refuses({ [name] = value }, { ("option %s must be %s, got %s"):format(name, types, type(value)) })
         end
         refuses({ [name] = "\255" }, { "option " .. name })
      end
      refuses({ connect_to = false }, { "option connect_to must be a string, got boolean" })
   end)

   it("is quoted on one line where it is wrong", function()
      refuses({ connect_to = "a\nb" }, { "\"a\\nb\" has an invalid host" })
      refuses({ local_address = ("x"):rep(1000) }, { "... (1000 bytes)" })
   end)
end)

describe("an option that is a time", function()
   after_each(client.finish)

   for _, name in ipairs({ "open_timeout", "close_timeout", "ping_interval", "ping_timeout" }) do
      local text = ("option %s must be above 0 and at most 1000000000 seconds, got "):format(name)

      it(name .. " accepts any time above 0, up to 1e9 seconds", function()
         for _, value in ipairs({ 5e-324, 1e-10, 1e-9, 0.5 }) do
            accepts({ [name] = value })
         end
         for _, value in ipairs(both(1e9)) do
            accepts({ [name] = value })
         end
      end)

      it(name .. " refuses every other number, and shows it", function()
         for shown, value in pairs({ nan = NAN, ["math.huge"] = math.huge, ["-math.huge"] = -math.huge, ["0"] = 0,
            ["-5e-324"] = -5e-324, ["-1"] = -1, ["1000000000.0000001"] = 1e9 + 2 ^ -23, ["1e300"] = 1e300 }) do
            refuses({ [name] = value }, { text .. shown })
         end
         for _, value in ipairs(both(1000000001)) do
            refuses({ [name] = value }, { text .. "1000000001" })
         end
         refuses({ [name] = 0 * -1.0 }, { text })
      end)
   end
end)

describe("a close code", function()
   after_each(client.finish)

   local wrong = { nan = NAN, ["math.huge"] = math.huge, ["-math.huge"] = -math.huge, ["1000.5"] = 1000.5,
      ["1e300"] = 1e300, ["9.223372036854776e18"] = 2 ^ 63, ["9007199254740992"] = 2 ^ 53,
      ["9007199254740994"] = 2 ^ 53 + 2, ["-1"] = -1, ["-9223372036854775808"] = -2 ^ 63, ["1004"] = 1004.0,
      string = "1000", table = {} }

   it("may be a float without a fraction, and what is none is refused with the limits", function()
      local recorder = client.open(servers.url("/echo"))
      for shown, value in pairs(wrong) do
         local text = "close code must be 1000-1003, 1007-1014 or 3000-4999, or 1005 for none, got " .. shown
         for _, raised in ipairs({ expect.raised(recorder.ws.close, recorder.ws, value),
            expect.raised(websocket.close_all, value) }) do
            assert.equal(text, raised:match("close code.*"))
         end
      end
      recorder.ws:close(4999 + 0.0)
      expect.closed(recorder, 4999)
   end)
end)

describe("a list", function()
   after_each(client.finish)

   local late = { "a", "b", "c" }
   late[2] = nil
   local wrong = {
      ["with a hole and another key"] = { "a", nil, "c", x = "b" },
      ["with a hole"] = { "a", nil, "c" },
      ["with a hole near its end"] = { "a", "b", nil, "d" },
      ["with a hole at its beginning"] = { nil, "b" },
      ["of which an item was removed"] = late,
      ["without its first item"] = { [2] = "b" },
      ["with a name"] = { "a", x = "b" },
      ["with a count"] = { "a", "b", n = 2 },
      ["with the key 0"] = { "a", [0] = "z" },
      ["with a negative key"] = { "a", [-1] = "z" },
      ["with a key between two"] = { "a", "b", [1.5] = "z" },
      ["with a huge key"] = { "a", [2 ^ 53] = "z" },
      ["with an infinite key"] = { "a", [math.huge] = "z" },
      ["with a boolean key"] = { "a", [true] = "z" },
      ["with names only"] = { x = "a" },
      ["with items that only its metatable has"] = setmetatable({ "a" }, { __index = { "a", "b" } }),
      ["whose metatable iterates over others"] = setmetatable({ "a" }, { __pairs = pairs }),
      ["whose metatable is hidden"] = setmetatable({ "a" }, { __index = { "a", "b" }, __metatable = false }),
   }
   for how, list in pairs(wrong) do
      it(how .. " is refused, for subprotocols and for header values", function()
         refuses({ protocols = list }, { "option protocols" })
         refuses({ headers = { ["X-Many"] = list } }, { "header \"X-Many\"" })
      end)
   end

   it("with a hole is refused with the key behind the hole", function()
      refuses({ protocols = { "a", nil, "c" } }, { "a list without holes; it has 2 entries, one at the key 3" })
      refuses({ protocols = { "a", [1.5] = "c" } }, { "a list without holes; it has 2 entries, one at the key 1.5" })
   end)

   it("with an item of another type is refused", function()
      for _, item in ipairs({ false, 42, {}, print }) do
         refuses({ protocols = { "a", item } }, { "an item of option protocols must be a string, got " .. type(item) })
         local headers = { ["X-Many"] = { "a", item } }
         refuses({ headers = headers }, { "header \"X-Many\" must be a string, got " .. type(item) })
      end
   end)

   -- The lines of one header in a request, in their order.
   local function sent(options, name)
      local recorder = client.open(servers.url("/headers"), options)
      local head = client.wait(recorder, "received")[2]
      local lines = {}
      for line, value in head:gmatch("\r\n([^:\r\n]+): ?([^\r\n]*)") do
         if line:lower() == name then
            lines[#lines + 1] = value
         end
      end
      return lines
   end

   it("keeps its order, however it was made", function()
      local backwards = {}
      for index = 20, 1, -1 do
         backwards[index] = "p" .. index
      end
      local all = {}
      for index = 1, 20 do
         all[index] = "p" .. index
      end
      assert.same({ table.concat(all, ", ") }, sent({ protocols = backwards }, "sec-websocket-protocol"))
      assert.same(all, sent({ headers = { ["X-Many"] = backwards } }, "x-many"))
   end)

   it("loses no item by what its metatable says of its length", function()
      local list = setmetatable({ "a", "b" }, { __len = function() return 1 end })
      assert.same({ "a, b" }, sent({ protocols = list }, "sec-websocket-protocol"))
      assert.same({ "a", "b" }, sent({ headers = { ["X-Many"] = list } }, "x-many"))
   end)
end)

describe("a table of options", function()
   it("that inherits from another is refused, because what it inherits would be ignored", function()
      local heir = setmetatable({}, { __index = { insecure = true } })
      refuses(heir, { "options must be a plain table", "__index" })
      for _, name in ipairs({ "tls", "compression", "basic_auth", "headers" }) do
         refuses({ [name] = heir }, { "option " .. name .. " must be a plain table", "__index" })
      end
      local recorder = client.open(servers.url("/echo"))
      local text = expect.raised(recorder.ws.send, recorder.ws, "x", false, heir)
      expect.holds(text, { "send options must be a plain table" })
      client.finish()
   end)

   it("must hold what has no default", function()
      refuses({ basic_auth = {} }, { "option basic_auth.user is missing" })
      refuses({ basic_auth = { password = "p" } }, { "option basic_auth.user is missing" })
   end)

   it("has strings for names", function()
      refuses({ "headers" }, { "a name in options must be a string, got number" })
      refuses({ tls = { "ca" } }, { "a name in option tls must be a string, got number" })
   end)

   it("that holds an unknown name is refused with the name in quotes, cut, and the nearest known one", function()
      for name, text in pairs({
         [""] = 'unknown option "", the nearest known is "tls"',
         ["open timeout"] = 'unknown option "open timeout", the nearest known is "open_timeout"',
         ["tsl\n\27[31m\0"] = [[unknown option "tsl\n\x1b[31m\x00", the nearest known is "tls"]],
         [("tls"):rep(2 ^ 20)] = ('unknown option "%s"... (3145728 bytes), the nearest known is "'):format(
            ("tls"):rep(67):sub(1, 200)),
      }) do
         refuses({ [name] = true }, { text })
      end
      refuses({ tls = { ["ca\r\nfile"] = "x" } },
         { [[unknown option "tls.ca\r\nfile", the nearest known is "tls.ca_file"]] })
      local recorder = client.open(servers.url("/echo"))
      local text = expect.raised(recorder.ws.send, recorder.ws, "x", false, { compres = false })
      expect.holds(text, { 'unknown send option "compres", the nearest known is "compress"' })
      client.finish()
   end)
end)

describe("an error text", function()
   it("shows at most 200 characters of a name that a script gave", function()
      local long = ("n"):rep(2 ^ 20)
      local shown = ("n"):rep(200) .. '"... (1048576 bytes)'
      for _, options in ipairs({ { headers = { [long] = "a\nb" } }, { headers = { [long] = 42 } },
         { headers = { [" " .. long] = "x" } }, { protocols = { long, " " .. long } } }) do
         local ok, text = pcall(websocket.new, servers.url("/echo"), function() end, options)
         assert.is_false(ok)
         assert(#text < 500, #text .. " bytes")
         assert.matches('"[ n]n+"... %(104857%d bytes%)', text)
      end
      for _, tls in ipairs({ { ca_file = long }, { cert_file = long, key_file = long }, { server_name = long } }) do
         refuses({ tls = tls }, { "option tls.", "(a text of 1048576 bytes, not shown)" })
      end
      expect.holds(expect.raised(websocket.connections, long), { '"list" or nil, got "' .. shown })
      expect.holds(expect.raised(websocket.new, long .. "://host/", print), { 'unknown scheme "' .. shown })
   end)
end)

describe("a list or a map", function()
   after_each(client.finish)

   local function list(count)
      local items = {}
      for index = 1, count do
         items[index] = "i" .. index
      end
      return items
   end

   local function map(count, value)
      local entries = {}
      for _, name in ipairs(list(count)) do
         entries["X-" .. name] = value or name
      end
      return entries
   end

   it("may have 4096 entries", function()
      accepts({ protocols = list(4096) })
      local headers = map(4095)
      headers["X-Z"] = list(4096)
      accepts({ headers = headers })
   end)

   it("with more is refused, by the option's name, the number and the limit", function()
      for name, options in pairs({
         ["option protocols"] = { protocols = list(4097) },
         ["option headers"] = { headers = map(4097) },
         ["value of header \"X-Many\""] = { headers = { ["X-Many"] = list(4097) } },
         ["option tls.fingerprint"] = { tls = { fingerprint = list(4097) } },
         ["option tls"] = { tls = map(4097) },
         options = map(4097),
      }) do
         refuses(options, { name .. " must have at most 4096 entries, got 4097" })
      end
      refuses({ headers = map(100000, "") }, { "option headers must have at most 4096 entries, got 100000" })
   end)
end)
