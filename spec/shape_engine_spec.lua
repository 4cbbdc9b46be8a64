-- What several shapes do around their calls of the engine. `engine` of spec/support is something else.
local shape_engine = require "websocket.shape.engine"
local websocket = require "websocket"

describe("a call that may raise", function()
   after_each(function() websocket.set_abort_test(nil) end)

   it("returns true and its result, or false and the text", function()
      local ok, result = shape_engine.attempt(function(...) return select("#", ...) end, 1, nil, nil)
      assert.same({ true, 3 }, { ok, result })
      ok, result = shape_engine.attempt(error, "wrong", 0)
      assert.same({ false, "wrong" }, { ok, result })
      ok, result = shape_engine.attempt(error, setmetatable({}, { __tostring = function() return "text" end }))
      assert.same({ false, "text" }, { ok, result })
      ok, result = shape_engine.attempt(error, {})
      assert.same({ false, "(error object is a table)" }, { ok, result })
   end)

   it("is raised again without a position", function()
      local ok, problem = pcall(shape_engine.call, websocket.to_utf8, 5)
      assert.same({ false, "text must be a string, got number" }, { ok, problem })
      assert.same({ 1, nil, 3 }, { shape_engine.call(function(...) return ... end, 1, nil, 3) })
   end)

   it("raises Ctrl-C again, and the error by which a host stops a script", function()
      local stop = {}
      websocket.set_abort_test(function(problem) return problem == stop end)
      for _, problem in ipairs { "script.lua:1: interrupted!", stop } do
         local ok, raised = pcall(shape_engine.attempt, error, problem, 0)
         assert.is_false(ok)
         assert.equal(problem, raised)
      end
   end)
end)

describe("the options of a shape", function()
   it("are laid over a copy of those of the script", function()
      local given = { open_timeout = 1, origin = "here" }
      assert.same({ open_timeout = 2, origin = "here", max_queue = 3 },
         shape_engine.options(given, { open_timeout = 2, max_queue = 3 }))
      assert.same({ open_timeout = 1, origin = "here" }, given)
      assert.same({ max_queue = 3 }, shape_engine.options(nil, { max_queue = 3 }))
   end)

   it("must be a table", function()
      assert.has_error(function() shape_engine.options("fast", {}) end, "options must be a table, got string")
   end)
end)

describe("an end is reported", function()
   it("as an error with 1006 where the connection failed or the server broke the protocol", function()
      local failed = { failed = true, violation = false, text = "lost", error = "reset", code = 1006, reason = "" }
      assert.same({ "lost", "reset" }, { shape_engine.problem(failed) })
      assert.same({ code = 1006, reason = "" }, shape_engine.code_and_reason(failed))
      local broken = { failed = false, violation = true, text = "bad frame", code = 1002, reason = "bad frame" }
      assert.same({ "bad frame", "violation" }, { shape_engine.problem(broken) })
      assert.same({ code = 1006, reason = "" }, shape_engine.code_and_reason(broken))
   end)

   it("as a close with code and reason everywhere else", function()
      local closed = { failed = false, violation = false, text = "", code = 4000, reason = "bye" }
      assert.is_nil(shape_engine.problem(closed))
      assert.same({ code = 4000, reason = "bye" }, shape_engine.code_and_reason(closed))
   end)

   it("are refused by the engine if they inherit entries, which a copy would not hold", function()
      local inherited = { __index = { open_timeout = 1 } }
      for _, options in ipairs {
         shape_engine.options(setmetatable({}, inherited), {}),
         shape_engine.options(setmetatable({}, { __index = {}, __metatable = "hidden" }), {}),
         shape_engine.options({}, setmetatable({}, inherited)),
      } do
         local ok, problem = pcall(websocket.new, "ws://127.0.0.1:1/", print, options)
         assert.is_false(ok)
         assert.matches("metatable", problem)
      end
      assert.is_nil(getmetatable(shape_engine.options(setmetatable({}, { __len = print }), {})))
   end)
end)
