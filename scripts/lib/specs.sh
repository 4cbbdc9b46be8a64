# Runs the specs on every Lua, and beside them the Rust tests and the check of process exits. Sourced by scripts/test.
# Comes in: luas, last_lua, lua_versions, results, children, await_rock, wanted, rust_tests; SPEC, one file instead of
# all; busted_options. Each run writes NAME.log in the folder spec_logs.

# Tests wait for the network most of the time, so more runs than processors keep these busy.
at_once=$(($(nproc) * 3))

spec_logs=target/specs
busted_options=()

# The spec files that take longest have a run of their own on each Lua, and start first.
slow_specs=(
  spec/leaving_spec.lua spec/limits_spec.lua spec/stalled_spec.lua spec/ping_spec.lua spec/peers_spec.lua
  spec/close_spec.lua spec/volume_spec.lua
)

other_specs() {
  local file
  for file in spec/*_spec.lua spec/*/*_spec.lua; do
    [[ " ${slow_specs[*]} " == *" $file "* ]] || printf '%s\n' "$file"
  done
}

# The libraries and programs that have a loop or a WebSocket client of their own.
need_libraries_of_loops() {
  local name
  for name in lua-socket lua-luv lua-cqueues lua-copas lua-http lua-lgi gir1.2-glib-2.0 neovim; do
    need_library "$name"
  done
}

need_networks_and_daemons() {
  # Only root can make the networks that some specs need. The others skip these specs by name.
  if ((EUID == 0)) && [[ $(uname) == Linux ]]; then
    need_command ip iproute2
    need_command nft nftables
  fi
  need_command tinyproxy tinyproxy-bin
  need_command danted dante-server
  need_command nginx nginx-light
  need_command mosquitto
}

# spec_run NAME COMMAND...: runs the command, and keeps what it prints and its exit status.
spec_run() {
  local name=$1 begin=$SECONDS status=0
  shift
  "$@" >"$spec_logs/$name.log" 2>&1 || status=$?
  echo "$status" >"$spec_logs/$name.status"
  printf '%s: %s after %d s\n' "$name" "$( ((status == 0)) && echo passed || echo "FAILED with status $status")" \
    $((SECONDS - begin))
}

# Debian has no busted for Lua 5.5, so this Lua runs the Lua files of that for Lua 5.4, with these libraries in C.
c_libraries=target/luas/libraries5.5.so

need_busted() {
  local name=$1
  case $name in
    5.5) name=5.4 ;;
    luajit-rolling) name=5.1 ;; # it finds what is installed for Lua 5.1
  esac
  need_lua "$name"
  need "busted for $(lua_command "$name")" lua-busted "$(lua_command "$name")" -e 'require "busted"'
}

make_busted() {
  [[ $1 != 5.5 ]] || build_libraries 5.5 "$c_libraries" cc
}

# busted_on LUA FILES...
busted_on() {
  local name=$1
  shift
  # One Lua opens as many connections as a test ever does.
  if [[ $name == "$last_lua" ]]; then export VOLUME=full; fi
  if [[ $name == 5.5 ]]; then
    BUSTED_PATH=$("$(lua_command 5.4)" -e 'io.write(package.path)')
    export BUSTED_PATH BUSTED_LIBRARIES=$PWD/$c_libraries
  fi
  # This python3 has the servers of install_peers.
  PATH=$PWD/target/python/bin:$PATH LUA_LIMIT=${LUA_LIMIT:-600} with_lua "$name" scripts/lib/busted.lua \
    ${busted_options[@]+"${busted_options[@]}"} "$@"
}

# Starts a run as soon as fewer than `at_once` are running.
start_run() {
  while (($(jobs -rp | wc -l) >= at_once)); do sleep 0.2; done
  background spec_run "$@"
  runs+=("$1")
}

# Adds the log of a run to the results, under a heading that failed-tests reads.
add_results() {
  local name=$1 status log=$spec_logs/$1.log
  status=$(cat "$spec_logs/$name.status" 2>/dev/null || echo "none")
  {
    printf '\n== tests of %s\n' "$name"
    cat "$log"
    # Such as a crash or the time limit, after which busted names nothing.
    if [[ $status != 0 ]] && ! grep -qE '^(Failure|Error) (→|->) ' "$log"; then
      printf 'Error → %s @ 0\nended with status %s\n' "$log" "$status"
    fi
  } | tee -a "$results"
  [[ $status == 0 ]]
}

start_runs_on() {
  local name=$1
  if [[ -n ${SPEC:-} ]]; then
    start_run "$(lua_command "$name")" busted_on "$name" "$SPEC"
  else
    start_run "$(lua_command "$name"),slow" busted_on "$name" "${slow_specs[@]}"
    start_run "$(lua_command "$name"),others-1" busted_on "$name" "${others[@]:0:half}"
    start_run "$(lua_command "$name"),others-2" busted_on "$name" "${others[@]:half}"
  fi
}

# Comes before start_runs_on, in a function that has these variables.
begin_runs() {
  mapfile -t others < <(other_specs)
  half=$((${#others[@]} / 2))
  runs=()
  rm -rf "$spec_logs"
  mkdir -p "$spec_logs"
}

# Waits for all runs, and fails if one of them has failed.
finish_runs() {
  local name failed=0
  for name in "${runs[@]}"; do
    while [[ ! -e $spec_logs/$name.status ]] && jobs -rp | grep -q .; do sleep 0.2; done
    add_results "$name" || failed=1
  done
  return "$failed"
}

run_specs() {
  local version name others half runs
  begin_runs
  if wanted rust; then start_run "rust" rust_tests; fi
  for version in $(lua_versions); do
    await_rock "$version" || return 1
    for name in "${luas[@]}"; do
      [[ $(lua_version "$name") != "$version" ]] || start_runs_on "$name"
    done
  done
  if [[ -z ${SPEC:-} ]]; then
    start_run "exits" python3 scripts/lib/exits.py 200 target/debug/test-server "${luas[@]}"
  fi
  finish_runs
}
