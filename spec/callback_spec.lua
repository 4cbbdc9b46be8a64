--- What a callback is given, and what the traceback of one that fails shows.

local child = require "child"
local client = require "client"
local servers = require "servers"
local websocket = require "websocket"

describe("A callback", function()
   after_each(client.finish)

   it("gets its connection as the fourth argument of every event", function()
      local seen, others, foreign = {}, 0, 0
      local ws
      local function callback(event, _, _, connection, ...)
         seen[#seen + 1] = event
         foreign = foreign + (rawequal(connection, ws) and 0 or 1)
         others = others + select("#", ...)
         if event == "open" then
            connection:send("hello")
         elseif event == "received" then
            connection:ping("x")
         elseif event == "pong" then
            connection:close()
         end
      end
      ws = websocket.new(servers.url("/echo"), callback)
      assert(client.poll_until(function() return seen[4] end))
      assert.same({ "open", "received", "pong", "closed" }, seen)
      assert.same({ 0, 0 }, { foreign, others })
   end)

   it("gets it where the connection fails, and where the script has dropped it", function()
      local status
      do
         websocket.new(servers.url("/", nil, "refused"), function(_, _, _, connection)
            status = connection:status()
         end)
      end
      collectgarbage()
      client.poll_until(function() return status end)
      assert.equal("closed", status)
   end)

   it("that was deferred gets no argument", function()
      local count
      websocket.defer(function(...) count = select("#", ...) end)
      websocket.poll()
      assert.equal(0, count)
   end)
end)

describe("The traceback of a callback that fails", function()
   local traceback

   before_each(function()
      traceback = nil
      websocket.set_error_handler(function(_, text) traceback = text end)
   end)

   after_each(function()
      websocket.set_error_handler()
      client.finish()
   end)

   -- On a stack of its own, because a traceback leaves out the middle of a deep one.
   local function poll_here()
      coroutine.wrap(function()
         local function poller() websocket.poll() end
         poller()
      end)()
   end

   -- Fails where the traceback shows the module, or not the script's lines from its callback to its call of poll.
   local function check(first)
      assert.matches(first, traceback:match("stack traceback:\n([^\n]*)"))
      assert.matches("in [^\n]*culprit.*in [^\n]*poller", traceback)
      for line in traceback:gmatch("\n\t([^\n]*)") do
         assert(not line:find("^websocket:") and not line:find("init.lua:", 1, true), traceback)
      end
      assert.is_nil(traceback:match("\n%s*\n"))
   end

   it("begins with the function that raised", function()
      local function culprit() error("what a mess") end
      websocket.defer(function() culprit() end)
      poll_here()
      check("^\t%[[^\n]*error")
   end)

   it("begins with the script's line where a function of the module raised", function()
      local ws = client.connect(servers.url("/echo")).ws
      local function culprit() ws:send(42) end
      websocket.defer(function() culprit() end)
      poll_here()
      check("callback_spec")
      local function waiting_culprit() ws:flush("soon") end
      websocket.defer(function() waiting_culprit() end)
      poll_here()
      check("callback_spec")
   end)

   it("begins with the script's line where Lua itself raised", function()
      local nothing = {}
      local function culprit() nothing.missing() end
      websocket.defer(function() culprit() end)
      poll_here()
      check("callback_spec")
   end)

   it("leaves the error text alone, whatever that holds", function()
      local problem = "outer\nstack traceback:\n\twebsocket:1: in poll\n\t[C]: in xpcall"
      local function culprit() error(problem, 0) end
      websocket.defer(function() culprit() end)
      poll_here()
      assert.equal(problem .. "\nstack traceback:\n", traceback:sub(1, #problem + 18))
   end)

   it("shows the script's lines alone where the listener of a shape failed", function()
      local whatwg = require "websocket.whatwg"
      local socket = whatwg.WebSocket(servers.url("/echo"))
      local function culprit() error("what a mess") end
      socket.onopen = function() culprit() end
      assert(client.poll_until(function() return traceback end))
      assert.matches("culprit", traceback)
      assert.is_nil(traceback:match("lua/websocket/"))
      socket:close()
      assert(client.poll_until(function() return socket.readyState == 3 end))
   end)

   it("shows them where the module's folder has a long name, too", function()
      local folder = servers.file(("long"):rep(20))
      local here = io.popen("pwd"):read("*l")
      os.execute(("mkdir -p %s && ln -sfn %s/lua %s/lua"):format(folder, here, folder))
      local result = child.run(([[
         local folder = %q
         package.path = folder .. "/lua/?.lua;" .. folder .. "/lua/?/init.lua;" .. package.path
         local websocket = require "websocket"
         local function culprit() websocket.poll("soon") end
         websocket.defer(function() culprit() end)
         websocket.run()
      ]]):format(folder))
      assert.equal(0, result.status, result.output)
      assert.matches("timeout must be a number", result.output)
      assert.matches("culprit", result.output)
      for line in result.output:gmatch("\n\t([^\n]*)") do
         assert(not line:find("init.lua:", 1, true) and not line:find("^websocket:"), result.output)
      end
   end)
end)

describe("What can be called", function()
   it("is a function, or has __call in its metatable, also in one that is hidden", function()
      assert.is_true(websocket.is_callable(print))
      assert.is_true(websocket.is_callable(setmetatable({}, { __call = print, __metatable = false })))
      for _, value in ipairs { "text", 1, true, {}, setmetatable({}, {}) } do
         assert.is_false(websocket.is_callable(value))
      end
      assert.is_false(websocket.is_callable(nil))
   end)
end)
