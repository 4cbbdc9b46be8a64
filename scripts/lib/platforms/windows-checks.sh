# Checks of the files for Windows, besides those of checks.sh. Sourced by windows-x86_64.sh.

# The parts of Windows itself that a file may need; none of MinGW, which no system has.
windows_libraries='advapi32|api-ms-win-.*|bcrypt|bcryptprimitives|crypt32|iphlpapi|kernel32|msvcrt|ncrypt|ntdll|secur32|user32|userenv|ws2_32'

# check_needs_of_windows WHAT FILE: records the size of a file that is shipped, and the libraries that it needs.
check_needs_of_windows() {
  local what=$1 file=$2 libraries others passed=1 failed=0
  step "$platform: what the $what needs"
  libraries=$("${windows_cc%gcc}objdump" -p "$file" | sed -n 's/^\tDLL Name: //p' | tr '[:upper:]' '[:lower:]' | sort -u)
  echo "${libraries//$'\n'/, }"
  others=$(grep -vxE "($windows_libraries)\.dll" <<<"$libraries") || true
  if [[ -z $libraries || -n $others ]]; then
    echo "not a part of Windows: $others" >&2
    passed=0 failed=1
  fi
  record file "$what" "$(stat -c %s "$file")"
  record needs "$what" "${libraries//$'\n'/, }"
  record_run "" "check of what the $what needs" "$passed" "$failed"
}

# converse_in_other_ways LUA: the conversation in programs that have Lua's functions elsewhere than in the usual DLL.
converse_in_other_ways() {
  local lua=$1 folder=$platform_folder/luas/$1
  LUA_PROGRAM=$folder/renamed/lua converse "$lua" "Lua in a DLL with another name"
  LUA_PROGRAM=$folder/whole/lua converse "$lua" "Lua in the program"
}

# The module for Lua 5.1 must refuse Lua 5.4 by an error that says why.
check_wrong_version() {
  local text passed=1 failed=0 wanted="websocket.core finds no functions of its version of Lua in this process"
  local modules=$platform_folder/wrong-version
  step "$platform: the error of the module for Lua 5.1 on Lua 5.4"
  stage "$(platform_module 5.1)" "$modules/5.4/websocket/core.dll"
  text=$(LUA_MODULES=$modules with_lua 5.4 -e 'print(pcall(require, "websocket"))' 2>&1) || true
  echo "$text"
  [[ $text == "false"*"$wanted"* ]] || passed=0 failed=1
  record_run 5.4 "error of a module for another Lua" "$passed" "$failed"
}

# The command-line client: what it needs, and a conversation.
check_client_of_windows() {
  platform_build_client
  check_needs_of_windows client "$(platform_client)"
  cp "$platform_folder/luas/5.4/bcryptprimitives.dll" "$platform_folder/bin"
  converse_by_client wine
}
