--- examples/obs.lua against a server that speaks the protocol of obs-websocket 5.

local client = require "client"
local example = require "example"
local json = require "json"
local servers = require "servers"
local websocket = require "websocket"

local PASSWORD = "supersecretpassword"
local unpack = table.unpack or unpack

local function url(arguments)
   return servers.url_at(servers.program("obs", arguments).ws, "/")
end

local function with_password()
   return url("--password " .. PASSWORD)
end

describe("examples/obs.lua", function()
   after_each(client.finish)

   local conversation = {
      "scene Camera on air", "scene Screen ", "event CurrentProgramSceneChanged Screen",
      "refused SetCurrentProgramScene: No source was found by the name of `no such scene`. (600)",
      "batch SetCurrentProgramScene 100", "batch NoSuchRequest 204",
   }

   it("proves that it knows the password, and controls the scenes", function()
      local lines = example.lines("obs", { with_password() }, { OBS_PASSWORD = PASSWORD })
      assert.same({ "hello obs-websocket 5.5.2", "identified version 1", unpack(conversation) }, lines)
   end)

   it("needs no password where OBS wants none", function()
      local lines = example.lines("obs", { url() })
      assert.same({ "hello obs-websocket 5.5.2", "identified version 1", unpack(conversation) }, lines)
   end)

   it("says what is wrong when OBS refuses it", function()
      local cases = {
         { with_password(), "wrong", "OBS closed the connection: wrong password %(4009%)" },
         { with_password(), nil, "OBS wants a password: set OBS_PASSWORD" },
         { url("--rpc-version 2"), nil, "OBS closed the connection: unsupported version of the protocol %(4010%)" },
         { servers.url("/", nil, "refused"), nil, "connection refused" },
      }
      for _, case in ipairs(cases) do
         local output, status = example.run("obs", { case[1] }, { OBS_PASSWORD = case[2] })
         assert.equal(1, status)
         assert.matches(case[3], output)
      end
   end)
end)

describe("The server of obs-websocket", function()
   after_each(client.finish)

   -- Sends messages and returns the code with which the server closes.
   local function refusal(...)
      local ws = assert(websocket.connect(url(), { protocols = "obswebsocket.json", require_protocol = true }))
      for _, message in ipairs({ ... }) do
         local is_table = type(message) == "table"
         ws:send(is_table and json.encode(message) or message, message == "\0")
      end
      local text, problem, code, number
      repeat
         text, problem, code, number = ws:receive(30)
      until not text
      assert.equal("closed", code, problem)
      return number
   end

   it("refuses what the protocol refuses, with its codes", function()
      local identify = { op = 1, d = { rpcVersion = 1 } }
      assert.equal(4002, refusal("no JSON"))
      assert.equal(4002, refusal("[]"))
      assert.equal(4002, refusal("\0"))
      assert.equal(4003, refusal { op = 1 })
      assert.equal(4003, refusal { op = 1, d = {} })
      assert.equal(4003, refusal(identify, { op = 6, d = { requestType = "GetVersion" } }))
      assert.equal(4004, refusal { op = 1, d = { rpcVersion = "1" } })
      assert.equal(4005, refusal(identify, { op = 8, d = { requestId = "1", executionType = 9, requests = {} } }))
      assert.equal(4006, refusal(identify, { op = 99, d = {} }))
      assert.equal(4007, refusal { op = 6, d = { requestType = "GetVersion", requestId = "1" } })
      assert.equal(4008, refusal(identify, identify))
      assert.equal(4010, refusal { op = 1, d = { rpcVersion = 7 } })
      assert.equal(4010, refusal { ["request-type"] = "GetAuthRequired", ["message-id"] = "1" })
   end)
end)
