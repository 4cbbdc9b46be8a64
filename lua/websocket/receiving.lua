-- Connections whose messages wait until the script receives them: `connect`, `opened`, `receive` and `messages`.
--
-- Comes in: `engine`, the functions of the host, and `waiting`, how code waits. Goes out: functions for init.lua. The
-- engine calls `arrived` for each event of a connection without a callback.

local error, pcall, type = error, pcall, type
local format, max = string.format, math.max

local function make(engine, waiting)
   local how_far, new, now, take = engine.how_far, engine.new, engine.now, engine.take
   local notify, wait = waiting.notify, waiting.wait

   local M = {}

   -- The signal of the code that waits for a connection.
   local signals = {}

   function M.arrived(event, _, _, ws)
      local signal = signals[ws]
      if signal then
         signal.opened = signal.opened or event == "open"
         if event == "closed" or event == "fail" then
            signals[ws] = nil
         end
         notify(signal)
      end
   end

   -- Waits until something happens on a connection, up to `timeout` seconds. Returns true and the signal.
   local function wait_for(ws, timeout, method)
      local before = signals[ws]
      if before and waiting.is_awaited(before) then
         return false, format("%s: another coroutine receives from this connection already", method)
      end
      local signal = {}
      signals[ws] = signal
      local ok, problem = wait(signal, timeout)
      signals[ws] = nil
      if not ok then
         return false, method .. " " .. problem
      end
      return true, signal
   end

   local function receive(ws, timeout, method)
      local deadline = timeout and now() + timeout
      local has_waited = false
      while true do
         local message, kind = take(ws)
         if message then
            return true, message, kind
         elseif message == false then
            local ok, state, text, code, number = how_far(ws, method)
            if not ok then
               return false, state
            elseif state == "over" then
               return true, nil, text, code, number
            end
         end
         local left = deadline and max(deadline - now(), 0)
         if left == 0 and (has_waited or waiting.problem()) then
            return true, nil, "no message arrived in time", "timeout"
         end
         has_waited = true
         local ok, problem = wait_for(ws, left, method)
         if not ok then
            return false, problem
         end
      end
   end

   -- Returns true and a time-out that is not negative, or false and a text.
   local function checked(timeout)
      if timeout == nil then
         return true
      elseif type(timeout) ~= "number" or timeout ~= timeout then
         local got = type(timeout) == "number" and "nan" or type(timeout)
         return false, "timeout must be a number of seconds, got " .. got
      end
      return true, max(timeout, 0)
   end

   function M.receive(ws, timeout)
      local ok, seconds = checked(timeout)
      if not ok then
         return false, seconds
      end
      return receive(ws, seconds, "receive")
   end

   local function next_message(ws)
      local message, kind = take(ws)
      if message then
         return message, kind
      end
      local problem = message == nil and waiting.problem_in_for()
      local ok
      if not problem then
         ok, message, kind = receive(ws, nil, "messages")
      end
      if not ok then
         error(problem or message, 2)
      elseif message then
         return message, kind
      end
   end

   function M.messages(ws)
      local ok, problem = how_far(ws, "messages")
      if not ok then
         return false, problem
      end
      return true, next_message, ws
   end

   -- Waits until a connection is open or over.
   local function open(ws, timeout, method)
      local deadline = timeout and now() + timeout
      local has_waited, signal = false, nil
      while true do
         local ok, state, text, code = how_far(ws, method)
         if not ok then
            return false, state
         elseif state == "open" or signal and signal.opened then
            return true, ws
         elseif state == "over" then
            return true, nil, text, code
         end
         local left = deadline and max(deadline - now(), 0)
         if left == 0 and (has_waited or waiting.problem()) then
            return true, nil, "the connection did not open in time", "timeout"
         end
         has_waited = true
         ok, signal = wait_for(ws, left, method)
         if not ok then
            return false, signal
         end
      end
   end

   function M.opened(ws, timeout)
      local ok, seconds = checked(timeout)
      if not ok then
         return false, seconds
      end
      return open(ws, seconds, "opened")
   end

   function M.connect(url, options)
      local problem = waiting.problem()
      if problem then
         return false, "connect " .. problem
      end
      local ok, ws = new(url, nil, options)
      if not ok then
         return false, ws
      end
      if not waiting.runs_loop() then
         return open(ws, nil, "connect")
      end
      local is_done, first, second, third, fourth = pcall(open, ws, nil, "connect")
      if not is_done then
         ws:terminate() -- an error has left the loop, so nobody will ever have the connection
         error(first, 0)
      end
      return first, second, third, fourth
   end

   return M
end

return make
