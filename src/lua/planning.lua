-- Calls the function by which a script plans the next attempt of a connection.
--
-- Comes in: `call` of delivery.lua, and of new.rs `make(ws, url, headers)`, which checks and keeps the plan, and
-- `hand_over(ws)`, which gives it to the connection, or tells the connection that there is none. Goes out: a function
-- for dispatch.rs. An error of the script goes to the error handler.

local call, make, hand_over = ...

local error, pcall = error, pcall

return function(ws, before, attempt)
   local ok, problem = pcall(call, function()
      local made, text = make(ws, before(attempt))
      if not made then
         error("reconnect.before returned what cannot be used: " .. text, 0)
      end
   end)
   hand_over(ws)
   if not ok then
      error(problem, 0) -- it must leave `poll`
   end
end
