--- `websocket.attach` and `detach`: which adapter watches, and when.

local child = require "child"
local expect = require "expect"
local servers = require "servers"
local websocket = require "websocket"

describe("attach of cqueues", function()
   it("replaces a controller that has nothing to wait for, and otherwise raises", function()
      if child.run([[require "cqueues"]]).status ~= 0 then
         return pending("this Lua has no module cqueues")
      end
      local result = child.run([[
         local cqueues = require "cqueues"
         local websocket = require "websocket"
         local loop = require "websocket.loop.cqueues"
         for number = 1, 2 do
            local controller = cqueues.new()
            loop.attach(controller)
            websocket.after(0.01, function() print(number) end)
            loop.attach(controller)
            print(pcall(loop.attach, cqueues.new()))
            assert(controller:loop())
         end
         loop.detach()
         print(pcall(loop.attach))
      ]])
      assert.equal(0, result.status, result.output)
      assert.matches("^false.*another controller of cqueues is attached: call detach%(%) first\n1\nfalse.*\n2\nfalse.*"
         .. "attach needs a controller of cqueues", result.output)
   end)
end)

describe("attach", function()
   local function adapter(name)
      local made = { name = name, calls = {} }
      function made.watch(descriptor, ready)
         made.calls[#made.calls + 1] = "watch"
         made.descriptor, made.ready = descriptor, ready
      end
      function made.unwatch() made.calls[#made.calls + 1] = "unwatch" end
      return made
   end

   it("has an adapter watch only while something can come", function()
      local mine = adapter("mine")
      websocket.attach(mine)
      assert.same({}, mine.calls)
      local timer = websocket.after(1000, print)
      assert.same({ "watch" }, mine.calls)
      assert.equal(websocket.fileno(), mine.descriptor)
      websocket.defer(function() timer:cancel() end)
      mine.ready()
      assert.same({ "watch", "unwatch" }, mine.calls)
      websocket.defer(function() end)
      mine.ready()
      assert.same({ "watch", "unwatch", "watch", "unwatch" }, mine.calls)
      websocket.defer(function() end)
      websocket.detach(mine)
      assert.same({ "watch", "unwatch", "watch", "unwatch", "watch", "unwatch" }, mine.calls)
      websocket.attach(mine)
      assert.equal("watch", mine.calls[7])
      websocket.poll()
      assert.equal("unwatch", mine.calls[8])
      websocket.detach(mine)
   end)

   it("has it rest when the last timer is cancelled", function()
      local mine = adapter("mine")
      websocket.attach(mine)
      local timer = websocket.after(1000, print)
      assert.is_true(timer:cancel())
      assert.same({ "watch", "unwatch" }, mine.calls)
      assert.is_false(timer:cancel())
      websocket.detach(mine)
   end)

   it("raises what the adapter raises, and begins nothing", function()
      local mine = adapter("mine")
      local watch = mine.watch
      function mine.watch() error("no watch", 0) end
      websocket.attach(mine)
      assert.matches("no watch", expect.raised_here(function() websocket.defer(print) end))
      assert.matches("no watch", expect.raised_here(function() websocket.after(1000, print) end))
      assert.matches("no watch", expect.raised_here(function() websocket.new("ws://127.0.0.1:1/", print) end))
      assert.equal(0, websocket.connections())
      assert.equal(0, websocket.poll())
      mine.watch = watch
      websocket.defer(function() end)
      assert.same({ "watch" }, mine.calls)
      mine.ready()
      assert.same({ "watch", "unwatch" }, mine.calls)
      websocket.detach(mine)
   end)

   it("detaches one that raises", function()
      local mine, other = adapter("mine"), adapter("other")
      function mine.unwatch() error("no unwatch", 0) end
      websocket.attach(mine)
      local timer = websocket.after(1000, print)
      assert.is_false((pcall(websocket.detach, mine)))
      websocket.attach(other)
      timer:cancel()
      assert.same({ "watch", "unwatch" }, other.calls)
      websocket.detach(other)
   end)

   it("replaces one of the same name, whose file was loaded again", function()
      local old, new = adapter("mine"), adapter("mine")
      websocket.attach(old)
      local timer = websocket.after(1000, print)
      websocket.attach(new)
      assert.same({ "watch", "unwatch" }, old.calls)
      assert.same({ "watch" }, new.calls)
      websocket.detach(old) -- no effect
      timer:cancel()
      assert.same({ "watch", "unwatch" }, new.calls)
      websocket.detach(new)
   end)

   it("lets a coroutine receive where an error has ended the script's own wait", function()
      local client = require "client"
      local ws = assert(websocket.connect(servers.url("/echo")))
      websocket.set_error_handler("raise")
      websocket.defer(function() error("once", 0) end)
      assert.same({ false, "once" }, { pcall(ws.receive, ws) })
      local mine, got, problem = adapter("mine"), nil, nil
      websocket.set_error_handler(function(text) problem = text end)
      websocket.attach(mine)
      websocket.spawn(function()
         ws:send("hello")
         got = ws:receive(30)
         ws:close()
      end)
      while websocket.connections() > 0 do
         client.await_queued()
         mine.ready()
      end
      assert.is_nil(problem)
      assert.equal("hello", got)
      websocket.detach(mine)
      websocket.set_error_handler(nil)
   end)

   it("raises for what is no adapter, and for a second one", function()
      assert.equal("adapter must be a table, got nil", expect.raised_here(function() websocket.attach() end))
      assert.equal("adapter.unwatch must be a function, got nil",
         expect.raised_here(function() websocket.attach({ name = "x", watch = print }) end))
      local first = adapter("first")
      websocket.attach(first)
      assert.equal("second cannot be attached: first is attached",
         expect.raised_here(function() websocket.attach(adapter("second")) end))
      websocket.detach(adapter("third"))
      websocket.attach(first)
      websocket.detach(first)
   end)
end)
