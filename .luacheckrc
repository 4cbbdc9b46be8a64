-- Allows every global of Lua 5.1 to 5.4, which are those of 5.5, too, and of LuaJIT. The specs show that a file runs on
-- all of them.
std = "max"
max_line_length = 120
exclude_files = { "target", ".cache", "**/node_modules" }
files["spec"] = { std = "max+busted" }
files["lua/websocket/types"] = { ignore = { "631" } }
files["lua/websocket/types.lua"] = { ignore = { "212", "241", "631" } } -- declarations without bodies
files["scripts/lib/load.lua"] = { read_globals = { "host" } } -- of the program that runs it
files["scripts/lib/malformed.lua"] = { read_globals = { "host" } }
-- Of the programs that they are written for.
for _, folder in ipairs({ "examples/hosts", "scripts/lib/blocks", "scripts/lib/hosts", "scripts/lib/package" }) do
   files[folder] = { globals = { "awesome", "core", "Listener", "love", "mp", "vim" } }
end
