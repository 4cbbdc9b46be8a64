-- Builds the engine for the Lua that runs this script; called by LuaRocks and scripts/, in the project's folder.
--
--   lua rockspec/build.lua build                           stages target/lua/VERSION/websocket/core.so
--   lua rockspec/build.lua client                          builds target/release/websocket, the command-line client
--   lua rockspec/build.lua install LUADIR LIBDIR BINDIR    copies both and everything under lua/
--   lua rockspec/build.lua test                            runs the specs on this Lua
--
-- On Windows the files are core.dll and websocket.exe.
--
-- All Luas share one cargo target folder: only mlua and the engine itself are compiled again for the next Lua. The
-- client contains no Lua, and is built once for all.

local system = dofile("rockspec/system.lua")

local features = {
   ["Lua 5.1"] = "lua51", -- LuaJIT says 5.1 too, and loads the same module
   ["Lua 5.2"] = "lua52",
   ["Lua 5.3"] = "lua53",
   ["Lua 5.4"] = "lua54",
   ["Lua 5.5"] = "lua55",
}
local lua_version = _VERSION:match("%d+%.%d+")
local module_file = "/websocket/core" .. system.module_suffix
local staged = "target/lua/" .. lua_version .. module_file
local program_file = "/websocket" .. system.program_suffix
local client = "target/release" .. program_file

local function build()
   local feature = features[_VERSION] or system.fail("no build for " .. _VERSION)
   system.cargo("rustc --release --locked --target-dir target --lib --crate-type cdylib --features %s", feature)
   for _, name in ipairs(system.library_names) do
      local built = "target/release/" .. name:format("websocket_core")
      if system.exists(built) then
         return system.copy_file(built, staged)
      end
   end
   system.fail("cargo left no module in target/release; is build.target set in cargo's configuration?")
end

local function build_client()
   system.cargo("build --release --locked --target-dir target -p websocket-cli")
end

local function install(lua_dir, lib_dir, bin_dir)
   if not (lua_dir and lib_dir and bin_dir) then
      system.fail("install needs three folders: for Lua files, for the module, and for the command-line client")
   end
   system.copy_contents("lua", lua_dir)
   system.copy_file(staged, lib_dir .. module_file)
   system.copy_file(client, bin_dir .. program_file)
end

local function test()
   if system.is_windows then
      system.fail("the specs need a Unix system")
   end
   local name = rawget(_G, "jit") and (arg[-1]:match("luajit%-rolling$") or "luajit") or lua_version
   system.run("LUAS=%s scripts/test specs", name)
end

local commands = { build = build, client = build_client, install = install, test = test }
local command = commands[arg[1]]
   or system.fail("usage: lua rockspec/build.lua build | client | install LUADIR LIBDIR BINDIR | test")
command(arg[2], arg[3], arg[4])
