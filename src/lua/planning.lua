-- Calls the function by which a script plans the next attempt of a connection.
--
-- Comes in: `call` of delivery.lua, and of new.rs `make(ws, url, headers)`, which checks and keeps the plan, and
-- `hand_over(ws)`, which gives it to the connection, or tells that there is none. Goes out: a function for dispatch.rs.
-- An error of the script goes to the error handler. If one leaves `poll`, the host tells the connection that there is
-- no plan.

local call, make, hand_over = ...

local error = error

local function ask(ws, before, attempt)
   local made, text = make(ws, before(attempt))
   if not made then
      error("reconnect.before returned what cannot be used: " .. text, 0)
   end
end

return function(ws, before, attempt)
   call(ask, ws, before, attempt)
   hand_over(ws)
end
