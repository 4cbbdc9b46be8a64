# Compiles interpreters of Lua for Windows, in the three ways in which programs have Lua. Sourced after lua-sources.sh.
#
#   build_windows_lua NAME FOLDER
#
# leaves in FOLDER, where NAME is 5.1 to 5.5 or luajit:
#
#   lua.exe          the interpreter, on a DLL with the usual name, such as lua54.dll
#   renamed/lua.exe  the same on a DLL with another name, engine.dll (not for luajit)
#   whole/lua.exe    an interpreter that contains Lua and exports its functions (not for luajit)

windows_cc=x86_64-w64-mingw32-gcc

build_windows_lua() {
  local name=$1 folder=$2 source
  ! is_newer "$folder/lua.exe" "$lua_crates/interpreter.c" || return 0
  source=$(lua_source "$name") || return
  rm -rf "$folder" "$folder.build"
  mkdir -p "$folder" "$folder.build"
  if [[ $name == luajit ]]; then compile_windows_luajit || return; else compile_windows_lua || return; fi
  rm -rf "$folder.build"
}

# These compile for build_windows_lua, which sets name, folder and source.
compile_windows_lua() {
  local flags objects=$folder.build program
  read -ra flags <<<"$(lua_flags "$name")"
  flags=("${flags[@]/-DLUA_USE_LINUX/-DLUA_BUILD_AS_DLL}")
  (cd "$objects" && find "$source" -name '*.c' -print0 | xargs -0 -n 4 -P "$(nproc)" "$windows_cc" "${flags[@]}" -c)
  mkdir -p "$folder/renamed" "$folder/whole"
  "$windows_cc" -std=gnu99 -I"$source" -c -o "$objects/interpreter.obj" "$lua_crates/interpreter.c"
  for program in "lua${name/./}" renamed/engine; do
    "$windows_cc" -shared -o "$folder/$program.dll" "$objects"/*.o
    "$windows_cc" -o "$(dirname "$folder/$program")/lua.exe" "$objects/interpreter.obj" "$folder/$program.dll"
  done
  "$windows_cc" -o "$folder/whole/lua.exe" "$objects/interpreter.obj" "$objects"/*.o
}

compile_windows_luajit() {
  local build=$folder.build
  cp -R "${source%/src}/." "$build"
  cp "${source%/luajit2/src}/luajit_relver.txt" "$build/.relver"
  chmod -R u+w "$build"
  make -C "$build/src" -j"$(nproc)" HOST_CC=cc CROSS="${windows_cc%gcc}" TARGET_SYS=Windows
  cp "$build/src/lua51.dll" "$folder"
  cp "$build/src/luajit.exe" "$folder/lua.exe"
}

# make_windows_interpreter LUA: compiles it and what busted needs, and sets the variables by which the conversation and
# the specs use them. The interpreter of the specs finds the shell of this machine; the children that they start do not.
make_windows_interpreter() {
  local lua=$1 folder=$PWD/$platform_folder/luas/$1 file
  step "$platform: compile $(lua_command "$lua")"
  build_windows_lua "$lua" "$folder"
  build_windows_libraries "$lua" "$folder"
  for file in "$folder"/{,renamed/,whole/}lua.exe; do
    [[ -e $file ]] || continue
    "$windows_cc" -O2 -Wall -Wextra -Werror -shared -o "${file%/*}/bcryptprimitives.dll" \
      "$platforms_lib/wine/bcryptprimitives.c" -ladvapi32
    make_wine_program "$file" "${file%.exe}"
    make_wine_program "$file" "${file%.exe}-with-shell" python3 "$PWD/$platforms_lib/wine/shell.py"
  done
  export LUA_SUFFIX=dll LUA_PROGRAM=$folder/lua-with-shell LUA_INTERPRETER=$folder/lua
  export BUSTED_PATH=$busted_path BUSTED_LIBRARIES=$folder/libraries.dll
}

# What borrow-busted.lua loads, and the connection to the shell.
build_windows_libraries() {
  local lua=$1 folder=$2 library
  library=$(compgen -G "$folder/lua*.dll")
  "$windows_cc" -std=gnu99 -O2 -Wall -Wextra -Werror -shared -static -DLUA_BUILD_AS_DLL -I"$(lua_source "$lua")" \
    -o "$folder/libraries.dll" "$lua_crates/libraries.c" "$platforms_lib/wine/shell.c" "$library" -lws2_32
}
