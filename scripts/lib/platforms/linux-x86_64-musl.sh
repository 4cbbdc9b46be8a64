# Platform: Linux, x86-64, musl
# Loaded by platform.sh.

platform_target=x86_64-unknown-linux-musl
zig_target=$platform_target
platform_rustflags=(-Ctarget-feature=-crt-static) # the module uses the C library of the Lua that loads it

platform_need() {
  need_rust
  need_zig
}

platform_build_module() { build_module "$1" so; }

platform_build_client() { build_client; }
