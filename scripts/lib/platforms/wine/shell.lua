-- Replaces io.popen and os.execute in a Lua that runs in Wine by functions that run commands of the Unix shell, as the
-- specs want them. Run by busted.lua.
--
-- Comes in: the variables UNIX_SHELL, by which shell.c finds shell.py, and BUSTED_LIBRARIES, which contains shell.c.

local core = assert(package.loadlib(assert(os.getenv("BUSTED_LIBRARIES")), "luaopen_shell"))()

local Pipe = {}
Pipe.__index = Pipe

-- Receives until the condition holds or the command has ended; returns whether it holds.
local function receive_until(pipe, condition)
   while not condition() do
      local bytes = core.receive(pipe.connection)
      if not bytes then
         return condition()
      end
      pipe.received = pipe.received .. bytes
   end
   return true
end

-- Programs for Windows end lines with CR LF, and the pipes of Windows' own io.popen make LF of that.
local function take(pipe, count)
   local text = pipe.received:sub(1, count):gsub("\r\n", "\n")
   pipe.received = pipe.received:sub(count + 1)
   return text
end

function Pipe:read(what)
   what = (what or "l"):gsub("^%*", "")
   if what == "a" then
      receive_until(self, function() return false end)
      return take(self, #self.received)
   end
   assert(what == "l", "a pipe of the shell reads lines or everything")
   if receive_until(self, function() return self.received:find("\n", 1, true) end) then
      return (take(self, self.received:find("\n", 1, true)):gsub("\n$", ""))
   end
   return #self.received > 0 and take(self, #self.received) or nil
end

function Pipe:lines()
   return function()
      return self:read("l")
   end
end

function Pipe:write(...)
   for _, text in ipairs({ ... }) do
      core.send(self.connection, tostring(text))
   end
   return self
end

function Pipe:flush()
   return self
end

function Pipe:close()
   core.close(self.connection)
   return true
end

function io.popen(command, mode) -- luacheck: ignore 122
   return setmetatable({ connection = core.open(mode or "r", command), received = "" }, Pipe)
end

function os.execute(command) -- luacheck: ignore 122
   local pipe = setmetatable({ connection = core.open("e", command), received = "" }, Pipe)
   local status = tonumber(pipe:read("*a"))
   pipe:close()
   if _VERSION == "Lua 5.1" then
      return status
   end
   return status == 0 or nil, "exit", status
end
