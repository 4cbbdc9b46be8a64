# Platform: macOS, Apple silicon
# Sourced by platform.sh.

source "$platforms_lib/macos.sh"
platform_target=aarch64-apple-darwin
zig_target=$platform_target
macos_processor=arm64
macos_oldest=11.0
