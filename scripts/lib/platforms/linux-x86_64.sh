# Platform: Linux, x86-64, glibc 2.17 and newer
# What is shipped for the usual distributions, and all specs on it with Debian's Lua 5.4 and LuaJIT. Loaded by platform.sh.

platform_target=x86_64-unknown-linux-gnu
zig_target=$platform_target.2.17

platform_need() {
  need_rust
  need_zig
}

platform_build_module() { build_module "$1" so; }

platform_build_client() { build_client; }
