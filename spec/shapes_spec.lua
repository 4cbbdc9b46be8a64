-- What holds for every shape, and what differs between them.
local all_shapes = require "all_shapes"
local client = require "client"
local engine = require "engine"
local servers = require "servers"
local steps = require "steps"
local websocket = require "websocket"

local names = {}
for index, shape in ipairs(all_shapes) do
   names[index] = shape.name
end

-- Starts a connection of a shape. The log has what its listener was called with, as `{kind, value}`.
local function start(shape, url, options)
   local log = {}
   local connection = shape.start(url, function(kind, value)
      log[#log + 1] = { kind, value }
   end, options)
   return connection, log
end

local function find(log, kind)
   for _, entry in ipairs(log) do
      if entry[1] == kind then
         return entry
      end
   end
end

local function wait_for(log, kind)
   return engine.wait(function()
      return find(log, kind)
   end)
end

-- Returns the log as a text, such as "open message closed:1000".
local function summary(log)
   local parts = {}
   for index, entry in ipairs(log) do
      parts[index] = entry[1] .. (type(entry[2]) == "number" and ":" .. entry[2] or "")
   end
   return table.concat(parts, " ")
end

local function open(shape, url, options)
   local connection, log = start(shape, url, options)
   wait_for(log, "open")
   return connection, log
end

-- Sends a text and returns what became of it.
local function outcome(connection, log, text)
   local at_once = connection.send(text)
   return at_once or wait_for(log, "answer")[2]
end

describe("every shape", function()
   before_each(engine.watch)
   after_each(engine.finish)

   for _, shape in ipairs(all_shapes) do
      describe("(" .. shape.name .. ")", function()
         it("calls back in poll and run only, never inside a create, connect, send, close or call", function()
            local polling, outside, heard = true, 0, 0
            local function on()
               heard = heard + 1
               outside = outside + (polling and 0 or 1)
            end
            local function flow(url)
               local connection = shape.start(url, on, { max_buffered = 1 })
               polling = false
               connection.send "early"
               client.await_queued()
               connection.send "again"
               polling = true
               websocket.poll()
               polling = false
               connection.send "a\255"
               connection.close()
               connection.close()
               connection.send "late"
               polling = true
               websocket.run()
               polling = false
               connection.send "later"
               connection.close()
               polling = true
               websocket.poll()
            end
            flow(servers.url "/echo")
            flow(servers.url("/", nil, "refused"))
            flow(servers.url "/close")
            assert.equal(0, outside)
            assert.is_true(heard > 2)
         end)

         it("goes on after each callback that raises, and reports to the error handler", function()
            local problems = 0
            websocket.set_error_handler(function(problem)
               problems = problems + 1
               assert.matches("mine$", tostring(problem))
            end)
            for _, url in ipairs {
               servers.script { "status101", steps.text "one", steps.text "two", steps.close(1000), "await-close" },
               servers.url("/", nil, "refused"),
            } do
               local heard, plain = {}, {}
               shape.start(url, function(kind)
                  plain[#plain + 1] = kind
               end)
               websocket.run()
               problems = 0
               shape.start(url, function(kind)
                  heard[#heard + 1] = kind
                  error "mine"
               end)
               websocket.run()
               assert.same(plain, heard)
               assert.equal(#heard, problems)
               assert.is_true(#heard > 0)
            end
         end)

         it("reports everything up to the end to a script that continues after Ctrl-C in any callback", function()
            for _, url in ipairs {
               servers.script {
                  "status101", steps.text "one", steps.text "two", steps.frame(0x83, "x"), "await-close",
               },
               servers.url("/", nil, "refused"),
            } do
               local heard, plain, interrupts = {}, {}, 0
               shape.start(url, function(kind)
                  plain[#plain + 1] = kind
               end)
               websocket.run()
               shape.start(url, function(kind)
                  heard[#heard + 1] = kind
                  error("interrupted!", 0)
               end)
               while not pcall(websocket.run) do
                  interrupts = interrupts + 1
               end
               assert.same(plain, heard)
               assert.equal(#heard, interrupts)
            end
         end)

         -- A connection of Hammerspoon's shape closes, as hammerspoon_defaults_spec.lua shows.
         if shape.name ~= "Hammerspoon" then
            it("keeps a live connection that the script no longer refers to", function()
               local log = {}
               do
                  local program = { "status101", "sleep:150", steps.text "late", steps.close(1000), "await-close" }
                  shape.start(servers.script(program), function(kind) log[#log + 1] = kind end)
               end
               collectgarbage()
               collectgarbage()
               engine.wait_count(log, 1)
               collectgarbage()
               collectgarbage()
               websocket.run()
               assert.same({ "open", "message", "closed" }, log)
            end)
         end

         it("reports codes as integers, and one end only", function()
            for _, url in ipairs { servers.url("/close", { code = 4000 }), servers.url "/drop?after=0" } do
               local _, log = start(shape, url)
               websocket.run()
               local closed = 0
               for _, entry in ipairs(log) do
                  closed = closed + (entry[1] == "closed" and 1 or 0)
                  if type(entry[2]) == "number" then
                     assert.matches("^%d+$", tostring(entry[2]))
                  end
               end
               assert.equal(1, closed)
            end
         end)
      end)
   end

   it("is driven by one poll, in order of arrival", function()
      local order, connections, tokens = {}, {}, {}
      for index, shape in ipairs(all_shapes) do
         tokens[index] = servers.token()
         local opened
         connections[index] = shape.start(servers.url("/echo", { token = tokens[index] }), function(kind, value)
            opened = opened or kind == "open"
            if kind == "message" then
               order[#order + 1] = value
            end
         end)
         engine.wait(function() return opened end)
      end
      local sent = {}
      for turn = 0, 11 do -- forwards, then backwards
         local index = turn < 6 and turn + 1 or 12 - turn
         sent[#sent + 1] = names[index] .. turn
         connections[index].send(sent[#sent])
         servers.await(tokens[index], "messages:" .. (turn < 6 and 1 or 2))
      end
      engine.wait_count(order, 12)
      assert.same(sent, order)
   end)

   it("sets no global, neither when it is loaded nor when it is used", function()
      local set = {}
      local before = getmetatable(_G)
      for name in pairs(package.loaded) do
         if name:find "^websocket%." and name ~= "websocket.core" or name == "all_shapes" then
            package.loaded[name] = nil
         end
      end
      setmetatable(_G, { __newindex = function(_, name) set[#set + 1] = name end })
      local ok, problem = pcall(function()
         for _, shape in ipairs(require "all_shapes") do
            local connection, log = start(shape, servers.url "/echo")
            wait_for(log, "open")
            connection.send "hello"
            wait_for(log, "message")
            connection.close()
            websocket.run()
         end
      end)
      setmetatable(_G, before)
      assert(ok, problem)
      assert.same({}, set)
   end)
end)

-- One row for each shape, in the order of `all_shapes`.
local function each(expected, check)
   for index, shape in ipairs(all_shapes) do
      check(shape, expected[index], shape.name)
   end
end

describe("the shapes differ in", function()
   before_each(engine.watch)
   after_each(engine.finish)

   it("what becomes of a text that is not UTF-8", function()
      local mended = "a\239\191\189b"
      each({
         { "raised" }, { "ignored", mended }, { "ignored", mended }, { "refused" }, { "refused" }, { "raised" },
      }, function(shape, expected, name)
         local connection, log = open(shape, servers.url "/echo")
         assert.equal(expected[1], outcome(connection, log, "a\255b"), name)
         connection.close()
         websocket.run()
         local message = find(log, "message")
         if expected[2] and shape.name ~= "WHATWG" then -- which drops messages that arrive after close
            assert.equal(expected[2], message and message[2], name)
         elseif not expected[2] then
            assert.is_nil(message, name)
         end
      end)
   end)

   it("what becomes of a message that would exceed max_buffered, and of the connection", function()
      each({
         { "refused", "open" },
         { "ignored", "open" },
         { "ignored", "open error closed:1006" },
         { "refused", "open" },
         { "refused", "open" },
         { "ignored", "open error" },
      }, function(shape, expected, name)
         local connection, log = open(shape, servers.url "/stall", { max_buffered = 1 })
         local megabytes = ("x"):rep(16 * 1024 * 1024)
         outcome(connection, log, megabytes)
         if log[2] then
            log[2] = nil -- Overwolf's answer
         end
         assert.equal(expected[1], outcome(connection, log, megabytes), name)
         client.poll_until(function()
            return summary(log):gsub(" answer", "") == expected[2]
         end)
         assert.equal(expected[2], (summary(log):gsub(" answer", "")), name)
         engine.made().ws:terminate()
         websocket.run()
      end)
   end)

   it("what they report of a close while connecting", function()
      each({ "closed:1006", "closed", "error closed:1006", "answer closed:1006", "closed:1006", "closed" },
         function(shape, expected, name)
            local connection, log = start(shape, servers.url("/", nil, "silent"))
            connection.close()
            assert.equal("", summary(log), name)
            websocket.run()
            assert.equal(expected, summary(log), name)
         end)
   end)

   it("what becomes of a send before open", function()
      each({
         { "taken", true }, { "ignored" }, { "raised" }, { "refused" }, { "refused" }, { "ignored", true },
      }, function(shape, expected, name)
         local token = servers.token()
         local connection, log = start(shape, servers.url("/echo", { token = token }))
         assert.equal(expected[1], outcome(connection, log, "early"), name)
         wait_for(log, "open")
         if expected[2] then
            wait_for(log, "message")
         end
         connection.close()
         websocket.run()
         assert.equal(expected[2] and 1, client.report(token, "close").messages, name)
      end)
   end)

   it("what becomes of a send after the end", function()
      each({ "refused", "ignored", "ignored", "refused", "refused", "ignored" }, function(shape, expected, name)
         local connection, log = start(shape, servers.url "/close")
         websocket.run()
         local before = summary(log)
         assert.equal(expected, outcome(connection, log, "late"), name)
         websocket.poll()
         assert.equal(before, (summary(log):gsub(" answer", "")), name)
      end)
   end)

   it("what becomes of a message that arrives after their own close", function()
      each({ true, true, false, true, true, true }, function(shape, expected, name)
         local connection, log = open(shape, servers.script {
            "status101", "await-close", steps.text "late", steps.close(1000),
         })
         connection.close()
         websocket.run()
         assert.equal(expected, find(log, "message") ~= nil, name)
      end)
   end)

   it("the code of a close without arguments", function()
      each({ 1000, 1000, 1005, 1000, 1000, 1000 }, function(shape, expected, name)
         local token = servers.token()
         local connection = open(shape, servers.url("/echo", { token = token }))
         connection.close()
         websocket.run()
         assert.equal(expected, client.report(token, "close").close, name)
      end)
   end)

   it("what they report of a connection that fails, and of a server that breaks the protocol", function()
      local violation = servers.script { "status101", steps.frame(0x83, "x"), "await-close" }
      each({
         { "error", "open closed:1002" },
         { "error", "open closed" },
         { "error closed:1006", "open error closed:1006" },
         { "answer error closed:1006", "open error closed:1006" },
         { "error closed:1006", "open error closed:1006" },
         { "error closed", "open error closed" },
      }, function(shape, expected, name)
         local _, failed = start(shape, servers.url("/", nil, "refused"))
         local _, broken = start(shape, violation)
         websocket.run()
         assert.equal(expected[1], summary(failed), name)
         assert.equal(expected[2], summary(broken), name)
      end)
   end)

   it("what they report of an end of the stream without a Close", function()
      each({ "closed:1006", "closed", "closed:1006", "closed:1006", "closed:1006", "closed" },
         function(shape, expected, name)
            local _, log = start(shape, servers.url("/drop", { after = 0 }))
            websocket.run()
            assert.equal("open " .. expected, summary(log), name)
         end)
   end)

   it("what they report of a reset without a Close", function()
      each({ "error", "error", "closed:1006", "error closed:1006", "error closed:1006", "error closed" },
         function(shape, expected, name)
            local _, log = start(shape, servers.url("/reset", { after = 0 }))
            websocket.run()
            assert.equal("open " .. expected, summary(log), name)
         end)
   end)
end)
