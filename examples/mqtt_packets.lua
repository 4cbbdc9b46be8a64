-- The packets of MQTT 3.1.1, as bytes. Section numbers are those of the OASIS standard.
--
-- Comes in: tables, for a client's packets; bytes of any length, from the server. Goes out: bytes to send, and the
-- server's packets as tables. Knows nothing of sockets. Raises for a packet that cannot be written, such as one with a
-- topic of more than 65535 bytes.

local M = {}

local byte = string.byte

--- The largest packet that is read unless `reader` gets another limit, in bytes.
local LARGEST = 1024 * 1024

local function uint16(number)
   return string.char(math.floor(number / 256), number % 256)
end

-- A text with its length before it (section 1.5.3).
local function field(text)
   if #text > 65535 then
      error(("a field of MQTT has at most 65535 bytes, got %d"):format(#text), 0)
   end
   return uint16(#text) .. text
end

-- A packet: kind and flags, the remaining length (section 2.2.3), and the rest.
local function packet(kind, flags, ...)
   local body = table.concat({ ... })
   local length, rest = "", #body
   if rest > 268435455 then
      error(("a packet of MQTT has at most 268435455 bytes, got %d"):format(rest), 0)
   end
   repeat
      local digit = rest % 128
      rest = math.floor(rest / 128)
      length = length .. string.char(digit + (rest > 0 and 128 or 0))
   until rest == 0
   return string.char(kind * 16 + flags) .. length .. body
end

--- Returns a CONNECT (section 3.1), which begins a session without state.
--- @param options { client_id: string, keepalive: integer, user?: string, password?: string } keepalive in seconds
--- @return string
function M.connect(options)
   local flags, login = 2, {} -- a clean session
   if options.user then
      flags = flags + 128
      login[1] = field(options.user)
      if options.password then
         flags = flags + 64
         login[2] = field(options.password)
      end
   end
   return packet(1, 0, field "MQTT", string.char(4, flags), uint16(options.keepalive), field(options.client_id),
      table.concat(login))
end

--- Returns a PUBLISH (section 3.3). With an id the quality of service is 1: the server answers with a PUBACK.
--- @param topic string
--- @param payload string
--- @param id? integer 1 to 65535
--- @return string
function M.publish(topic, payload, id)
   return packet(3, id and 2 or 0, field(topic), id and uint16(id) or "", payload)
end

--- Returns a PUBACK (section 3.4), which acknowledges a publish with an id.
--- @param id integer
--- @return string
function M.puback(id)
   return packet(4, 0, uint16(id))
end

--- Returns a SUBSCRIBE (section 3.8).
--- @param id integer 1 to 65535
--- @param filters { [1]: string, [2]: integer }[] filters of topics, each with the largest quality of service, 0 or 1
--- @return string
function M.subscribe(id, filters)
   local parts = {}
   for _, filter in ipairs(filters) do
      parts[#parts + 1] = field(filter[1]) .. string.char(filter[2])
   end
   return packet(8, 2, uint16(id), table.concat(parts))
end

--- Returns a PINGREQ (section 3.12).
--- @return string
function M.pingreq()
   return packet(12, 0)
end

--- Returns a DISCONNECT (section 3.14).
--- @return string
function M.disconnect()
   return packet(14, 0)
end

-- Reading

local function uint16_at(text, at)
   local high, low = byte(text, at, at + 1)
   return low and high * 256 + low
end

-- By kind: reads the body, and returns the packet, or nil where the body is wrong.
local kinds = {
   [2] = function(body)
      return #body == 2 and { type = "connack", session_present = byte(body) == 1, code = byte(body, 2) }
   end,
   [3] = function(body, flags)
      local qos, length = math.floor(flags / 2) % 4, uint16_at(body, 1)
      local after = length and 3 + length
      local id = after and qos > 0 and uint16_at(body, after)
      if not after or after > #body + 1 or qos == 3 or qos > 0 and not id then
         return nil
      end
      return {
         type = "publish",
         topic = body:sub(3, after - 1),
         payload = body:sub(qos > 0 and after + 2 or after),
         qos = qos,
         id = id or nil,
         retained = flags % 2 == 1,
      }
   end,
   [4] = function(body)
      return #body == 2 and { type = "puback", id = uint16_at(body, 1) }
   end,
   [9] = function(body)
      return #body >= 3 and { type = "suback", id = uint16_at(body, 1), codes = { byte(body, 3, -1) } }
   end,
   [13] = function(body)
      return body == "" and { type = "pingresp" }
   end,
}

-- Returns the remaining length that begins at the second byte, and how many bytes it takes; nil while they are not
-- all there. The third result tells that it never ends.
local function remaining_length(buffer)
   local length, factor = 0, 1
   for index = 2, 5 do
      local digit = byte(buffer, index)
      if not digit then
         return nil
      end
      length, factor = length + digit % 128 * factor, factor * 128
      if digit < 128 then
         return length, index - 1
      end
   end
   return nil, nil, "a remaining length of more than four bytes"
end

-- Takes one whole packet from the beginning of a buffer; nil while it is not all there, with a text if it is wrong.
local function take(buffer, largest)
   local length, size, problem = remaining_length(buffer)
   if not length then
      return nil, problem
   elseif length > largest then
      return nil, ("a packet of %d bytes, limit %d"):format(length, largest)
   elseif #buffer < 1 + size + length then
      return nil
   end
   local first = byte(buffer)
   local kind, flags = math.floor(first / 16), first % 16
   local read = kinds[kind]
   local found = read and read(buffer:sub(2 + size, 1 + size + length), flags)
   if not found then
      return nil, ("a packet of kind %d that a server does not send like this"):format(kind)
   end
   return found, 2 + size + length
end

--- Returns a function that takes the next bytes of the server and returns the packets that they complete: a WebSocket
--- message may hold several packets, and a part of one (section 6). After what is no packet it returns nil and a text.
--- @param largest? integer bytes of a packet's body, default 1 MiB
--- @return fun(bytes: string): table[]?, string?
function M.reader(largest)
   local buffer = ""
   return function(bytes)
      local packets = {}
      buffer = buffer .. bytes
      while true do
         local found, after = take(buffer, largest or LARGEST)
         if found then
            packets[#packets + 1] = found
            buffer = buffer:sub(after)
         elseif after then
            return nil, "broken MQTT: " .. after
         else
            return packets
         end
      end
   end
end

return M
