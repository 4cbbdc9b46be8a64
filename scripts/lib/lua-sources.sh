# Compiles interpreters of Lua from the sources in the crates `lua-src` and `luajit-src`, which the lock file in
# spec/support/luas names. Sourced after tools.sh.
#
# The Luas are named 5.1, 5.2, 5.3, 5.4, 5.5 and luajit here, which is the newest LuaJIT.
lua_crates=spec/support/luas

# crate_folder CRATE: prints the folder of a crate, which Cargo downloads where it is missing.
crate_folder() {
  local folder
  folder=$(cargo metadata --locked --format-version 1 --manifest-path "$lua_crates/Cargo.toml" | tr ',' '\n' |
    sed -n 's|^"manifest_path":"\(.*/'"$1"'[^/]*\)/Cargo\.toml"$|\1|p')
  [[ -d $folder ]] || { echo "Cargo names no folder of the crate $1" >&2; return 1; }
  echo "$folder"
}

# lua_source NAME: prints the folder with the C sources of this Lua, and its headers.
lua_source() {
  local folder
  if [[ $1 == luajit ]]; then
    folder=$(crate_folder luajit-src)/luajit2/src
  else
    folder=$(echo "$(crate_folder lua-src)/lua-$1".*)
  fi
  [[ -e $folder/lua.h ]] || { echo "there are no sources of Lua $1 in $folder" >&2; return 1; }
  echo "$folder"
}

need_lua_compiler() {
  need_command cc "gcc libc6-dev"
  need_command ar binutils
  need_command make
}

# build_lua NAME PROGRAM CC...: compiles the interpreter PROGRAM, and PROGRAM.a, the library that it contains, with this
# compiler and its options. The compiler is named by an absolute path or found in PATH. A module that is loaded finds
# Lua's functions in PROGRAM. What is newer than its sources is not compiled again.
build_lua() {
  local name=$1 program=$2 source ar
  shift 2
  ! is_newer "$program" "$lua_crates/interpreter.c" || return 0
  source=$(lua_source "$name") || return
  ar=$("$@" -print-prog-name=ar) || return
  echo "compile ${program##*/}"
  rm -rf "$program" "$program.a" "$program.build"
  mkdir -p "$program.build"
  if [[ $name == luajit ]]; then compile_luajit "$@" || return; else compile_lua "$@" || return; fi
  rm -rf "$program.build"
}

# is_newer FILE SOURCE: the lock file stands for the sources of Lua.
is_newer() {
  local source
  for source in "$2" "$lua_crates/Cargo.lock" scripts/lib/lua-sources.sh; do
    [[ $1 -nt $source ]] || return
  done
}

# The options with which Debian compiles each Lua.
lua_flags() {
  local compatible=""
  case $1 in
    5.2) compatible=-DLUA_COMPAT_ALL ;;
    5.3) compatible=-DLUA_COMPAT_5_2 ;;
    5.4) compatible=-DLUA_COMPAT_5_3 ;;
  esac
  echo "-O2 -DLUA_USE_LINUX $compatible"
}

# These two compile for build_lua, which sets name, program, source and ar.
compile_lua() {
  local flags
  read -ra flags <<<"$(lua_flags "$name")"
  (cd "$program.build" && find "$source" -name '*.c' -print0 | xargs -0 -n 4 -P "$(nproc)" "$@" "${flags[@]}" -c) &&
    "$ar" rcs "$program.a" "$program.build"/*.o &&
    "$@" -std=gnu99 -Wall -Wextra -Werror "${flags[@]}" -I"$source" -rdynamic -o "$program" \
      "$lua_crates/interpreter.c" "$program.build"/*.o -lm -ldl
}

# LuaJIT has a Makefile, and an interpreter. Like Debian's it looks for modules in /usr, too.
compile_luajit() {
  local build=$program.build multiarch
  multiarch=$("$@" -print-multiarch) &&
    cp -R "${source%/src}/." "$build" &&
    cp "${source%/luajit2/src}/luajit_relver.txt" "$build/.relver" &&
    chmod -R u+w "$build" &&
    make -C "$build/src" -j"$(nproc)" BUILDMODE=static HOST_CC=cc STATIC_CC="$*" TARGET_LD="$*" \
      TARGET_AR="$ar rcs" TARGET_STRIP=@: E=@: PREFIX=/usr MULTILIB="lib${multiarch:+/$multiarch}" &&
    cp "$build/src/libluajit.a" "$program.a" &&
    cp "$build/src/luajit" "$program"
}

# build_libraries NAME FILE CC...: compiles the libraries in C that scripts/lib/borrow-busted.lua loads, for a Lua that
# no package has them for.
build_libraries() {
  local name=$1 file=$2 source
  shift 2
  ! is_newer "$file" "$lua_crates/libraries.c" || return 0
  source=$(lua_source "$name") || return
  mkdir -p "${file%/*}"
  "$@" -std=gnu99 -O2 -Wall -Wextra -Werror -shared -fPIC -I"$source" -o "$file" "$lua_crates/libraries.c"
}
