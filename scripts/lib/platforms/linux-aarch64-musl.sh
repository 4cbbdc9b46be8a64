# Platform: Linux, aarch64, musl
# qemu runs the client here. Sourced by platform.sh.

platform_target=aarch64-unknown-linux-musl
zig_target=$platform_target
# The module shares the C library with the Lua that loads it. The client contains its own, and runs on any Linux.
platform_rustflags=(-Ctarget-feature=-crt-static)
platform_tested="qemu runs the client on the machine that built it. The module was built, and what it needs was checked,
but it did not run, because Debian has no musl for this processor with which a Lua could be compiled."

platform_need() {
  need_rust
  need_zig
}

platform_build_module() { build_module "$1" so; }

platform_build_client() { build_client -Ctarget-feature=+crt-static -Clink-self-contained=no; }

platform_need_to_run() {
  need_for_conversation
  need_command qemu-aarch64-static qemu-user-static
}

platform_run() {
  platform_build_module 5.4
  check_needs_of_musl "module for Lua 5.4" "$(platform_module 5.4)"
  platform_build_client
  check_needs_of_musl "client" "$(platform_client)"
  build_servers
  converse_by_client qemu-aarch64-static
}
