# What the platforms of macOS have in common. Sourced by them.
#
# zig has the libraries of macOS that every program needs, but not the frameworks in which the root certificates are.
# The folder macos names the functions of these that the module calls, so that it can be linked without a Mac.

platform_tested="Untested. The files were built, and their format and libraries were checked, but they never ran, since
that needs a Mac."
platform_rustflags=(-Clink-arg=-Fscripts/lib/platforms/macos)

platform_need() {
  need_rust
  need_zig
}

platform_need_to_run() { need_command python3; }

# Lua on macOS looks for .so, too.
platform_build_module() { MACOSX_DEPLOYMENT_TARGET=$macos_oldest build_module "$1" dylib; }

platform_build_client() { MACOSX_DEPLOYMENT_TARGET=$macos_oldest build_client; }

# check_macho WHAT FILE KIND
check_macho() {
  local text passed=1 failed=0
  step "$platform: what the $1 needs"
  text=$(python3 "$platforms_lib/macho.py" "$2" "$3" "$macos_processor" "$macos_oldest") || passed=0 failed=1
  echo "$text"
  record file "$1" "$(stat -c %s "$2")"
  record needs "$1" "$text"
  record_run "" "check of what the files need" "$passed" "$failed"
}

platform_run() {
  platform_build_module 5.4
  check_macho "module for Lua 5.4" "$(platform_module 5.4)" dylib
  platform_build_client
  check_macho "client" "$(platform_client)" program
}
