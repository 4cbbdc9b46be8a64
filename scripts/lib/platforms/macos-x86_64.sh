# Platform: macOS, Intel
# Loaded by platform.sh.

platform_target=x86_64-apple-darwin
zig_target=$platform_target

platform_need() {
  need_rust
  need_zig
}

platform_build_module() { build_module "$1" dylib; }

platform_build_client() { build_client; }
