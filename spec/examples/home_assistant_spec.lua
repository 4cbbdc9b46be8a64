--- examples/home_assistant.lua against a server that speaks the WebSocket API of Home Assistant.

local client = require "client"
local example = require "example"
local json = require "json"
local servers = require "servers"
local websocket = require "websocket"

local TOKEN = "a-long-lived-token"

local function url(arguments)
   local ports = servers.program("home_assistant", ("--token %s --door 0.05 %s"):format(TOKEN, arguments or ""))
   return servers.url_at(ports.ws, "/api/websocket")
end

describe("examples/home_assistant.lua", function()
   after_each(client.finish)

   it("switches the light as the door moves", function()
      local lines = example.lines("home_assistant", { url(), 4 }, { HASS_TOKEN = TOKEN })
      assert.equal("logged in Home Assistant 2024.6.0", lines[1])
      local lights = {}
      for index, line in ipairs(lines) do
         local state = line:match("^light (%a+)")
         if state then
            lights[#lights + 1] = state
            assert.equal("door " .. state, lines[index - 1])
         end
      end
      assert.equal(4, #lights)
   end)

   it("survives a restart and a crash of the server, and subscribes again", function()
      local lines = example.lines("home_assistant", { url "--restarts 2", 6 }, { HASS_TOKEN = TOKEN })
      local text = table.concat(lines, "\n")
      local session = "logged in.*light on.*"
      assert.matches("^" .. session .. "\nlost [^\n]*1000\n.*" .. session .. "\nlost .*" .. session, text)
      local _, restarts = text:gsub("closed with 1000", "")
      local _, logins = text:gsub("logged in", "")
      assert.same({ 1, 3 }, { restarts, logins }, text)
   end)

   it("ends where the token is wrong", function()
      local output, status = example.run("home_assistant", { url() }, { HASS_TOKEN = "wrong-token" })
      assert.equal(1, status)
      assert.matches("Home Assistant refused the token: Invalid access token or password", output)
      assert.is_nil(output:find("wrong-token", 1, true))
   end)

   it("wants a token", function()
      local output, status = example.run("home_assistant", { url() })
      assert.equal(1, status)
      assert.matches("set HASS_TOKEN to an access token", output)
   end)
end)

describe("The server of Home Assistant", function()
   after_each(client.finish)

   local ws

   local function next_message()
      local message = json.decode(assert(ws:receive(30)))
      return message.type == "event" and next_message() or message
   end

   local function connect()
      ws = assert(websocket.connect(url()))
      assert.equal("auth_required", next_message().type)
   end

   local function log_in()
      connect()
      ws:send(json.encode { type = "auth", access_token = TOKEN })
      assert.equal("auth_ok", next_message().type)
   end

   local function ask(command)
      ws:send(json.encode(command))
      return next_message()
   end

   it("refuses commands as Home Assistant does", function()
      log_in()
      local function code(command)
         local answer = ask(command)
         assert.same({ "result", false, command.id or json.null }, { answer.type, answer.success, answer.id })
         return answer.error.code
      end
      assert.equal("pong", ask({ id = 1, type = "ping" }).type)
      assert.equal("id_reuse", code { id = 1, type = "ping" })
      assert.equal("unknown_command", code { id = 2, type = "no such command" })
      assert.equal("invalid_format", code { type = "ping" })
      assert.equal("not_found", code { id = 3, type = "call_service", domain = "light", service = "burn" })
      assert.equal("not_found", code { id = 4, type = "unsubscribe_events", subscription = 3 })
      assert.equal("result", ask({ id = 5, type = "subscribe_events", event_type = "mine" }).type)
      assert.is_true(ask({ id = 6, type = "unsubscribe_events", subscription = 5 }).success)
   end)

   it("closes after what is no login", function()
      for _, message in ipairs({ { type = "ping", id = 1 }, { type = "auth", access_token = "wrong" } }) do
         connect()
         assert.equal("auth_invalid", ask(message).type)
         local text, _, code, number = ws:receive(30)
         assert.same({ nil, "closed", 1000 }, { text, code, number })
      end
   end)
end)
