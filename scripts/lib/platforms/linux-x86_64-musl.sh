# Platform: Linux, x86-64, musl
# Such as Alpine Linux. A Lua that musl-gcc compiles loads the module here. Sourced by platform.sh.

platform_target=x86_64-unknown-linux-musl
zig_target=$platform_target
# The module shares the C library with the Lua that loads it. The client contains its own, and runs on any Linux.
platform_rustflags=(-Ctarget-feature=-crt-static)
platform_tested="The specs run on the machine that built the files, with Debian's musl and a Lua that is compiled for
it. The files never ran on a distribution that is based on musl."

platform_need() {
  need_rust
  need_zig
}

platform_build_module() { build_module "$1" so; }

platform_build_client() { build_client -Ctarget-feature=+crt-static -Clink-self-contained=no; }

platform_need_to_run() {
  need_for_specs
  need_lua_compiler
  need_command musl-gcc musl-tools
}

platform_run() {
  platform_build_module 5.4
  check_needs_of_musl "module for Lua 5.4" "$(platform_module 5.4)"
  platform_build_module 5.1
  check_needs_of_musl "module for Lua 5.1" "$(platform_module 5.1)"
  platform_build_client
  check_needs_of_musl "client" "$(platform_client)"
  build_servers
  converse_by_client
  make_interpreter 5.1 musl-gcc
  converse 5.1
  make_interpreter 5.4 musl-gcc
  converse 5.4
  make_programs_of_specs 5.4 musl-gcc
  run_specs_of 5.4
}
