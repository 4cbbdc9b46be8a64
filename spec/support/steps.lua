--- Spells the steps of a script for the test server.
-- Comes in: bytes and numbers. Goes out: strings for `servers.script`. Steps without bytes are written as they stand:
-- "status101", "sleep:100", "drip:5", "read:100", "await:messages:3", "await-close", "await-eof", "reply-close", "fin",
-- "cut", "rst", "stall".

local servers = require "servers"

local M = {}

local function hexadecimal(text)
  return (text:gsub(".", function(char)
    return string.format("%02x", char:byte())
  end))
end

--- Any bytes, as they are.
function M.bytes(text)
  return "hex:" .. hexadecimal(text)
end

--- The same bytes many times.
function M.repeated(count, text)
  return string.format("repeat:%d:%s", count, hexadecimal(text))
end

--- An unmasked frame whose length is right.
-- @int first the first byte: 0x80 for the final fragment, 0x40-0x10 reserved, 0x0-0xf the opcode
-- @string[opt=""] payload
function M.frame(first, payload)
  return string.format("frame:%02x:%s", first, servers.encode(payload or ""))
end

--- A whole text message.
function M.text(payload)
  return M.frame(0x81, payload)
end

--- A whole binary message.
function M.binary(payload)
  return M.frame(0x82, payload)
end

--- A Close frame; no code makes an empty body.
function M.close(code, reason)
  local body = code and string.char(math.floor(code / 256), code % 256) .. (reason or "") or ""
  return M.frame(0x88, body)
end

--- A response's head from its lines; `{accept}` in it becomes the right Sec-WebSocket-Accept.
-- @tparam table lines without line ends
-- @string[opt="\r\n"] line_end
function M.head(lines, line_end)
  line_end = line_end or "\r\n"
  return "head:" .. servers.encode(table.concat(lines, line_end) .. line_end .. line_end)
end

--- Bytes of a response, as they are, `{accept}` apart.
function M.raw_head(text)
  return "head:" .. servers.encode(text)
end

--- The lines of a right 101, with others after them; for `head`.
function M.switching(...)
  local lines = {
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: {accept}",
  }
  for _, line in ipairs({ ... }) do
    lines[#lines + 1] = line
  end
  return lines
end

--- A line of the record, to tell how far the script came.
function M.log(text)
  return "log:" .. servers.encode(text)
end

return M
