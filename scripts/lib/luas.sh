# The Luas are named 5.1, 5.2, 5.3, 5.4, 5.5 and luajit. Sourced.

lua_command() { [[ $1 == luajit ]] && echo luajit || echo "lua$1"; }

# LuaJIT loads the module of Lua 5.1.
lua_version() { [[ $1 == luajit ]] && echo 5.1 || echo "$1"; }

# The newest Lua that is installed, of those that are tested.
newest_lua() {
  for name in 5.4 5.3 5.2 5.1 luajit; do
    command -v "$(lua_command "$name")" >/dev/null && { echo "$name"; return; }
  done
  echo 5.4
}

# with_lua NAME ARGUMENTS...: runs a Lua that finds the Lua files of this tree and the module built for it first.
# LUA_PROGRAM replaces the interpreter, and LUA_MODULES the folder target/lua of this tree.
# A run that hangs is killed after LUA_LIMIT seconds, by default 15 minutes.
with_lua() {
  local lua version suffix path_name cpath_name
  lua=${LUA_PROGRAM:-$(lua_command "$1")} version=$(lua_version "$1")
  shift
  suffix=_${version/./_}
  [[ $version == 5.1 ]] && suffix="" # from 5.2 on a variable with the version in its name wins
  path_name=LUA_PATH$suffix cpath_name=LUA_CPATH$suffix
  local path=${!path_name:-${LUA_PATH:-}} cpath=${!cpath_name:-${LUA_CPATH:-}}
  timeout --foreground --kill-after=10 "${LUA_LIMIT:-900}" env "$path_name=$PWD/lua/?.lua;$PWD/lua/?/init.lua;${path:-;}" \
    "$cpath_name=$PWD/${LUA_MODULES:-target/lua}/$version/?.so;${cpath:-;}" "$lua" "$@"
}
