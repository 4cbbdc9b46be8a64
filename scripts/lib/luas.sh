# The Luas: named 5.1, 5.2, 5.3, 5.4, 5.5 and luajit. Sourced.

lua_command() { [[ $1 == luajit ]] && echo luajit || echo "lua$1"; }

# LuaJIT loads the module of Lua 5.1.
lua_version() { [[ $1 == luajit ]] && echo 5.1 || echo "$1"; }

# with_lua NAME ARGUMENTS...: runs that Lua with this tree's Lua files and the module built for it in front of its paths.
# LUA_PROGRAM stands in for the interpreter.
# One that hangs is ended after LUA_LIMIT seconds, 15 minutes where that is not set.
with_lua() {
  local lua version suffix path_name cpath_name
  lua=${LUA_PROGRAM:-$(lua_command "$1")} version=$(lua_version "$1")
  shift
  suffix=_${version/./_}
  [[ $version == 5.1 ]] && suffix="" # from 5.2 on a variable with the version in its name goes first
  path_name=LUA_PATH$suffix cpath_name=LUA_CPATH$suffix
  local path=${!path_name:-${LUA_PATH:-}} cpath=${!cpath_name:-${LUA_CPATH:-}}
  timeout --foreground --kill-after=10 "${LUA_LIMIT:-900}" env "$path_name=$PWD/lua/?.lua;$PWD/lua/?/init.lua;${path:-;}" \
    "$cpath_name=$PWD/target/lua/$version/?.so;${cpath:-;}" "$lua" "$@"
}
