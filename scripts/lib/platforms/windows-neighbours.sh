# Checks several Luas in one process on Windows. Sourced by windows-x86_64.sh, after windows-lua.sh and windows-ends.sh.

# loads VERSION: code that loads the module for this version, and calls it.
loads() {
  echo "package.path = '$PWD/lua/?.lua;$PWD/lua/?/init.lua' package.cpath = '$PWD/$platform_folder/lua/$1/?.dll'" \
    "local websocket = require 'websocket' assert(websocket.run() == nil)"
}

# refuses VERSION: code that tries the same, and gets the error that says why it cannot be.
refuses() {
  echo "local ok, text = pcall(function() $(loads "$1") end)" \
    "assert(not ok and text:find('finds no functions of its version of Lua', 1, true), text)"
}

# opens VERSION: code that has a C library open the module.
opens() {
  echo "package.cpath = '$PWD/$platform_folder/?.dll'" \
    "assert(package.loadlib('$PWD/$(platform_module "$1")', '*'))" \
    "local opener = require 'opener' package.loaded['websocket.core'] = opener $(loads "$1")"
}

# check_neighbours: Lua 5.4, another Lua 5.4, and LuaJIT, each pair in one process. The module must take no functions
# but those of the Lua that calls it: with others it would crash.
check_neighbours() {
  local lua54=$PWD/$platform_folder/luas/5.4/lua54.dll other54=$PWD/$platform_folder/luas/5.4/renamed/engine.dll
  local luajit=$PWD/$platform_folder/luas/luajit/lua51.dll nothing="assert(_VERSION)"
  step "$platform: several Luas in one process"
  build_windows_program neighbours.c "$platform_folder/neighbours.exe"
  build_windows_program opener.c "$platform_folder/opener.dll" -shared
  cp "$platform_folder/luas/5.4/bcryptprimitives.dll" "$platform_folder"
  check_neighbour "each with its module" "$lua54" "$(loads 5.4)" "$luajit" "$(loads 5.1)"
  check_neighbour "the module for the other one" "$luajit" "$nothing" "$lua54" "$(refuses 5.1)"
  check_neighbour "the module that the other one has" "$luajit" "$(loads 5.1)" "$lua54" "$(refuses 5.1)"
  check_neighbour "two of one version" "$lua54" "$(loads 5.4)" "$other54" "$(refuses 5.4)" "$lua54" "$(loads 5.4)"
  check_neighbour "a C library that opens the module" "$lua54" "$nothing" "$other54" "$(opens 5.4)" \
    "$lua54" "$(refuses 5.4)"
  check_neighbour "a C library that opens it for the other one" "$lua54" "$nothing" "$luajit" "$(opens 5.1)" \
    "$lua54" "$(refuses 5.1)"
}

# check_neighbour WHAT DLL CODE [DLL CODE...]
check_neighbour() {
  local what=$1 passed=1 failed=0
  shift
  timeout 60 wine "$platform_folder/neighbours.exe" "$@" || passed=0 failed=1
  ((failed)) || echo "$what: right"
  record_run "" "several Luas in one process" "$passed" "$failed"
}
