-- What differs between Unix and Windows for rockspec/build.lua: names of files, and the commands of the shell.
--
-- Comes in: paths with forward slashes, and arguments as they are. Goes out: commands that the shell has run; the
-- process ends with a message when one fails. Knows nothing of Rust and of what is built.

local M = {}

M.is_windows = package.config:sub(1, 1) == "\\"

--- What the linker may call a library, and what Lua calls a C module.
M.library_names = M.is_windows and { "%s.dll" } or { "lib%s.so", "lib%s.dylib" }
M.module_suffix = M.is_windows and ".dll" or ".so"
M.program_suffix = M.is_windows and ".exe" or ""

--- Ends the process with a message.
function M.fail(text)
   io.stderr:write("websocket-native: ", text, "\n")
   os.exit(1)
end

local function quote_for_sh(text)
   return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- In cmd.exe no file name contains a quote, and a backslash before the closing quote would escape it for some programs.
local function quote_for_cmd(text)
   return '"' .. text:gsub("/", "\\"):gsub("\\+$", "") .. '"'
end

local quote = M.is_windows and quote_for_cmd or quote_for_sh

--- Runs a command of the shell; each %s in it takes one argument, quoted.
function M.run(command, ...)
   local arguments, used = { ... }, 0
   command = command:gsub("%%s", function()
      used = used + 1
      return quote(arguments[used])
   end)
   local result = os.execute(command)
   if result ~= true and result ~= 0 then -- Lua 5.1 returns the status
      M.fail("failed: " .. command)
   end
end

function M.exists(path)
   local file = io.open(path, "rb")
   return file ~= nil and file:close()
end

--- Makes a folder, and those above it that are missing.
function M.make_folder(path)
   if M.is_windows then
      M.run("if not exist %s mkdir %s", path, path)
   else
      M.run("mkdir -p %s", path)
   end
end

--- Copies beside the target and renames: a program that has the old file loaded keeps it whole.
function M.copy_file(from, to)
   M.make_folder((to:match("^(.*)[/\\]")))
   if M.is_windows then
      M.run("copy /b /y %s %s >nul && move /y %s %s >nul", from, to .. ".new", to .. ".new", to)
   else
      M.run("cp %s %s && mv -f %s %s", from, to .. ".new", to .. ".new", to)
   end
end

--- Copies everything inside of a folder into another folder.
function M.copy_contents(from, to)
   M.make_folder(to)
   if M.is_windows then
      M.run("xcopy /e /i /q /y %s %s >nul", from, to)
   else
      M.run("cp -R %s/. %s", from, to)
   end
end

--- Runs Cargo with these arguments, each %s as for `run`. On Unix rockspec/with-rust finds Rust and checks its version;
--- Cargo checks it, too.
function M.cargo(arguments, ...)
   if not M.is_windows then
      return M.run("sh rockspec/with-rust cargo " .. arguments, ...)
   end
   local found = os.execute("cargo --version >nul 2>nul")
   if found ~= true and found ~= 0 then
      M.fail("cargo was not found; please install Rust from https://rustup.rs and open a new window")
   end
   M.run("cargo " .. arguments, ...)
end

return M
