# Makes the Luas that a platform's module needs, where Debian's do not load it: compiled from their sources, and run in
# an emulator where the processor is another. Sourced by checks.sh.

# What Debian has of busted in Lua, for any system.
busted_path="/usr/share/lua/5.4/?.lua;/usr/share/lua/5.4/?/init.lua"

emulator="" emulated_root=""

# emulate_by EMULATOR ROOT: lets the programs that make_interpreter makes run in an emulator, which finds their
# libraries below ROOT. The emulator must be linked statically, or it would load itself what LD_PRELOAD names for the
# program.
emulate_by() {
  emulator=$(command -v "$1")
  emulated_root=$2
}

# make_interpreter LUA CC...: compiles the interpreter and the host program of the specs, and sets the variables by
# which the specs use them, as checks.sh describes. The compiler is a name in PATH, and options.
make_interpreter() {
  local lua=$1 folder=$PWD/$platform_folder/luas
  local real=$folder
  shift
  step "$platform: compile $(lua_command "$lua")"
  if [[ -n $emulator ]]; then real=$folder/emulated; fi
  mkdir -p "$real"
  build_lua "$lua" "$real/$(lua_command "$lua")" "$@"
  build_libraries "$lua" "$folder/libraries-$lua.so" "$@"
  "$@" -std=gnu11 -O1 -g -Wall -Wextra -Werror -rdynamic -I"$(lua_source "$lua")" -o "$real/host-$lua" \
    spec/support/host.c -Wl,--whole-archive "$real/$(lua_command "$lua").a" -Wl,--no-whole-archive -ldl -lm -lpthread
  if [[ -n $emulator ]]; then
    emulated "$real/$(lua_command "$lua")" "$folder/$(lua_command "$lua")"
    emulated "$real/host-$lua" "$folder/host-$lua"
  fi
  export LUA_PROGRAM=$folder/$(lua_command "$lua") HOST_PROGRAM=$folder/host-$lua CC="$*"
  export BUSTED_PATH=$busted_path BUSTED_LIBRARIES=$folder/libraries-$lua.so
}

# emulated PROGRAM FILE: makes the program FILE of this machine, which runs PROGRAM in the emulator.
emulated() {
  cc -O1 -Wall -Wextra -Werror -static -DEMULATOR="\"$emulator\"" -DROOT="\"$emulated_root\"" -DPROGRAM="\"$1\"" \
    -o "$2" "$platforms_lib/emulated.c"
}
