-- Builds the engine for the Lua that runs this script; called by LuaRocks and scripts/, in the project's folder.
--
--   lua rockspec/build.lua build                           stages target/lua/VERSION/websocket/core.so
--   lua rockspec/build.lua client                          builds target/release/websocket, the command-line client
--   lua rockspec/build.lua install LUADIR LIBDIR BINDIR    copies both and everything under lua/
--   lua rockspec/build.lua test                            runs the specs on this Lua
--
-- All Luas share one cargo target folder: only mlua and the engine itself are compiled again for the next Lua. The
-- client contains no Lua, and is built once for all.

local features = {
   ["Lua 5.1"] = "lua51", -- LuaJIT says 5.1 too, and loads the same module
   ["Lua 5.2"] = "lua52",
   ["Lua 5.3"] = "lua53",
   ["Lua 5.4"] = "lua54",
   ["Lua 5.5"] = "lua55",
}
local lua_version = _VERSION:match("%d+%.%d+")
local staged = "target/lua/" .. lua_version .. "/websocket/core.so"
local client = "target/release/websocket"

local function fail(text)
   io.stderr:write("websocket-native: ", text, "\n")
   os.exit(1)
end

local function quote(text)
   return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function exists(path)
   local file = io.open(path, "rb")
   return file ~= nil and file:close()
end

-- Runs a shell command; each %s in it takes one argument, quoted.
local function run(command, ...)
   local arguments, used = { ... }, 0
   command = command:gsub("%%s", function()
      used = used + 1
      return quote(arguments[used])
   end)
   local result = os.execute(command)
   if result ~= true and result ~= 0 then -- Lua 5.1 returns the status
      fail("failed: " .. command)
   end
end

-- Copies beside the target and renames: a program that has the old file loaded keeps it whole.
local function copy_file(from, to)
   run("mkdir -p %s", to:match("^(.*)/"))
   run("cp %s %s && mv -f %s %s", from, to .. ".new", to .. ".new", to)
end

local function build()
   local feature = features[_VERSION] or fail("no build for " .. _VERSION)
   run("sh rockspec/with-rust cargo rustc --release --locked --target-dir target --lib --crate-type cdylib"
      .. " --features %s", feature)
   for _, suffix in ipairs({ "so", "dylib" }) do
      local built = "target/release/libwebsocket_core." .. suffix
      if exists(built) then
         return copy_file(built, staged)
      end
   end
   fail("cargo left no module in target/release; is build.target set in cargo's configuration?")
end

local function build_client()
   run("sh rockspec/with-rust cargo build --release --locked --target-dir target -p websocket-cli")
end

local function install(lua_dir, lib_dir, bin_dir)
   if not (lua_dir and lib_dir and bin_dir) then
      fail("install needs three folders: for Lua files, for the module, and for the command-line client")
   end
   run("mkdir -p %s && cp -R lua/. %s", lua_dir, lua_dir)
   copy_file(staged, lib_dir .. "/websocket/core.so")
   copy_file(client, bin_dir .. "/websocket")
end

local function test()
   local name = rawget(_G, "jit") and (arg[-1]:match("luajit%-rolling$") or "luajit") or lua_version
   run("LUAS=%s scripts/test specs", name)
end

local commands = { build = build, client = build_client, install = install, test = test }
local command = commands[arg[1]]
   or fail("usage: lua rockspec/build.lua build | client | install LUADIR LIBDIR BINDIR | test")
command(arg[2], arg[3], arg[4])
