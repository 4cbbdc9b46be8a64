# Compiles spec/support/host.c for each Lua, into target/host/NAME. Sourced after luas.sh.
# A program that is newer than what it is made of is not compiled again.

# The headers that a program needs to embed LuaJIT. LuaRocks does not need them.
need_host() {
  [[ $1 != luajit ]] || need "headers of LuaJIT" libluajit-5.1-dev test -e /usr/include/luajit-2.1/lua.h
}

build_host() {
  local name=$1 program=target/host/$1 headers library
  case $name in
    luajit) headers=/usr/include/luajit-2.1 library=-lluajit-5.1 ;;
    5.5 | luajit-rolling) headers=$(lua_source "${name%-rolling}") library=target/luas/$(lua_command "$name").a ;;
    *) headers=/usr/include/lua$name library=-llua$name ;;
  esac
  [[ $program -nt spec/support/host.c && $program -nt spec/support/heap.h && ! $library -nt $program ]] && return
  mkdir -p target/host
  # With -rdynamic the module, too, finds the functions of this program before those of the C library. A library of Lua
  # that is linked into the program must be linked whole, because the module calls functions that the program does not.
  cc -std=gnu11 -O1 -g -Wall -Wextra -Werror -rdynamic -I"$headers" -o "$program" spec/support/host.c \
    -Wl,--whole-archive "$library" -Wl,--no-whole-archive -ldl -lm -lpthread
}
