--- Checks how a connection ended, in every place that tells it, and how a call did.
-- Comes in: recorders of client.lua, calls. Goes out: failed assertions with the events that came. Knows no server.

local assert = require "luassert"
local client = require "client"
local websocket = require "websocket"

local M = {}

--- Options that hold what no text may show, with others over them; `fail` looks for it.
-- @tparam[opt] table options
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

--- Fails unless a text holds every piece.
-- @string text
-- @tparam table pieces plain texts
function M.holds(text, pieces)
  for _, piece in ipairs(pieces) do
    assert(text:find(piece, 1, true), string.format("%q does not hold %q", text, piece))
  end
end

--- Fails where a text shows credentials, a header's value or a query string.
function M.tells_no_secrets(text)
  for _, secret in ipairs({ "hush", "?", "token", "program", "Basic " }) do
    assert(not text:find(secret, 1, true), string.format("%q tells %q", text, secret))
  end
end

--- Waits for the event `fail` and checks its code, its text, and `end_info`.
-- @tparam table recorder
-- @string code
-- @tparam table pieces what the text must hold: cause and host:port
-- @treturn table what `end_info` tells
function M.fail(recorder, code, pieces)
  local last = client.drain(recorder)
  assert.same({ "fail", code }, { last[1], last[3] }, "events:\n" .. client.describe(recorder))
  M.holds(last[2], pieces)
  M.tells_no_secrets(last[2])
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

--- Waits for the end of a connection that never opened: `fail` is its only event.
-- Arguments and result are those of `fail`.
function M.refusal(recorder, code, pieces)
  local info = M.fail(recorder, code, pieces)
  assert.equal("fail", client.names(recorder))
  return info
end

--- Waits for the event `closed`, and checks code and reason.
-- @tparam table recorder
-- @int code
-- @string[opt=""] reason
-- @treturn table what `end_info` tells
function M.closed(recorder, code, reason)
  local last = client.drain(recorder)
  assert.same({ "closed", reason or "", code }, last, "events:\n" .. client.describe(recorder))
  local info = recorder.ws:end_info()
  assert.same({ false, code, reason or "" }, { info.failed, info.code, info.reason })
  assert.equal("closed", recorder.ws:status())
  return info
end

--- Waits for the end by a violation that we closed on, and checks what the server saw of it.
-- @tparam table recorder
-- @string token of the server's record
-- @int code
-- @tparam table pieces what the text must hold
-- @treturn table what `end_info` tells
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

--- Fails unless a call raises a text, and returns that.
function M.raised(fn, ...)
  local ok, text = pcall(fn, ...)
  assert(not ok, "did not raise")
  assert.equal("string", type(text))
  return text
end

--- Fails unless results are those of a refusal, `nil, text, code`; returns the text.
function M.refused(code, ...)
  local first, text, actual = ...
  assert.same({ 3, nil, "string", code }, { select("#", ...), first, type(text), actual })
  return text
end

--- Calls a function until it does not fail, ten times at most. This is for work that has a time limit of its own: a
-- loaded machine may delay any single try.
-- @func fn
function M.in_time(fn)
  for _ = 1, 9 do
    if pcall(fn) then
      return
    end
  end
  fn()
end

--- Fails unless a call takes less than so many seconds, in one of ten tries.
-- @number seconds
-- @func fn
function M.within(seconds, fn)
  M.in_time(function()
    local begun = client.now()
    fn()
    local passed = client.now() - begun
    assert(passed < seconds, string.format("took %g s, may take %g s", passed, seconds))
  end)
end

--- Fails unless `websocket.new` raises a text with every piece and starts nothing.
-- @string url
-- @tparam table options
-- @tparam table pieces
function M.raises(url, options, pieces)
  local before = websocket.connections()
  local made, text = pcall(websocket.new, url, function() end, options)
  assert(not made, "websocket.new did not raise; expected: " .. table.concat(pieces, ", "))
  M.holds(tostring(text), pieces)
  M.tells_no_secrets(tostring(text))
  assert.equal(before, websocket.connections())
end

return M
