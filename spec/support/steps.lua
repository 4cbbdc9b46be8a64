--- Makes the steps of a script for the test server; README.md explains them.
--- Comes in: bytes and numbers. Goes out: strings for `servers.script`. Steps without bytes need no function:
--- "status101", "sleep:100", "drip:5", "read:100", "await:messages:3", "await-close", "await-eof", "reply-close",
--- "fin", "cut", "rst", "stall".

local servers = require "servers"

local M = {}

local function hexadecimal(text)
   return (text:gsub(".", function(char)
      return string.format("%02x", char:byte())
   end))
end

--- Sends bytes as they are.
--- @param text string
--- @return string step
function M.bytes(text)
   return "hex:" .. hexadecimal(text)
end

--- Sends the same bytes `count` times.
--- @param count integer
--- @param text string
--- @return string step
function M.repeated(count, text)
   return string.format("repeat:%d:%s", count, hexadecimal(text))
end

--- Sends an unmasked frame with the right length.
--- @param first integer the first byte: 0x80 marks the final fragment, 0x40-0x10 are reserved, 0x0-0xf is the opcode
--- @param payload? string default ""
--- @return string step
function M.frame(first, payload)
   return string.format("frame:%02x:%s", first, servers.encode(payload or ""))
end

--- Sends a text message in one frame.
--- @param payload string
--- @return string step
function M.text(payload)
   return M.frame(0x81, payload)
end

--- Sends a binary message in one frame.
--- @param payload string
--- @return string step
function M.binary(payload)
   return M.frame(0x82, payload)
end

--- Sends a Close frame.
--- @param code? integer without it the body is empty
--- @param reason? string
--- @return string step
function M.close(code, reason)
   local body = code and string.char(math.floor(code / 256), code % 256) .. (reason or "") or ""
   return M.frame(0x88, body)
end

--- Sends the head of a response, in which `{accept}` becomes the right Sec-WebSocket-Accept.
--- @param lines string[] without line ends
--- @param line_end? string default CR LF
--- @return string step
function M.head(lines, line_end)
   line_end = line_end or "\r\n"
   return "head:" .. servers.encode(table.concat(lines, line_end) .. line_end .. line_end)
end

--- Sends bytes of a response as they are, except for `{accept}`.
--- @param text string
--- @return string step
function M.raw_head(text)
   return "head:" .. servers.encode(text)
end

--- Returns the lines of a valid 101 response for `head`, followed by others.
--- @param ... string further lines
--- @return string[]
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

--- Adds a line to the record, which shows that the script came this far.
--- @param text string
--- @return string step
function M.log(text)
   return "log:" .. servers.encode(text)
end

return M
