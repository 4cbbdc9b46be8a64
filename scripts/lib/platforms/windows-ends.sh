# Checks how processes and Lua states end on Windows. Sourced by windows-x86_64.sh, after windows-lua.sh.

# build_windows_program SOURCE EXE [ARGUMENTS...]
build_windows_program() {
  local source=$platforms_lib/windows/$1 exe=$2
  shift 2
  "$windows_cc" -std=gnu99 -O1 -Wall -Wextra -Werror -o "$exe" "$source" "$@"
}

# check_exits COUNT LUA...: ends processes in every way and phase.
check_exits() {
  local count=$1 output passed failed
  shift
  step "$platform: end processes in every way and phase"
  build_windows_program console.c "$platform_folder/console.exe"
  output=$(timeout 600 python3 scripts/lib/exits --windows "$count" target/debug/test-server "$@") || true
  echo "$output"
  failed=$(sed -n 's/.* \([0-9]*\) wrong$/\1/p' <<<"$output")
  passed=$((count - ${failed:-$count}))
  record_run "" "ends of processes on Lua ${*/luajit/and LuaJIT}, among them by Ctrl-C" "$passed" "${failed:-$count}"
}

# The script that each state of check_states runs. It leaves an open connection behind.
state_script='local websocket = require "websocket"
local ws = assert(websocket.connect(argument))
assert(ws:send("hello") and ws:receive(30) == "hello")
'

# check_states LUA: opens and closes Lua states in turn in one process.
check_states() {
  local lua=$1 count=20 folder=$platform_folder/luas/$1 output library passed=0
  library=$(echo "$folder"/lua5*.dll)
  step "$platform: open and close Lua states in turn"
  build_windows_program states.c "$folder/states.exe" -I"$(lua_source "$lua")" "$library"
  make_wine_program "$folder/states.exe" "$folder/states"
  printf '%s' "$state_script" >"$folder/states.lua"
  output=$(LUA_PROGRAM=$folder/states with_lua "$lua" "$count" "$folder/states.lua" \
    "ws://127.0.0.1:$(echo_port ws)/") || true
  echo "$output"
  [[ $output != "$count states"* ]] || passed=$count
  record_run "$lua" "states that are opened and closed in turn" "$passed" "$((count - passed))"
}
