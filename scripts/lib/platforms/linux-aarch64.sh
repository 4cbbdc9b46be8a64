# Platform: Linux, aarch64, glibc 2.17 and newer
# Loaded by platform.sh.

platform_target=aarch64-unknown-linux-gnu
zig_target=$platform_target.2.17

platform_need() {
  need_rust
  need_zig
}

platform_build_module() { build_module "$1" so; }

platform_build_client() { build_client; }
