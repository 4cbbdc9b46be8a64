# Platform: Windows, x86-64
# Wine runs it here. Sourced by platform.sh.

platform_target=x86_64-pc-windows-gnu
platform_suffix=dll
platform_exe=.exe
platform_tested="Wine runs the conversations and the specs on the machine that built the files, with Luas that MinGW
compiles, and with a bcryptprimitives.dll of our own, which Debian's Wine lacks. The files never ran on Windows itself."
windows_cc=x86_64-w64-mingw32-gcc
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=$windows_cc
source "$platforms_lib/wine.sh"
source "$platforms_lib/windows-lua.sh"
source "$platforms_lib/windows-checks.sh"
source "$platforms_lib/windows-ends.sh"
source "$platforms_lib/windows-neighbours.sh"

platform_need() {
  need_rust
  need_command "$windows_cc" gcc-mingw-w64-x86-64-posix
}

platform_build_module() { build_module "$1" dll; }

platform_build_client() { build_client; }

platform_need_to_run() {
  need_for_specs
  need_lua_compiler
  need_wine
}

platform_need_to_run_short() {
  need_for_conversation
  need_lua_compiler
  need_wine
}

platform_run_short() {
  platform_build_module 5.4
  check_needs_of_windows "module for Lua 5.4" "$(platform_module 5.4)"
  build_servers
  begin_wine
  make_windows_interpreter 5.4
  converse 5.4
  end_wine
}

platform_run() {
  local lua
  platform_build_module 5.4
  check_needs_of_windows "module for Lua 5.4" "$(platform_module 5.4)"
  platform_build_module 5.1
  check_needs_of_windows "module for LuaJIT and Lua 5.1" "$(platform_module 5.1)"
  build_servers
  begin_wine
  for lua in 5.4 luajit; do
    make_windows_interpreter "$lua"
    converse "$lua"
    if [[ $lua == 5.4 ]]; then
      converse_in_other_ways "$lua"
      check_wrong_version
      check_roots_of_windows "$lua"
    fi
    run_specs_of "$lua" "$platforms_lib/left-out-of-wine.txt"
    check_states "$lua"
  done
  check_neighbours
  for lua in 5.1 5.2 5.3 5.5; do
    platform_build_module "$lua"
    make_windows_interpreter "$lua"
    converse "$lua"
  done
  check_exits 120 5.4 luajit
  check_client_of_windows
  end_wine
}
