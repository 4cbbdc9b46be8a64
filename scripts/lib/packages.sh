# Installs packages into empty folders, without Rust and without a compiler, and holds conversations from there. Sourced
# after luas.sh and server.sh; the echo server must run.
#
# Comes in: the folder with the packages of scripts/package. Goes out: one line for each package that works, or why it
# cannot run here; the first that does not work ends the script.
project=$PWD
check_folder=$PWD/target/package-check
checked_platform=""
talks=0

# The platform of this machine, as packages name it, or nothing.
this_platform() {
  local cpu
  cpu=$(uname -m)
  [[ $cpu != arm64 ]] || cpu=aarch64
  case $(uname) in
    Linux) if compgen -G "/lib/ld-musl-*" >/dev/null && ! compgen -G "/lib*/ld-linux*" >/dev/null; then
        echo "linux-$cpu-musl"
      else
        echo "linux-$cpu"
      fi ;;
    Darwin) echo "macos-$cpu" ;;
    MINGW* | MSYS*) echo "windows-$cpu" ;;
  esac
}

is_own_platform() { [[ $checked_platform == "$(this_platform)" ]]; }

module_suffix() { [[ $checked_platform == windows-* ]] && echo dll || echo so; }

# The folders of PATH whose commands a package may use: without Rust and without a compiler. Where they lie beside other
# commands, these are linked into a folder of their own; on Windows a program would not find its libraries from there.
command_folders() {
  local folders folder links=$check_folder/commands i
  IFS=: read -ra folders <<<"$PATH"
  if [[ $(this_platform) == windows-* ]]; then
    for folder in "${folders[@]}"; do [[ -e $folder/cargo.exe ]] || printf '%s:' "$folder"; done
    return
  fi
  mkdir -p "$links"
  for ((i = ${#folders[@]} - 1; i >= 0; i--)); do # the first folder of PATH has the last word
    [[ -d ${folders[i]} ]] || continue
    find "${folders[i]}/" -maxdepth 1 -not -type d -not -name 'cargo*' -not -name 'rust*' -not -name 'cc' \
      -not -name 'c[89]9*' -not -name '*gcc*' -not -name '*g++*' -not -name '*clang*' \
      -exec sh -c 'ln -sf "$@" "$0"' "$links" {} +
  done
  echo "$links"
}

prepare_check() {
  rm -rf "$check_folder"
  mkdir -p "$check_folder/home"
  commands=$(command_folders)
  if PATH=$commands command -v cargo rustc cc gcc clang; then
    echo "a package must not find these commands" >&2
    return 1
  fi
}

# Wine keeps its system in the folder that scripts/platforms has made.
of_wine=("WINEPREFIX=$PWD/target/platforms/wine" "WINEDLLOVERRIDES=mscoree=;mshtml=" WINEDEBUG=-all)

# without_rust COMMAND...: runs it with those commands alone, and with no variable of this shell but what Windows needs.
without_rust() {
  env -i "HOME=$check_folder/home" "PATH=$commands" ${SYSTEMROOT:+"SYSTEMROOT=$SYSTEMROOT"} "${of_wine[@]}" "$@"
}

# A path as programs of Windows understand it, where this is Windows.
native() { if command -v cygpath >/dev/null; then cygpath -m "$1"; else echo "$1"; fi; }

# talk LUA FOLDER CFOLDER: the echo example over ws and over wss, with the module of these folders alone. It runs in
# an empty folder, and the search path of Lua contains nothing else.
talk() {
  local url output folder cfolder
  folder=$(native "$2") cfolder=$(native "$3")
  for url in "ws://127.0.0.1:$(echo_port ws)/" "wss://127.0.0.1:$(echo_port wss)/"; do
    output=$(cd "$check_folder/home" && without_rust LUA_PATH="$folder/?.lua;$folder/?/init.lua" \
      LUA_CPATH="$cfolder/?.$(module_suffix)" timeout 60 "$1" "$(native "$project/examples/echo.lua")" "$url" \
      "$(native "$project/$certificates/ca.pem")") || output+=" (status $?)"
    grep -q '^closed *1000 *goodbye[[:space:]]\{0,1\}$' <<<"$output" || { echo "$output" >&2; return 1; }
  done
  talks=$((talks + 1))
}

# interpreters VERSION: the Luas that load the module for this version. Those for another platform are made by
# scripts/platforms, which runs them in an emulator.
interpreters() {
  local name made found="" folder=$project/target/platforms/$checked_platform/luas
  for name in "$(lua_command "$1")" $([[ $1 != 5.1 ]] || echo luajit luajit-rolling); do
    if ! is_own_platform; then
      for made in "$folder/$name" "$folder/${name#lua}/lua"; do if [[ -f $made ]]; then echo "$made"; fi; done
    elif command -v "$name"; then
      found=1
    fi
  done
  # Elsewhere than on Debian the program often has no number in its name.
  if is_own_platform && [[ -z $found ]] && [[ $(lua -e 'io.write(_VERSION)' 2>/dev/null) == "Lua $1" ]]; then
    command -v lua
  fi
}

# talk_from WHAT VERSION FOLDER CFOLDER: on every Lua that is there.
talk_from() {
  local lua luas count=0
  mapfile -t luas < <(interpreters "$2")
  for lua in ${luas[@]+"${luas[@]}"}; do
    talk "$lua" "$3" "$4"
    echo "$1, and talked on ${lua#"$project/target/platforms/"}"
    count=$((count + 1))
  done
  ((count)) || echo "$1; nothing ran, because there is no Lua $2 for $checked_platform here"
}

# check_refusals FILE VERSION: a Lua of another version refuses the module with an error, and does not crash.
check_refusals() {
  local folder=$check_folder/archive-$2 other lua luas status output
  for other in 5.1 5.2 5.3 5.4 5.5; do
    [[ $other != "$2" ]] || continue
    mapfile -t luas < <(interpreters "$other")
    for lua in ${luas[@]+"${luas[@]}"}; do
      status=0
      output=$(without_rust LUA_PATH="$folder/?.lua;$folder/?/init.lua" LUA_CPATH="$folder/?.$(module_suffix)" \
        "$lua" -e 'require "websocket"' 2>&1) || status=$?
      ((status == 1)) && grep -qE 'undefined symbol: lua|version mismatch' <<<"$output" || {
        echo "$1 on ${lua##*/}: status $status, $output" >&2
        return 1
      }
    done
  done
  echo "$1: refused by every other Lua"
}

# LuaRocks takes a rock for another system only if its configuration says that it is one.
pretend_platform() {
  local file=$1 config=$check_folder/luarocks.lua arch
  arch=$(sed -E 's/.*\.([^.]+)\.rock$/\1/' <<<"$file")
  echo "arch = '$arch' lib_extension = '$(module_suffix)'" >"$config"
  is_own_platform || echo "LUAROCKS_CONFIG=$config"
}

# check_rock VERSION FILE: installs a rock into an empty tree, talks, and removes it again.
check_rock() {
  local version=$1 file=$2 tree=$check_folder/rock-$1 variables luarocks=${LUAROCKS:-luarocks}
  command -v "$luarocks" >/dev/null || { echo "skipped: $file, because there is no LuaRocks"; return 0; }
  variables=$(pretend_platform "$file")
  rm -rf "$tree"
  without_rust ${variables:+"$variables"} "$luarocks" --lua-version "$version" --tree "$tree" install "$file" >/dev/null
  talk_from "$file: installed" "$version" "$tree/share/lua/$version" "$tree/lib/lua/$version"
  if is_own_platform; then without_rust "$tree/bin/websocket" --version >/dev/null; fi
  without_rust ${variables:+"$variables"} "$luarocks" --lua-version "$version" --tree "$tree" remove websocket-native \
    >/dev/null
  if find "$tree" -name 'websocket*' -o -name 'core.*' | grep .; then
    echo "these files are left after the rock was removed" >&2
    return 1
  fi
}

# unpack FILE FOLDER: into an empty folder.
unpack() {
  rm -rf "$2"
  mkdir -p "$2"
  case $1 in *.zip) python3 -m zipfile -e "$1" "$2" ;; *) tar -xzf "$1" -C "$2" ;; esac
}

# check_archive VERSION FILE: drops the content of an archive into a folder, and talks from there.
check_archive() {
  local folder=$check_folder/archive-$1
  unpack "$2" "$folder"
  talk_from "$2: dropped into a folder" "$1" "$folder" "$folder"
}

# run_host FILE NAME COMMAND...: a program with an archive in its folder. The last lines tell what went wrong.
run_host() {
  local file=$1 name=$2 log=$check_folder/$2.log
  shift 2
  command -v "$name" >/dev/null || { echo "skipped: $file in $name, because it is not installed"; return 0; }
  without_rust timeout 60 "$@" >"$log" 2>&1 || { tail -n 20 "$log" >&2; return 1; }
  grep -q "answer: hello from" "$log" || { tail -n 20 "$log" >&2; return 1; }
  echo "$file: talked in $name"
}

# check_plugin FILE: as a package of Neovim, which must find the module and the help, and run nothing by itself.
check_plugin() {
  local root=$check_folder/neovim
  unpack "$1" "$root/pack/websocket/start"
  run_host "$1" nvim nvim --headless -u NONE --cmd "set packpath+=$root noswapfile" \
    --cmd "let g:url = 'ws://127.0.0.1:$(echo_port ws)/'" -c "luafile scripts/lib/package/hosts/neovim.lua"
}

# check_mpv FILE: in mpv's folder script-modules.
check_mpv() {
  local config=$check_folder/mpv
  unpack "$1" "$config/script-modules"
  run_host "$1" mpv mpv "--config-dir=$config" --vo=null --ao=null --idle=once \
    --script=scripts/lib/package/hosts/mpv.lua "--script-opts=url=ws://127.0.0.1:$(echo_port ws)/"
}

# check_love FILE: beside main.lua of a game.
check_love() {
  local game=$check_folder/love
  command -v xvfb-run >/dev/null || { echo "skipped: $1 in love, because there is no xvfb-run"; return 0; }
  unpack "$1" "$game"
  cp scripts/lib/package/hosts/love/main.lua "$game"
  run_host "$1" love env "WEBSOCKET_URL=ws://127.0.0.1:$(echo_port ws)/" SDL_AUDIODRIVER=dummy xvfb-run -a love "$game"
}

# check_client FILE VERSION: the command-line client echoes a line.
check_client() {
  local folder=$check_folder/client output
  unpack "$1" "$folder"
  output=$(echo hello | without_rust timeout 60 "$folder/websocket-$2/websocket" "ws://127.0.0.1:$(echo_port ws)/") ||
    output+=" (status $?)"
  [[ ${output%$'\r'} == hello ]] || { echo "the client printed: $output" >&2; return 1; }
  echo "$1: echoed a line"
}

# check_source_rock FILE: builds it with Rust, as LuaRocks does from this file alone, and talks.
check_source_rock() {
  local version lua tree=$check_folder/source log=$check_folder/source.log
  checked_platform=$(this_platform)
  version=$(lua_version "$(newest_lua)")
  rm -rf "$tree"
  (cd "$check_folder/home" && "${LUAROCKS:-luarocks}" --lua-version "$version" --tree "$tree" install "$project/$1") \
    >"$log" 2>&1 || { tail -n 30 "$log" >&2; return 1; }
  talk_from "$1: built and installed" "$version" "$tree/share/lua/$version" "$tree/lib/lua/$version"
}

# check_sums FOLDER
check_sums() { (cd "$1" && sha256sum --check --quiet SHA256SUMS) && echo "$1/SHA256SUMS: every sum is right"; }

# check_packages FOLDER VERSION PLATFORM: everything that was made for this platform. Fails if none of it could talk on
# the platform of this machine.
check_packages() {
  local file version arch
  checked_platform=$3 talks=0
  arch=$(python3 scripts/lib/package/release.py rock "$3")
  for file in "$1/websocket-native-$2-$3"-lua*; do
    version=$(sed -E 's/.*-lua([0-9]\.[0-9]).*/\1/' <<<"$file")
    check_archive "$version" "$file"
    if is_own_platform && [[ $3 == linux-* ]]; then check_refusals "$file" "$version"; fi
    if is_own_platform && [[ $version == 5.1 ]]; then check_love "$file"; fi
    if is_own_platform && [[ $version == 5.2 ]]; then check_mpv "$file"; fi
  done
  for file in "$1"/rocks/lua*/*".$arch.rock"; do
    [[ -e $file ]] || continue
    version=$(sed -E 's/.*\/lua([0-9]\.[0-9])\/.*/\1/' <<<"$file")
    check_rock "$version" "$file"
  done
  if is_own_platform; then
    for file in "$1/websocket.nvim-$2-$3".*; do if [[ -e $file ]]; then check_plugin "$file"; fi; done
    for file in "$1/websocket-native-$2-$3-client".*; do if [[ -e $file ]]; then check_client "$file" "$2"; fi; done
    ((talks)) || { echo "no package for $3 has talked" >&2; return 1; }
  fi
}

# try_packages_of VERSION: makes the packages of this machine's platform from what rockspec/build.lua has built for one
# Lua, and tries them. Such files are no release: they need this system, or a newer one.
try_packages_of() {
  local platform version output=target/package-test/packages built=target/package-test/built
  platform=$(this_platform)
  if ! git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    echo "skipped: packages, because the source archive is made of what Git knows in a checkout"
    return
  fi
  version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml)
  rm -rf target/package-test
  mkdir -p "$built/lua" "$built/bin"
  cp -R "target/lua/$1" "$built/lua/"
  cp target/release/websocket "$built/bin/"
  python3 scripts/lib/package "$output" "$platform=$built"
  start_echo_server --ws-port 0 --wss-port 0
  prepare_check
  check_sums "$output"
  check_packages "$output" "$version" "$platform"
}
