# Makes the Luas that a platform's module needs, where Debian's do not load it: compiled from their sources, and run in
# an emulator where the processor is another. Sourced by checks.sh.

# What Debian has of busted in Lua, for any system.
busted_path="/usr/share/lua/5.4/?.lua;/usr/share/lua/5.4/?/init.lua"

emulator="" emulated_root=""

# emulate_by EMULATOR ROOT: lets the programs that these functions make run in an emulator, which finds their
# libraries below ROOT. The emulator must be linked statically, or it would load itself what LD_PRELOAD names for the
# program.
emulate_by() {
  emulator=$(command -v "$1")
  emulated_root=$2
}

# make_interpreter LUA CC...: compiles the interpreter, and sets LUA_PROGRAM. The compiler is a name in PATH, and
# options.
make_interpreter() {
  local lua=$1 folder=$PWD/$platform_folder/luas real
  shift
  step "$platform: compile $(lua_command "$lua")"
  real=$folder${emulator:+/emulated}
  mkdir -p "$real"
  build_lua "$lua" "$real/$(lua_command "$lua")" "$@"
  [[ -z $emulator ]] || emulated "$real/$(lua_command "$lua")" "$folder/$(lua_command "$lua")"
  export LUA_PROGRAM=$folder/$(lua_command "$lua")
}

# make_programs_of_specs LUA CC...: compiles what the specs need besides the interpreter, for any Lua but LuaJIT, and
# sets the variables by which they use it.
make_programs_of_specs() {
  local lua=$1 folder=$PWD/$platform_folder/luas real
  shift
  real=$folder${emulator:+/emulated}
  build_libraries "$lua" "$folder/libraries-$lua.so" "$@"
  "$@" -std=gnu11 -O1 -g -Wall -Wextra -Werror -rdynamic -I"$(lua_source "$lua")" -o "$real/host-$lua" \
    spec/support/host.c -Wl,--whole-archive "$real/$(lua_command "$lua").a" -Wl,--no-whole-archive -ldl -lm -lpthread
  [[ -z $emulator ]] || emulated "$real/host-$lua" "$folder/host-$lua"
  export HOST_PROGRAM=$folder/host-$lua CC="$*"
  export BUSTED_PATH=$busted_path BUSTED_LIBRARIES=$folder/libraries-$lua.so
}

# emulated PROGRAM FILE: makes the program FILE of this machine, which runs PROGRAM in the emulator.
emulated() {
  cc -O1 -Wall -Wextra -Werror -static -DEMULATOR="\"$emulator\"" -DROOT="\"$emulated_root\"" -DPROGRAM="\"$1\"" \
    -o "$2" "$platforms_lib/emulated.c"
}
