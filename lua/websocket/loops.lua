-- The host's own loop: it watches a descriptor, and dispatches when that is readable.
--
-- Comes in: `engine`, the functions of the host, `waiting`, and an adapter, which knows one kind of loop. Goes out:
-- calls of the adapter, which watches while something can come, so that a loop that waits for nothing else can end.

local error, format, ipairs, pcall, type = error, string.format, ipairs, pcall, type

local function make(engine, waiting)
   local expected, fileno, is_dispatching, poll, waits =
      engine.expected, engine.fileno, engine.is_dispatching, engine.poll, engine.waits

   local M = {}

   -- The adapter that is attached, and whether it watches.
   local adapter
   local watches = false

   local function unwatch()
      watches = false
      adapter.unwatch()
   end

   -- Dispatches what waits. A loop that runs inside a callback calls this, too; what waits is then left to the poll
   -- that has called back.
   local function ready()
      if not watches or is_dispatching() then
         return
      end
      waiting.forget()
      local ok, problem = poll(0)
      if not ok then
         unwatch()
         error(problem, 0)
      end
   end

   --- Has the adapter watch, because something can come from now on. Returns true, or false and the error.
   function M.begin()
      if not adapter or watches then
         return true
      end
      local ok, descriptor = fileno()
      if not ok then
         return false, descriptor
      end
      watches = true
      local problem
      ok, problem = pcall(adapter.watch, descriptor, ready)
      watches = ok
      return ok, problem
   end

   --- Has the adapter rest if nothing can come any more. Called after each poll.
   function M.rest()
      if watches and expected() == 0 then
         local ok, answer = waits()
         if ok and not answer then
            unwatch()
         end
      end
   end

   function M.attach(new)
      if type(new) ~= "table" then
         return false, "adapter must be a table, got " .. type(new)
      end
      for _, field in ipairs({ "name", "watch", "unwatch" }) do
         local wanted = field == "name" and "string" or "function"
         if type(new[field]) ~= wanted then
            return false, format("adapter.%s must be a %s, got %s", field, wanted, type(new[field]))
         end
      end
      if adapter == new then
         return true
      elseif adapter and adapter.name ~= new.name then
         return false, format("%s cannot be attached: %s is attached", new.name, adapter.name)
      end
      local ok, problem = fileno()
      if not ok then
         return false, problem
      end
      if adapter then
         M.detach(adapter) -- of the same name: its file was loaded again
      end
      adapter = new
      waiting.set_adapter(new)
      local answered, work = waits()
      if expected() > 0 or answered and work then
         ok, problem = M.begin()
         if not ok then
            adapter = nil
            waiting.set_adapter(nil)
            return false, problem
         end
      end
      return true
   end

   function M.detach(old)
      if adapter and adapter == old then
         local watched = watches
         watches, adapter = false, nil
         waiting.set_adapter(nil)
         if watched then
            old.unwatch()
         end
      end
      return true
   end

   return M
end

return make
