rockspec_format = "3.0"
package = "websocket-native"
version = "dev-1"

-- This rockspec builds the tree it lies in: `luarocks make`, in the project's folder.
source = {
   url = "git+file://.",
}

description = {
   summary = "A WebSocket client for Lua 5.1 to 5.5 and LuaJIT",
   detailed = [[
A WebSocket client (RFC 6455) over ws and wss that works in the background and calls back when the script polls.
The engine is written in Rust: building needs cargo and rustc 1.88 or newer, and a C compiler; no C library and
no other rock.]],
   license = "MIT",
   labels = { "websocket", "network", "tls" },
}

supported_platforms = { "unix", "windows" }

dependencies = {
   "lua >= 5.1",
}

-- $(LUA) is the interpreter that the rock is for; the build script asks it which Lua it is. CC is what LuaRocks would
-- compile C with: cargo finds the compiler by itself, and would build every C part anew for another CC.
build = {
   type = "command",
   build_command = 'unset CC; "$(LUA)" rockspec/build.lua build && "$(LUA)" rockspec/build.lua client',
   install_command = '"$(LUA)" rockspec/build.lua install "$(LUADIR)" "$(LIBDIR)" "$(BINDIR)"',
   platforms = {
      windows = {
         build_command = 'set "CC=" & "$(LUA)" rockspec/build.lua build && "$(LUA)" rockspec/build.lua client',
      },
   },
}

test = {
   type = "command",
   script = "rockspec/build.lua",
   flags = { "test" },
}
