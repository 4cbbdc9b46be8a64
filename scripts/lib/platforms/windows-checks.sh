# Checks of the files for Windows, besides those of checks.sh. Sourced by windows-x86_64.sh.

# The parts of Windows itself that a file may need; none of MinGW, which no system has.
windows_libraries='advapi32|api-ms-win-.*|bcrypt|bcryptprimitives|crypt32|iphlpapi|kernel32|msvcrt|ncrypt|ntdll|secur32'
windows_libraries+='|user32|userenv|ws2_32'

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

# check_roots_of_windows LUA: a CA is trusted without options if the user's store of Windows has it, and else it is not.
check_roots_of_windows() {
  local lua=$1 key passed=1 failed=0
  step "$platform: trust what Windows trusts"
  key="HKCU\\Software\\Microsoft\\SystemCertificates\\Root\\Certificates\\$(fingerprint_of_ca)"
  if talk_with_roots_of_windows "$lua"; then
    echo "A CA that nobody trusts was trusted." >&2
    passed=0 failed=1
  fi
  timeout 60 wine reg add "$key" /v Blob /t REG_BINARY /d "$(ca_in_store)" /f
  talk_with_roots_of_windows "$lua" || passed=0 failed=1
  timeout 60 wine reg delete "$key" /f
  record_run "$lua" "conversation with a CA in the store of Windows" "$passed" "$failed"
}

# These variables would name other roots.
talk_with_roots_of_windows() {
  (unset SSL_CERT_FILE SSL_CERT_DIR && with_lua "$1" examples/echo.lua "wss://127.0.0.1:$(echo_port wss)/")
}

ca_in_der() { openssl x509 -in "$certificates/ca.pem" -outform DER; }

fingerprint_of_ca() { ca_in_der | sha1sum | cut -d ' ' -f 1 | tr '[:lower:]' '[:upper:]'; }

# The certificate as a property of the registry, in hexadecimal digits: the number of the property, 1, and the length,
# each in four bytes, least first, before the bytes.
ca_in_store() {
  local der length
  der=$(ca_in_der | od -An -v -tx1 | tr -d ' \n')
  length=$(printf %08x $((${#der} / 2)))
  echo "2000000001000000${length:6:2}${length:4:2}${length:2:2}${length:0:2}$der"
}

# The command-line client: what it needs, and a conversation.
check_client_of_windows() {
  platform_build_client
  check_needs_of_windows client "$(platform_client)"
  cp "$platform_folder/luas/5.4/bcryptprimitives.dll" "$platform_folder/bin"
  converse_by_client wine
}
