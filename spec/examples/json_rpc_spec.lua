--- examples/json_rpc.lua and its client, against a server that speaks JSON-RPC 2.0.

local client = require "client"
local example = require "example"
local json = require "json"
local json_rpc = require "json_rpc_client"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

local unpack = table.unpack or unpack

local function url()
   return servers.url_at(servers.program("json_rpc").ws, "/")
end

describe("examples/json_rpc.lua", function()
   after_each(client.finish)

   it("calls several methods at once", function()
      local lines = example.lines("json_rpc", { url() })
      local places = {}
      for index, line in ipairs(lines) do
         places[line] = index
      end
      assert.is_true(places["quick 19"] < places["slow 0.3"])
      assert.is_true(places["notified tick 1"] < places["notified tick 2"])
      table.sort(lines)
      assert.same({
         "batch 2 -32601 0.1", "count 3", "named 19", "notified tick 1", "notified tick 2", "notified tick 3",
         "notify 2 hello from Lua", "quick 19", "slow 0.3", "too late nil no answer within 0.2 s timeout",
         "unknown nil Method not found -32601", "wrong nil Invalid params -32602",
      }, lines)
   end)

   it("fails where no server listens", function()
      local output, status = example.run("json_rpc", { servers.url("/", nil, "refused") })
      assert.equal(1, status)
      assert.matches("connection refused", output)
   end)
end)

describe("json_rpc_client", function()
   after_each(function()
      websocket.set_error_handler(nil)
      client.finish()
   end)

   -- Runs functions beside each other, and returns what each of them returned.
   local function results_of(...)
      local results, functions = {}, { ... }
      for index, fn in ipairs(functions) do
         websocket.spawn(function()
            results[index] = { fn() }
         end)
      end
      assert(client.poll_until(function()
         for index in ipairs(functions) do
            if not results[index] then
               return false
            end
         end
         return true
      end))
      return unpack(results, 1, #functions)
   end

   -- Connects to a server that waits for a number of messages, and then sends a text.
   local function scripted(messages, text, ...)
      local list = { "status101", "await:messages:" .. messages, steps.text(text), ... }
      list[#list + 1] = "reply-close"
      return json_rpc.new(assert(websocket.connect(servers.script(list))))
   end

   it("gives each call its answer, in whatever order they come", function()
      local rpc = scripted(2, '[{"jsonrpc":"2.0","id":2,"result":"two"},{"jsonrpc":"2.0","id":1,"result":"one"}]')
      local first, second = results_of(
         function() return rpc:call("a") end,
         function() return rpc:call("b") end)
      assert.same({ { "one" }, { "two" } }, { first, second })
   end)

   it("returns the answers of a batch in the order of its calls", function()
      local rpc = scripted(1, '[{"jsonrpc":"2.0","id":2,"error":{"code":1,"message":"no"}},{"id":1,"result":[]}]')
      local answers = results_of(function() return rpc:batch { { method = "a" }, { method = "b" } } end)[1]
      assert.same({ {}, { code = 1, message = "no" } }, { answers[1].result, answers[2].error })
   end)

   it("ignores what it did not ask for", function()
      local rpc = scripted(1, "no JSON", steps.text('{"id":77,"result":1}'), steps.text('"text"'),
         steps.text('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}'),
         steps.text('{"method":"unknown"}'), steps.text('{"id":1,"result":5}'))
      assert.same({ 5 }, results_of(function() return rpc:call("a") end))
   end)

   it("ends every call when the connection ends", function()
      local rpc = scripted(2, "[]", steps.close(4000, "bye"))
      local first, second = results_of(
         function() return rpc:call("a") end,
         function() return rpc:batch { { method = "b" }, { method = "c" } } end)
      assert.same({ "closed", "closed" }, { first[3], second[3] })
      local after = results_of(function() return rpc:call("d") end)
      assert.is_nil(after[1])
      assert.equal("closed", after[3])
   end)

   it("keeps the errors of a caller away from other calls", function()
      local reports = {}
      websocket.set_error_handler(function(problem) reports[#reports + 1] = problem end)
      local rpc = json_rpc.new(assert(websocket.connect(url())))
      websocket.spawn(function()
         rpc:call("subtract", { 1, 1 })
         error("a caller failed")
      end)
      assert.same({ 19 }, results_of(function()
         rpc:call("wait", { 0.05 })
         return rpc:call("subtract", { 42, 23 })
      end))
      assert.equal(1, #reports)
      assert.matches("a caller failed.*traceback", reports[1])
   end)

   it("says where it can be called", function()
      local rpc = json_rpc.new(assert(websocket.connect(url())))
      assert.error_matches(function() rpc:call("seen") end, "in a function that websocket.spawn has started")
   end)
end)

describe("The server of JSON-RPC", function()
   after_each(client.finish)

   it("answers as the specification wants it", function()
      local ws = assert(websocket.connect(url()))
      local function code(text)
         ws:send(text)
         local answer = json.decode(assert(ws:receive(30)))
         assert.equal(json.null, answer.id)
         return answer.error.code
      end
      assert.equal(-32700, code('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]'))
      assert.equal(-32600, code('{"jsonrpc": "2.0", "method": 1, "params": "bar"}'))
      assert.equal(-32600, code("[]"))
      ws:send("[1,2]")
      assert.equal(2, #json.decode(assert(ws:receive(30))))
      -- A notification is not answered, so the next answer is that of a later call.
      ws:send('[{"jsonrpc": "2.0", "method": "notified"}]')
      ws:send('{"jsonrpc": "2.0", "method": "no_such_method"}')
      ws:send('{"jsonrpc": "2.0", "method": "seen", "id": "later"}')
      local answer = json.decode(assert(ws:receive(30)))
      assert.same({ "later", "notified" }, { answer.id, answer.result[1][1] })
   end)
end)
