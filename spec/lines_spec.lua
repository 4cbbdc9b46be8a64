--- Every error that a public function raises names the line of the script that called it.

local client = require "client"
local servers = require "servers"
local websocket = require "websocket"

local NAN = 0 / 0

-- Calls that raise, each on one line, by the name of the function.
local CALLS = {
   attach = { function() websocket.attach(42) end, function() websocket.attach({ name = "x" }) end },
   after = { function() websocket.after(-1, print) end, function() websocket.after(1) end },
   call = { function() websocket.call(42) end },
   close_all = { function() websocket.close_all(1) end, function() websocket.close_all(1000, 42) end },
   connect = { function() websocket.connect(42) end, function() websocket.connect("ws://localhost/", { x = 1 }) end },
   connections = { function() websocket.connections("all") end },
   defer = { function() websocket.defer(42) end },
   every = { function() websocket.every(0, print) end, function() websocket.every(1) end },
   new = {
      function() websocket.new(42) end, function() websocket.new("ws://localhost/", 42) end,
      function() websocket.new("http:", print) end, function() websocket.new("ws://localhost/", print, { x = 1 }) end,
   },
   parse_url = { function() websocket.parse_url({}) end },
   poll = {
      function() websocket.poll("soon") end, function() websocket.poll(NAN) end, function() websocket.poll(0, 0) end,
   },
   set_abort_test = { function() websocket.set_abort_test(42) end },
   set_logger = { function() websocket.set_logger(42) end },
   set_error_handler = { function() websocket.set_error_handler(42) end },
   sleep = { function() websocket.sleep(-1) end, function() websocket.sleep(NAN) end },
   spawn = { function() websocket.spawn(42) end },
   to_utf8 = { function() websocket.to_utf8({}) end },
   userdata = { function() websocket.userdata(42) end },
}

-- Those that raise in a callback alone.
local WITHIN = {
   connect = function() websocket.connect("ws://localhost/") end,
   sleep = function() websocket.sleep(0) end,
   poll = function() websocket.poll() end,
   run = function() websocket.run() end,
}

-- Those that never raise.
local SILENT = {
   detach = true, fileno = true, is_abort = true, is_callable = true, next_timeout = true, now = true, stop = true,
   turn = true,
}

local ws
local METHODS = {
   close = { function() ws:close(1) end, function() ws:close(1000, 42) end },
   flush = { function() ws:flush("soon") end, function() ws:flush(NAN) end },
   opened = { function() ws:opened() end },
   ping = { function() ws:ping(("x"):rep(126)) end },
   send = { function() ws:send(42) end, function() ws:send("\255") end, function() ws:send("x", 1) end },
}

local function check(call)
   local ok, text = pcall(call)
   assert.is_false(ok)
   local place = "spec/lines_spec.lua:" .. debug.getinfo(call, "S").linedefined .. ": "
   assert.equal(place, text:sub(1, #place), text)
end

describe("An error of", function()
   after_each(client.finish)

   for name, value in pairs(websocket) do
      if type(value) == "function" and not SILENT[name] then
         it(name .. " names the script's line", function()
            assert(CALLS[name] or WITHIN[name], "no call of " .. name .. " is tested")
            for _, call in ipairs(CALLS[name] or {}) do
               check(call)
            end
         end)
      end
   end

   for name, call in pairs(WITHIN) do
      it(name .. " in a callback names the callback's line", function()
         local ok, problem
         websocket.defer(function() ok, problem = pcall(check, call) end)
         websocket.poll()
         assert.is_true(ok, problem)
      end)
   end

   for name, method in pairs(websocket._host.methods) do
      it("the method " .. name .. " names the script's line", function()
         ws = client.connect(servers.url("/echo")).ws
         check(function() method("no connection") end)
         for _, call in ipairs(METHODS[name] or {}) do
            check(call)
         end
      end)
   end
end)
