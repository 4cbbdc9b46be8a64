-- What the objects of the shapes do in the child of a fork: they raise the shape's kind of error, at the script's line.
local host = require "host"
local servers = require "servers"

-- `in_child(action)` fails unless the action returns in a child. `at_script(fn)` fails unless the call raises the
-- engine's text at a line of the script, `as_object(fn, name)` unless it raises an error table of that name.
local BEGINNING = [[
   local function in_child(action)
      local child = host.fork()
      if child == 0 then
         local ok, problem = pcall(action)
         local file = assert(io.open(notes, "w"))
         file:write(ok and "fine" or tostring(problem))
         file:close()
         os.exit(0)
      end
      assert(host.wait(child) == 0)
      local file = assert(io.open(notes))
      local note = file:read("*a")
      file:close()
      assert(note == "fine", note)
   end

   local TEXT = "this process is the child of a fork: its parent has the connections"
   local source = debug.getinfo(1, "S").short_src

   local function at_script(fn)
      local ok, problem = pcall(fn)
      assert(not ok, "did not raise")
      local line = tostring(problem):sub(#source + 1)
      assert(tostring(problem):sub(1, #source) == source and line:gsub("^:%d+: ", "") == TEXT, tostring(problem))
   end

   local function as_object(fn, name)
      local ok, problem = pcall(fn)
      assert(not ok, "did not raise")
      assert(type(problem) == "table" and problem.name == name and problem.message == TEXT, tostring(problem))
   end
]]

local function run(source)
   host.run("run", BEGINNING .. source, {
      url = servers.url("/echo"),
      port = servers.ports().ws,
      notes = servers.file("fork-" .. servers.token()),
   })
end

describe("in the child of a fork", function()
   it("an object of Hammerspoon's shape raises at the script's line", function()
      run [[
         local hs = { websocket = require "websocket.hammerspoon" }
         local ws = hs.websocket.new(url, print)
         poll_until(function() return ws:status() == "open" end)
         in_child(function()
            at_script(function() ws:close() end)
            at_script(function() hs.websocket.new(url, print) end)
            assert(ws:send("dropped") == ws and ws:status() == "unknown")
         end)
         ws:close()
         websocket.run()
      ]]
   end)

   it("a WebSocket of the WHATWG shape raises its errors", function()
      run [[
         local whatwg = require "websocket.whatwg"
         local ws = whatwg.WebSocket(url)
         local connecting = whatwg.WebSocket(url)
         in_child(function()
            as_object(function() connecting:close() end, "InvalidStateError")
            assert(connecting.readyState == 0)
         end)
         poll_until(function() return ws.readyState == 1 and connecting.readyState == 1 end)
         in_child(function()
            as_object(function() return ws.bufferedAmount end, "InvalidStateError")
            as_object(function() ws:send("x") end, "InvalidStateError")
            as_object(function() ws:close() end, "InvalidStateError")
            as_object(function() whatwg.WebSocket(url) end, "TypeError")
            as_object(function() whatwg.WebSocket("ws://127.0.0.1:0/") end, "TypeError")
            assert(ws.readyState == 1)
         end)
         ws:close()
         connecting:close()
         websocket.run()
      ]]
   end)

   it("a client of the Overwolf shape raises at the script's line", function()
      run [[
         local web = require("websocket.overwolf").web
         local parameters, ow = { secured = false, port = tonumber(port) }
         web.createWebSocket(parameters, function(result) ow = result.client end)
         poll_until(function() return ow end)
         local is_open
         ow.onOpen.addListener(function() is_open = true end)
         ow.connect()
         poll_until(function() return is_open end)
         in_child(function()
            at_script(function() ow.close() end)
            at_script(function() ow:close() end)
            at_script(function() ow.send("x", print) end)
            at_script(function() ow.connect(print) end)
            at_script(function() web.createWebSocket(parameters, print) end)
            ow.send("x")
         end)
         ow.close()
         websocket.run()
      ]]
   end)

   it("a host of the actions shape raises at the script's line, or replies with the error", function()
      run [[
         local is_open
         local program = require("websocket.actions").new { on_event = function() is_open = true end }
         local id = program:call("websocket-create", { url = url }).id
         poll_until(function() return is_open end)
         in_child(function()
            at_script(function() program:enter_background() end)
            at_script(function() program:post { action = "can-use", callback = print } end)
            assert(program:call("websocket-close", { id = id }).error == TEXT)
            assert(program:call("websocket-create", { url = url }).error == TEXT)
         end)
         program:enter_background()
         websocket.run()
      ]]
   end)

   it("a WebSocket of the Scripting shape raises its errors", function()
      run [[
         local WebSocket = require("websocket.scripting").WebSocket
         local ws, is_open = WebSocket(url), false
         ws.onopen = function() is_open = true end
         poll_until(function() return is_open end)
         in_child(function()
            as_object(function() ws:send("x") end, "Error")
            as_object(function() ws:close() end, "Error")
            as_object(function() WebSocket(url) end, "TypeError")
         end)
         ws:close()
         websocket.run()
      ]]
   end)

   it("a client of lua-websockets and one of lua-http raise at the script's line", function()
      run [[
         local ws = require("websocket.client").sync { timeout = 30 }
         assert(ws:connect(url))
         local lua_http = require("websocket.http").new_from_uri(url)
         assert(lua_http:connect(30))
         in_child(function()
            at_script(function() ws:send("x") end)
            at_script(function() ws:close() end)
            at_script(function() require("websocket.client").sync():connect(url) end)
            at_script(function() lua_http:send("x") end)
            at_script(function() lua_http:close() end)
            at_script(function() require("websocket.http").new_from_uri(url):connect() end)
            assert(not pcall(ws.receive, ws))
            assert(not pcall(lua_http.receive, lua_http))
         end)
         assert(ws:close())
         lua_http:close()
         websocket.run()
      ]]
   end)
end)
