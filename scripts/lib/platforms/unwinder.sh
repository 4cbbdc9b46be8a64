# Makes the unwinder of a module that zig links for Linux: unwinder/unwinder.c says why. Sourced by platform.sh.

# What LLVM's names become, which are those of libgcc_s.
unwinder_functions="RaiseException Resume DeleteException Backtrace GetLanguageSpecificData GetRegionStart
  GetTextRelBase GetDataRelBase GetIP GetIPInfo GetCFA GetGR SetGR SetIP FindEnclosingFunction"

# make_unwinder: compiles libunwinder.a in the platform's folder for $zig_target, of zig's sources of LLVM's unwinder.
make_unwinder() {
  local name renamed=() own=$PWD/$platforms_lib/unwinder/unwinder.c folder=$PWD/$platform_folder/unwinder sources target
  if [[ $folder/libunwinder.a -nt $own && $folder/libunwinder.a -nt $zig_folder/requirements.txt ]]; then return; fi
  echo "compile the unwinder"
  sources=${zig_program%/zig}/lib/libunwind
  # Rust says aarch64-unknown-linux-gnu.2.17 where zig says aarch64-linux-gnu.2.17.
  target=${zig_target/-unknown/}
  for name in $unwinder_functions; do renamed+=("-D_Unwind_$name=OWN_$name"); done
  rm -rf "$folder"
  mkdir -p "$folder"
  (
    cd "$folder"
    local flags=(-target "$target" -O2 -fPIC -fvisibility=hidden -funwind-tables -DNDEBUG -D_LIBUNWIND_IS_NATIVE_ONLY)
    export ZIG_GLOBAL_CACHE_DIR=$PWD/../../zig-cache
    "$zig_program" cc "${flags[@]}" -std=gnu11 -Wall -Wextra -Werror -c "$own"
    for name in UnwindLevel1 UnwindLevel1-gcc-ext; do
      "$zig_program" cc "${flags[@]}" -std=c11 -fexceptions "${renamed[@]}" -I"$sources/include" -c \
        "$sources/src/$name.c"
    done
    for name in UnwindRegistersRestore UnwindRegistersSave; do
      "$zig_program" cc "${flags[@]}" -I"$sources/include" -c "$sources/src/$name.S"
    done
    "$zig_program" c++ "${flags[@]}" -std=c++17 -fno-exceptions -fno-rtti -nostdinc++ "${renamed[@]}" \
      -I"$sources/include" -c "$sources/src/libunwind.cpp"
    "$zig_program" ar rcsD libunwinder.a ./*.o
  )
}
