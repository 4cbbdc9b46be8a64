# Platform: Linux, x86-64, glibc 2.17 and newer
# What is shipped for the usual distributions. Debian's Lua 5.4 and LuaJIT load it here. Sourced by platform.sh.

platform_target=x86_64-unknown-linux-gnu
zig_target=$platform_target.2.17
platform_tested="The specs run on the files that are shipped, on the machine that built them, whose glibc is newer. That
glibc 2.17 suffices is known from the versions of all symbols that they name, and was not tried on such an old system."

platform_need() {
  need_rust
  need_zig
}

platform_build_module() { build_module "$1" so; }

platform_build_client() { build_client; }

platform_need_to_run() {
  need_for_specs
  need_libraries_of_loops
  need_command luajit
  need "headers of Lua 5.4" liblua5.4-dev test -e /usr/include/lua5.4/lua.h
  need_host luajit
}

platform_need_to_run_short() { :; }

platform_run_short() {
  platform_build_module 5.4
  check_needs_of_glibc "module for Lua 5.4" "$(platform_module 5.4)"
  check_that_needs_can_fail
}

platform_run() {
  local lua
  platform_run_short
  platform_build_module 5.1
  check_needs_of_glibc "module for LuaJIT and Lua 5.1" "$(platform_module 5.1)"
  platform_build_client
  check_needs_of_glibc "client" "$(platform_client)"
  build_servers
  for lua in 5.4 luajit; do
    build_host "$lua"
    converse "$lua"
  done
  converse_by_client
  for lua in 5.4 luajit; do run_specs_of "$lua"; done
}
