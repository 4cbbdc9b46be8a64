# Installs packages into empty folders, without Rust and without a compiler, and holds conversations from there. Sourced
# after luas.sh and server.sh; the echo server must run.
#
# Comes in: the folder with the packages of scripts/package. Goes out: one line for each package that works; the first that
# does not ends the script.
project=$PWD
check_folder=$PWD/target/package-check

# The platform of this machine, as packages name it, or nothing.
this_platform() {
  local cpu=${1:-$(uname -m)}
  [[ $cpu != arm64 ]] || cpu=aarch64
  case $(uname) in
    Linux) if compgen -G "/lib/ld-musl-*" >/dev/null && ! compgen -G "/lib*/ld-linux*" >/dev/null; then
        echo "linux-$cpu-musl"
      else
        echo "linux-$cpu"
      fi ;;
    Darwin) echo "macos-$cpu" ;;
  esac
}

# The commands of the system but for Rust and C compilers, in a folder for PATH.
link_commands() {
  local folder=$check_folder/commands
  rm -rf "$check_folder"
  mkdir -p "$folder" "$check_folder/home"
  find /bin/ /usr/bin/ /usr/local/bin/ -maxdepth 1 -not -type d \
    -not -name 'cargo*' -not -name 'rust*' -not -name 'cc' -not -name 'c[89]9*' -not -name '*gcc*' -not -name '*g++*' \
    -not -name 'clang*' -print0 | xargs -0 ln -sf -t "$folder"
  if PATH=$folder command -v cargo rustc cc gcc; then
    echo "these commands must not be found by the packages" >&2
    return 1
  fi
}

# without_rust COMMAND...: runs it with those commands alone, and without any variable of this shell.
without_rust() {
  env -i "HOME=$check_folder/home" "PATH=$check_folder/commands" "$@"
}

# converse LUA FOLDER CFOLDER: the echo example over ws and over wss, with the module of these folders alone.
converse() {
  local url output
  for url in "ws://127.0.0.1:$(echo_port ws)/" "wss://127.0.0.1:$(echo_port wss)/"; do
    # The sources of this tree must not be found by accident: the standard search path begins with the working folder.
    output=$(cd "$check_folder/home" && without_rust LUA_PATH="$2/?.lua;$2/?/init.lua" LUA_CPATH="$3/?.so" \
      timeout 60 "$1" "$project/examples/echo.lua" "$url" "$project/$certificates/ca.pem")
    grep -q '^closed *1000 *goodbye$' <<<"$output" || { echo "$output" >&2; return 1; }
  done
}

# interpreters VERSION: the Luas that load the module for this version, of those that are installed.
interpreters() {
  local name
  for name in "$1" luajit; do
    [[ $name == "$1" || $1 == 5.1 ]] && command -v "$(lua_command "$name")" || true
  done
}

without_rust_luarocks() { without_rust "${LUAROCKS:-luarocks}" "$@"; }

# check_rock VERSION FILE: installs a rock into an empty tree, talks, and removes it again.
check_rock() {
  local version=$1 tree=$check_folder/rock-$1 lua
  rm -rf "$tree"
  without_rust_luarocks --lua-version "$version" --tree "$tree" install "$2" >/dev/null
  for lua in $(interpreters "$version"); do
    converse "$lua" "$tree/share/lua/$version" "$tree/lib/lua/$version"
    echo "$2: installed, and talked on ${lua##*/}"
  done
  without_rust "$tree/bin/websocket" --version >/dev/null
  without_rust_luarocks --lua-version "$version" --tree "$tree" remove websocket-native >/dev/null
  if find "$tree" -name 'websocket*' -o -name 'core.so' | grep .; then
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
  local folder=$check_folder/archive-$1 lua
  unpack "$2" "$folder"
  for lua in $(interpreters "$1"); do
    converse "$lua" "$folder" "$folder"
    echo "$2: dropped into a folder, and talked on ${lua##*/}"
  done
}

# check_plugin FILE: as a package of Neovim, which must find the module and the help, and run nothing by itself.
check_plugin() {
  local root=$check_folder/neovim
  command -v nvim >/dev/null || { echo "skipped: $1, because there is no Neovim"; return 0; }
  unpack "$1" "$root/pack/websocket/start"
  without_rust timeout 60 nvim --headless -u NONE --cmd "set packpath+=$root" --cmd "set noswapfile" \
    --cmd "let g:url = 'ws://127.0.0.1:$(echo_port ws)/'" -c "luafile scripts/lib/package/neovim.lua" \
    >"$check_folder/neovim.log" 2>&1 || { cat "$check_folder/neovim.log" >&2; return 1; }
  echo "$1: talked in Neovim, and showed its help"
}

# check_client FILE VERSION: the command-line client echoes a line.
check_client() {
  local folder=$check_folder/client output
  unpack "$1" "$folder"
  output=$(echo hello | without_rust timeout 60 "$folder/websocket-$2/websocket" "ws://127.0.0.1:$(echo_port ws)/")
  [[ $output == hello ]] || { echo "the client printed: $output" >&2; return 1; }
  echo "$1: echoed a line"
}

# check_source_rock FILE: builds it with Rust, as LuaRocks does from this file alone, and talks.
check_source_rock() {
  local version lua tree=$check_folder/source
  version=$(lua_version "$(newest_lua)")
  rm -rf "$tree"
  (cd "$check_folder/home" && "${LUAROCKS:-luarocks}" --lua-version "$version" --tree "$tree" install "$project/$1") \
    >"$check_folder/source.log" 2>&1 || { tail -n 30 "$check_folder/source.log" >&2; return 1; }
  lua=$(command -v "lua$version")
  converse "$lua" "$tree/share/lua/$version" "$tree/lib/lua/$version"
  echo "$1: built and installed, and talked on ${lua##*/}"
}

# check_sums FOLDER
check_sums() { (cd "$1" && sha256sum --check --quiet SHA256SUMS) && echo "$1/SHA256SUMS: every sum is right"; }

# check_packages FOLDER VERSION PLATFORM: everything that was made for this platform.
check_packages() {
  local file version
  for file in "$1"/*-"$3"-lua*; do
    version=$(sed -E 's/.*-lua([0-9]\.[0-9]).*/\1/' <<<"$file")
    check_archive "$version" "$file"
  done
  for file in "$1"/rocks/lua*/*."$3".rock; do
    [[ -e $file ]] || continue
    version=$(sed -E 's/.*\/lua([0-9]\.[0-9])\/.*/\1/' <<<"$file")
    check_rock "$version" "$file"
  done
  for file in "$1"/websocket.nvim-*-"$3".*; do if [[ -e $file ]]; then check_plugin "$file"; fi; done
  for file in "$1"/*-"$3"-client.*; do if [[ -e $file ]]; then check_client "$file" "$2"; fi; done
}
