# Platform: Windows, x86-64
# Loaded by platform.sh.

platform_target=x86_64-pc-windows-gnu
platform_suffix=dll
platform_exe=.exe
windows_cc=x86_64-w64-mingw32-gcc
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=$windows_cc

platform_need() {
  need_rust
  need_command "$windows_cc" gcc-mingw-w64-x86-64-posix
}

platform_build_module() { build_module "$1" dll; }

platform_build_client() { build_client; }
