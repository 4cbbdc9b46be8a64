--- Checks how a connection ended, in its last event and in `end_info`, and what a call raised or returned.
--- Comes in: recorders of client.lua, calls. Goes out: failed assertions, with the events that came. Knows no server.

local assert = require "luassert"
local client = require "client"
local websocket = require "websocket"

local M = {}

--- Returns options with credentials and a header value that no text may show; `fail` searches its text for them.
--- @param options? table laid over these
--- @return table
function M.with_secrets(options)
   local all = {
      basic_auth = { user = "hush-user", password = "hush-password" },
      headers = { ["X-Hush"] = "hush-header" },
   }
   for name, value in pairs(options or {}) do
      all[name] = value
   end
   return all
end

--- Fails unless a text contains every piece.
--- @param text string
--- @param pieces string[] plain texts, not patterns
function M.holds(text, pieces)
   for _, piece in ipairs(pieces) do
      assert(text:find(piece, 1, true), string.format("%q does not contain %q", text, piece))
   end
end

--- Fails if a text contains credentials, a header value or a query string. What a server says may have a question mark.
--- @param text string
function M.has_no_secrets(text)
   text = text:gsub(", saying \"(.-)\":", function(line)
      return line:gsub("?", "")
   end)
   for _, secret in ipairs({ "hush", "?", "token", "program", "Basic " }) do
      assert(not text:find(secret, 1, true), string.format("%q contains %q", text, secret))
   end
end

--- Waits for the event `fail` and checks its code, its text, and `end_info`.
--- @param recorder Recorder
--- @param code string
--- @param pieces string[] what the text must contain: the cause and host:port
--- @return table info of `end_info`
function M.fail(recorder, code, pieces)
   local last = client.drain(recorder)
   assert.same({ "fail", code }, { last[1], last[3] }, "events:\n" .. client.describe(recorder))
   M.holds(last[2], pieces)
   M.has_no_secrets(last[2])
   local info = recorder.ws:end_info()
   assert.same({ failed = true, violation = false, clean = false, error = code, text = last[2] }, {
      failed = info.failed,
      violation = info.violation,
      clean = info.clean,
      error = info.error,
      text = info.text,
   })
   assert.equal("closed", recorder.ws:status())
   return info
end

--- Waits for the end of a connection that never opened: `fail` must be its only event. Otherwise as `fail`.
--- @param recorder Recorder
--- @param code string
--- @param pieces string[]
--- @return table info
function M.refusal(recorder, code, pieces)
   local info = M.fail(recorder, code, pieces)
   assert.equal("fail", client.names(recorder))
   return info
end

--- Waits for the event `closed` and checks its code and reason.
--- @param recorder Recorder
--- @param code integer
--- @param reason? string default ""
--- @return table info of `end_info`
function M.closed(recorder, code, reason)
   local last = client.drain(recorder)
   assert.same({ "closed", reason or "", code }, last, "events:\n" .. client.describe(recorder))
   local info = recorder.ws:end_info()
   assert.same({ false, code, reason or "" }, { info.failed, info.code, info.reason })
   assert.equal("closed", recorder.ws:status())
   return info
end

--- Waits for the end of a connection that the engine closed because of a violation, and checks the Close frame that the
--- server received.
--- @param recorder Recorder
--- @param token string of the server's record
--- @param code integer
--- @param pieces string[] what the text must contain
--- @return table info of `end_info`
function M.violation(recorder, token, code, pieces)
   local last = client.drain(recorder)
   assert.same({ "closed", code }, { last[1], last[3] }, "events:\n" .. client.describe(recorder))
   M.holds(last[2], pieces)
   local info = recorder.ws:end_info()
   assert.same({ failed = false, violation = true, clean = false, by = "us", code = code, reason = last[2],
      sent_code = code }, {
      failed = info.failed,
      violation = info.violation,
      clean = info.clean,
      by = info.by,
      code = info.code,
      reason = info.reason,
      sent_code = info.sent_code,
   })
   assert.equal(code, client.report(token, "close").close)
   return info
end

--- Fails unless a call raises a string, and returns that string.
--- @param fn function called with the other arguments
--- @return string
function M.raised(fn, ...)
   local ok, text = pcall(fn, ...)
   assert(not ok, "did not raise")
   assert.equal("string", type(text))
   return text
end

--- Fails unless a function of a spec raises a string at a line of its own file, and returns the string without the
--- position.
--- @param fn fun() the line must not be one of a tail call, which Lua 5.1 does not know any more
--- @return string
function M.raised_here(fn)
   local text = M.raised(fn)
   local file = debug.getinfo(fn, "S").short_src
   local position, problem = text:match("^(.-:%d+): (.*)$")
   assert(position and position:sub(1, #file + 1) == file .. ":", "not raised at a line of the spec: " .. text)
   return problem
end

--- Fails unless the results of a call are those of a refusal, `nil, text, code`; returns the text.
--- @param code string
--- @param ... any the results
--- @return string
function M.refused(code, ...)
   local first, text, actual = ...
   assert.same({ 3, nil, "string", code }, { select("#", ...), first, type(text), actual })
   return text
end

--- Calls a function until it does not fail, ten times at most. This is for work that has a time limit of its own: a
--- loaded machine may delay any single try.
--- @param fn fun()
function M.in_time(fn)
   for _ = 1, 9 do
      if pcall(fn) then
         return
      end
   end
   fn()
end

--- Fails unless a call takes less than `seconds` in one of ten tries.
--- @param seconds number
--- @param fn fun()
function M.within(seconds, fn)
   M.in_time(function()
      local begun = client.now()
      fn()
      local passed = client.now() - begun
      assert(passed < seconds, string.format("took %g s, may take %g s", passed, seconds))
   end)
end

--- Fails unless `websocket.new` raises a text that contains every piece, and starts no connection.
--- @param url any
--- @param options any
--- @param pieces string[]
function M.raises(url, options, pieces)
   local before = websocket.connections()
   local made, text = pcall(websocket.new, url, function() end, options)
   assert(not made, "websocket.new did not raise; expected: " .. table.concat(pieces, ", "))
   M.holds(tostring(text), pieces)
   M.has_no_secrets(tostring(text))
   assert.equal(before, websocket.connections())
end

return M
