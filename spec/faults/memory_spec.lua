--- How much memory a message takes that is too large, or that never becomes whole.

local host = require "host"
local servers = require "servers"
local steps = require "steps"

local KIB = 1024
local LIMIT = 4 * 1024 * KIB
--- Bytes beyond the limit that a connection may take meanwhile.
local SLACK = 256 * KIB

-- A connection whose server sends what the script has seen until it says `on`. Prints by how many bytes the heap grew
-- at most until the server stalls, then how the connection ends.
local SOURCE = [[
local function recorded()
   local file = io.open(record)
   local text = file and file:read("*a") or ""
   return text:find("log.1=", 1, true), file and file:close()
end

local ws, events = open(url, { max_message_size = tonumber(limit), compression = extension ~= "" })
poll_until(function() return events[2] end, "the first message")
collectgarbage()
collectgarbage()
local before, most = select(3, host.usage()), 0
local function sample()
   most = math.max(most, select(3, host.usage()))
end
ws:send("go")
-- The engine reads while the script sleeps. It may have to read on after the server has written all.
local quiet = 0
while quiet < 100 do
   pause(0.002)
   sample()
   quiet = recorded() and quiet + 1 or 0
end
ws:send("on")
poll_until(function()
   sample()
   return events[#events][1] == "closed"
end, "the end")
print(("%.0f %d %s"):format(most - before, events[#events][3], events[#events][2]))
]]

-- Returns the growth of the heap, and the end, where the server sends one list of steps, stalls, and sends another.
local function measured(before, after, extension)
   local token = servers.token()
   local head = steps.head(steps.switching(extension and "Sec-WebSocket-Extensions: " .. extension))
   local list = { head, steps.text("ready"), "await:messages:1" }
   for _, step in ipairs(before) do
      list[#list + 1] = step
   end
   list[#list + 1] = steps.log("stalls")
   list[#list + 1] = "await:messages:2"
   for _, step in ipairs(after) do
      list[#list + 1] = step
   end
   local output = host.run("run", SOURCE, {
      url = servers.script(list, token),
      record = servers.file("reports/" .. token),
      limit = tostring(LIMIT),
      extension = extension or "",
   })
   local growth, ending = output:match("^(-?%d+) (.*)\n$")
   assert(growth, output)
   return tonumber(growth), ending
end

-- Returns a frame's first bytes with a declared length of eight bytes.
local function declares(first, length)
   local bytes = { string.char(first, 127) }
   for place = 7, 0, -1 do
      bytes[#bytes + 1] = string.char(math.floor(length / 256 ^ place) % 256)
   end
   return steps.bytes(table.concat(bytes))
end

local chunk = ("m"):rep(64 * KIB)
local fragment = string.char(0, 127, 0, 0, 0, 0, 0, 1, 0, 0) .. chunk

describe("fault 34: a message over max_message_size", function()
   it("closes with 1009 and never takes more than the limit and 256 KiB, in fragments", function()
      -- One byte below the limit.
      local growth, ending = measured({
         steps.frame(0x02, ("m"):rep(64 * KIB - 1)), steps.repeated(63, fragment),
      }, { steps.frame(0x80, "mm"), "await-close" })
      assert.equal("1009 message too big: 4194305 bytes, limit 4194304", ending)
      assert(growth > LIMIT / 2 and growth <= LIMIT + SLACK, growth .. " bytes")
   end)

   it("takes none of it in one frame, whose header is enough", function()
      local growth, ending = measured({}, { declares(0x82, LIMIT + 1), "await-close" })
      assert.equal("1009 message too big: 4194305 bytes, limit 4194304", ending)
      assert(growth <= SLACK, growth .. " bytes")
   end)
end)

describe("fault 34: a frame of max_message_size", function()
   it("takes no memory for bytes that it declares and that never come", function()
      local growth, ending = measured({ declares(0x82, LIMIT) }, { steps.close(1000) })
      -- These bytes are part of the payload, and the server ends the stream.
      assert(ending:match("^1006 "), ending)
      assert(growth <= SLACK, growth .. " bytes")
   end)

   it("takes no more than the limit and 256 KiB until it is whole", function()
      local growth, ending = measured({ declares(0x82, LIMIT), steps.repeated(63, chunk) }, {})
      assert(ending:match("^1006 "), ending)
      assert(growth > LIMIT / 2 and growth <= LIMIT + SLACK, growth .. " bytes")
   end)
end)

describe("fault 37: a bomb of 1 GiB of zeros in 1 MiB", function()
   it("closes with 1009 and never takes more than the limit and 256 KiB", function()
      -- A stored block with one zero, and 1 MiB of zeros as zlib compresses it where zeros came before (RFC 1951).
      local first = "\0\1\0\254\255\0"
      local zeros = "\236\193\33\1\0\0\0\128\160\255\175\29\97\5" .. ("\0"):rep(1016) .. "\174\0\0\0\255\255"
      local growth, ending = measured({
         declares(0xc2, #first + 1024 * #zeros + 1), steps.bytes(first), steps.repeated(3, zeros),
      }, { steps.repeated(1021, zeros), steps.bytes("\0"), "await-close" }, "permessage-deflate")
      assert.equal("1009 message too big: inflates to over the limit 4194304", ending)
      assert(growth > LIMIT / 2 and growth <= LIMIT + SLACK, growth .. " bytes")
   end)
end)
