# Compiles spec/support/host.c for each Lua, into target/host/NAME. Sourced after luas.sh.
# A program that is newer than its source is not compiled again.

# The headers that a program needs to embed LuaJIT. LuaRocks does not need them.
need_host() {
  [[ $1 != luajit ]] || need "headers of LuaJIT" libluajit-5.1-dev test -e /usr/include/luajit-2.1/lua.h
}

build_host() {
  local name=$1 program=target/host/$1 headers library flags=()
  case $name in
    luajit) headers=/usr/include/luajit-2.1 library=luajit-5.1 flags=(-DLUAJIT) ;;
    *) headers=/usr/include/lua$name library=lua$name ;;
  esac
  [[ $program -nt spec/support/host.c ]] && return
  mkdir -p target/host
  # With -rdynamic the module, too, finds the functions of this program before those of the C library.
  cc -std=gnu11 -O1 -g -Wall -Wextra -Werror -rdynamic "${flags[@]}" -I"$headers" -o "$program" spec/support/host.c \
    -l"$library" -ldl -lpthread
}
