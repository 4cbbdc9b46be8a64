# Platform: Linux, aarch64, glibc 2.17 and newer
# Such as Raspberry Pi OS with 64 bits. qemu runs it here. Sourced by platform.sh.

platform_target=aarch64-unknown-linux-gnu
zig_target=$platform_target.2.17
platform_tested="qemu runs the conversations and the specs on the machine that built the files, with the glibc of Debian
12. It emulates the processor, and passes the calls of the system on, so times, memory and threads are not those of a
real machine. The files never ran on one."

platform_need() {
  need_rust
  need_zig
}

platform_build_module() { build_module "$1" so; }

platform_build_client() { build_client; }

platform_need_to_run() {
  need_for_specs
  need_lua_compiler
  need_command aarch64-linux-gnu-gcc "gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
  need_command qemu-aarch64-static qemu-user-static
}

platform_run() {
  platform_build_module 5.4
  check_needs_of_glibc "module for Lua 5.4" "$(platform_module 5.4)"
  platform_build_module 5.1
  check_needs_of_glibc "module for LuaJIT and Lua 5.1" "$(platform_module 5.1)"
  platform_build_client
  check_needs_of_glibc "client" "$(platform_client)"
  build_servers
  emulate_by qemu-aarch64-static /usr/aarch64-linux-gnu
  converse_by_client qemu-aarch64-static -L /usr/aarch64-linux-gnu
  make_interpreter luajit aarch64-linux-gnu-gcc
  converse luajit
  make_interpreter 5.4 aarch64-linux-gnu-gcc
  converse 5.4
  make_programs_of_specs 5.4 aarch64-linux-gnu-gcc
  export LUA_LIMIT=1500 # a run takes three times as long as without the emulator
  run_specs_of 5.4 "$platforms_lib/left-out-of-emulation.txt"
}
