-- Hosts change the table of globals: some raise where a script reads a name that is not there, some take names away,
-- and scripts overwrite them. Each program here runs in an interpreter of its own.
local child = require "child"
local servers = require "servers"

-- Loads every shape; `say` writes a line.
local load_all = [[
   local websocket = require "websocket"
   local actions = require "websocket.actions"
   local hammerspoon = require "websocket.hammerspoon"
   local overwolf = require "websocket.overwolf"
   local scripting = require "websocket.scripting"
   local whatwg = require "websocket.whatwg"
   local http = require "websocket.http"
   local sync = require("websocket.client").sync
   local events = require "websocket.client.events"
   local concat, ipairs, pcall, tostring, type = table.concat, ipairs, pcall, tostring, type
   local function say(...)
      write(concat({ ... }, " "), "\n")
   end
   websocket.set_error_handler(function(problem)
      say("raised:", tostring(problem))
   end)
]]

-- Every shape sends a message to an echo server, and closes when it comes back. URL, PLAIN and PORT are replaced: the
-- server at URL chooses the subprotocol `chat`, and the one at PLAIN none.
local talk = [[
   local ws = whatwg.WebSocket("URL", { "chat", "echo" })
   local controller = whatwg.AbortController()
   ws:addEventListener("message", function() say "removed" end, { signal = controller.signal })
   controller:abort()
   ws.binaryType = "arraybuffer"
   ws.onopen = function() ws:send(whatwg.Blob({ "a", 1, whatwg.ArrayBuffer({ 98 }) })) end
   ws.onmessage = function(event)
      say("WHATWG", event.data:text(), concat(event.data:bytes(), "-"), type(event.timeStamp))
      ws:close("1000", "done")
   end
   ws.onclose = function(event) say("WHATWG", event.code, event.reason) end
   ws.onerror = function() say "WHATWG error" end

   local hs
   hs = hammerspoon.new("PLAIN", function(event, message)
      if event == "open" then
         hs:send "hello"
      elseif event == "received" then
         say("Hammerspoon", message, type(tostring(hs)), hs:status())
         hs:close()
      elseif event ~= "closed" then
         say("Hammerspoon", event, message)
      end
   end)

   overwolf.web.createWebSocket({ secured = false, port = PORT, protocols = { "chat" } }, function(result)
      local client = result.client
      client.onOpen.addListener(function()
         client.send("hello", function(sent) say("Overwolf", sent.status) end)
      end)
      client.onMessage.addListener(function(info)
         say("Overwolf", info.type, info.message)
         client.close()
      end)
      client.onError.addListener(function(info) say("Overwolf", info.message) end)
      client.connect()
   end)

   local host
   host = actions.new {
      on_event = function(event)
         if event.name == "open" then
            host:call("websocket-send", { id = event.id, type = "arraybuffer", data = { 0, 255 } })
         elseif event.name == "message" then
            say("actions", concat(event.payload.data, "-"))
            host:call("websocket-close", { id = event.id })
         elseif event.name == "error" then
            say("actions", event.payload.errMsg)
         end
      end,
   }
   host:call("websocket-create", { url = "URL", headers = { ["x-mine"] = "yes" }, protocols = { "chat" } })

   local app = scripting.WebSocket "PLAIN"
   local Data = scripting.Data
   app.onopen = function() app:send(Data.combine { Data.fromHexString "00ff", Data.fromBase64String "Zm9v" }) end
   app.onmessage = function(data)
      say("Scripting", data:toHexString(), data:toBase64String(), data:slice(2):toRawString "latin1")
      say("Scripting", Data.fromString("hé", "utf-16le"):toHexString(), type(Data.fromFile "/no/such/file"))
      app:close()
   end
   app.onerror = function(problem) say("Scripting", problem.message) end

   local callbacks = events.new()
   callbacks:on_open(function() callbacks:send "hello" end)
   callbacks:on_message(function(_, message, opcode)
      say("callbacks", message, opcode)
      callbacks:close()
   end)
   callbacks:on_error(function(_, problem) say("callbacks", problem) end)
   callbacks:connect "PLAIN"

   local waits = sync { timeout = 30 }
   local connected, protocol = waits:connect("URL", "chat")
   say("sync", tostring(connected), protocol, tostring(waits:send "hello"), (waits:receive()))
   local _, code = waits:close()
   say("sync", code)

   local lua_http = http.new_from_uri("URL", { "chat" })
   lua_http.request.headers:append("x-mine", "yes")
   say("http", tostring(lua_http:connect(30)), lua_http.protocol, tostring(lua_http:send "hello"),
      (lua_http:receive(30)))
   say("http", tostring(lua_http:close()), lua_http.got_close_code)

   websocket.run()
   for _, call in ipairs {
      function() ws.send "x" end,
      function() whatwg.WebSocket "no url" end,
      function() app:close(1) end,
      function() Data.fromString(1) end,
      function() hammerspoon.new(1) end,
      function() waits:connect "no url" end,
      function() http.new_from_uri "no url" end,
   } do
      local ok, problem = pcall(call)
      say(tostring(ok), type(problem))
   end
]]

local expected = {
   "false string", "false string", "false string", "false table", "false table", "false table", "false table",
   "Hammerspoon hello string open",
   "Overwolf success", "Overwolf text hello",
   "Scripting 00ff666f6f AP9mb28= foo", "Scripting 6800e900 nil",
   "WHATWG 1000 done", "WHATWG a1b 97-49-98 number",
   "actions 0-255",
   "callbacks hello 1",
   "http true 1000", "http true chat true hello",
   "sync 1000", "sync true chat true hello",
}

table.sort(expected)

local function lines_of(text)
   local lines = {}
   for line in text:gmatch "[^\n]+" do
      lines[#lines + 1] = line
   end
   table.sort(lines)
   return lines
end

local function run(...)
   local replaced = {
      URL = servers.url("/protocol", { choose = "chat" }),
      PLAIN = servers.url "/echo",
      PORT = tostring(servers.ports().ws),
   }
   local program = table.concat({ "local write = io.write", ... }, "\n")
   local ended = child.run((program:gsub("%u+", replaced)))
   return lines_of(ended.output), ended.status
end

describe("every shape loads and works", function()
   it("where reading a global that is not there raises", function()
      local strict = [[
         setmetatable(_G, {
            __index = function(_, name) error("variable '" .. tostring(name) .. "' is not declared", 2) end,
            __newindex = function(_, name) error("sets the global " .. tostring(name), 2) end,
         })
      ]]
      assert.same({ expected, 0 }, { run(strict, load_all, talk) })
   end)

   it("where a host gives its scripts only the basic libraries", function()
      local poor = [[
         for _, name in ipairs { "coroutine", "debug", "dofile", "io", "load", "loadstring", "os", "utf8" } do
            _G[name] = nil
            package.loaded[name] = nil
         end
      ]]
      assert.same({ expected, 0 }, { run(poor, load_all, talk) })
   end)

   it("where a script takes every global away once they are loaded", function()
      local take_away = [[
         do
            local next = next
            for name in next, _G do
               if name ~= "_G" then
                  _G[name] = nil
               end
            end
            _G = nil
         end
      ]]
      assert.same({ expected, 0 }, { run(load_all, take_away, talk) })
   end)
end)
