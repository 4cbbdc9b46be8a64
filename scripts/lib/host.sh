# Compiles spec/support/host.c against each Lua, into target/host/NAME. Sourced, after luas.sh.
# Quick when it is there and not older than its source.

# What LuaRocks does not need, and a program that embeds Lua does.
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
  # Its functions stand before the C library's for the module, too: -rdynamic.
  cc -std=gnu11 -O1 -g -Wall -Wextra -Werror -rdynamic "${flags[@]}" -I"$headers" -o "$program" spec/support/host.c \
    -l"$library" -ldl -lpthread
}
