# The Luas are named 5.1, 5.2, 5.3, 5.4, 5.5, luajit and luajit-rolling. Sourced, after tools.sh where a Lua may have to
# be installed.
#
# luajit-rolling is the newest LuaJIT, which is developed as a rolling release; Debian 12 has the LuaJIT of 2022. It and
# Lua 5.5 are compiled from their sources into target/luas, the others are installed.
source scripts/lib/lua-sources.sh
all_luas="5.1 5.2 5.3 5.4 5.5 luajit luajit-rolling"
PATH=$PWD/target/luas:$PATH

lua_command() { [[ $1 == luajit* ]] && echo "$1" || echo "lua$1"; }

# Every LuaJIT loads the module of Lua 5.1.
lua_version() { [[ $1 == luajit* ]] && echo 5.1 || echo "$1"; }

is_compiled_here() { [[ $1 == 5.5 || $1 == luajit-rolling ]]; }

# need_lua NAME: asks for what the Lua needs; after install_missing, make_lua NAME compiles it where that is to be done.
need_lua() { if is_compiled_here "$1"; then need_lua_compiler; else need_command "$(lua_command "$1")"; fi; }

make_lua() {
  ! is_compiled_here "$1" || build_lua "${1%-rolling}" "target/luas/$(lua_command "$1")" cc
}

# Lua 5.4, or the newest Lua that is installed.
newest_lua() {
  for name in 5.4 5.5 5.3 5.2 5.1 luajit; do
    command -v "$(lua_command "$name")" >/dev/null && { echo "$name"; return; }
  done
  echo 5.4
}

# with_lua NAME ARGUMENTS...: runs a Lua that finds the Lua files of this tree and the module built for it first, and
# its name in LUA_NAME. LUA_PROGRAM replaces the interpreter, and LUA_MODULES the folder target/lua of this tree.
# A run that hangs is killed after LUA_LIMIT seconds, by default 15 minutes.
with_lua() {
  local name=$1 lua version suffix path_name cpath_name
  lua=${LUA_PROGRAM:-$(lua_command "$1")} version=$(lua_version "$1")
  shift
  suffix=_${version/./_}
  [[ $version == 5.1 ]] && suffix="" # from 5.2 on a variable with the version in its name wins
  path_name=LUA_PATH$suffix cpath_name=LUA_CPATH$suffix
  local path=${!path_name:-${LUA_PATH:-}} cpath=${!cpath_name:-${LUA_CPATH:-}}
  timeout --foreground --kill-after=10 "${LUA_LIMIT:-900}" env LUA_NAME="$name" \
    "$path_name=$PWD/lua/?.lua;$PWD/lua/?/init.lua;${path:-;}" \
    "$cpath_name=$PWD/${LUA_MODULES:-target/lua}/$version/?.so;${cpath:-;}" "$lua" "$@"
}
