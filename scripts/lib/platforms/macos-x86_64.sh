# Platform: macOS, Intel
# Sourced by platform.sh.

source "$platforms_lib/macos.sh"
platform_target=x86_64-apple-darwin
zig_target=$platform_target
macos_processor=x86_64
macos_oldest=10.13
