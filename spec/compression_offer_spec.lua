--- The offer of permessage-deflate without client_max_window_bits, for servers that refuse this parameter.

local client = require "client"
local expect = require "expect"
local servers = require "servers"
local steps = require "steps"

-- Opens to a server that answers the offer with one line, then does the steps.
local function answered(answer, options, ...)
   local token = servers.token()
   local head = steps.head(steps.switching("Sec-WebSocket-Extensions: " .. answer))
   return client.connect(servers.script({ head, ... }, token), { compression = options }), token
end

describe("compression without client_max_window_bits", function()
   after_each(client.finish)

   for offer, options in pairs({
      ["permessage-deflate"] = { client_max_window_bits = false },
      ["permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10"] = {
         client_max_window_bits = false, server_max_window_bits = 10, client_no_context_takeover = true,
         server_no_context_takeover = true,
      },
   }) do
      it("is offered as " .. offer, function()
         local token = servers.token()
         client.connect(servers.url("/echo", { token = token }), { compression = options })
         local request = client.report(token, "request").request
         assert.equal(offer, request:match("[Ss]ec%-[Ww]eb[Ss]ocket%-[Ee]xtensions: ([^\r\n]*)"))
      end)
   end

   -- RFC 7692 section 7.1.2.2.
   for _, bits in ipairs({ 8, 10, 15 }) do
      it("refuses an answer that contains it, with " .. bits, function()
         local recorder = answered("permessage-deflate; client_max_window_bits=" .. bits,
            { client_max_window_bits = false }, "await-eof")
         local text = ("client_max_window_bits=%d was not offered"):format(bits)
         local info = expect.refusal(recorder, "handshake", { text })
         assert.equal("sec-websocket-extensions", info.header)
      end)
   end

   it("compresses the messages", function()
      local recorder, token = answered("permessage-deflate", { client_max_window_bits = false }, "await:messages:1",
         steps.close(1000), "await-close")
      client.wait(recorder, "open")
      assert.equal("permessage-deflate", recorder.ws:extensions())
      recorder.ws:send(("compressible"):rep(100))
      expect.closed(recorder, 1000)
      -- The bit RSV1 marks a compressed message (RFC 7692 section 6).
      local frame = client.report(token, "frame.1")["frame.1"]
      assert.equal("4", frame:match("rsv=(%d)"), frame)
   end)
end)
