# What platforms run: the conversation of examples/echo.lua over ws and wss, and the specs. The servers run on this
# machine. Sourced by platform.sh.
#
# A platform runs its Luas by these variables. Each is empty where Debian's interpreters run the platform's module.
#
#   LUA_PROGRAM     the interpreter
#   HOST_PROGRAM    the program of spec/support/host.c
#   CC              the compiler for a library that the specs load into the interpreter

for part in luas lua-sources server peers host specs; do source "scripts/lib/$part.sh"; done
source "$platforms_lib/interpreters.sh"

need_for_conversation() { need_command cc "gcc libc6-dev"; }

# What the servers of the specs need, and busted itself.
need_for_specs() {
  need_for_conversation
  need_command python3
  need "python3's venv" python3-venv python3 -c "import ensurepip, venv"
  need_command node nodejs
  need_command npm
  need_command openssl
  need_command lua5.4
  need_busted 5.4
  need_networks_and_daemons
}

# The echo server and those of the specs, built once for all platforms.
build_servers() {
  step "build the test server"
  build_test_server
}

# converse LUA: the conversation over ws and over wss, and errors of callbacks, on the module that the platform has for
# this Lua.
converse() {
  local lua=$1 scheme passed failed arguments
  export LUA_MODULES=$platform_folder/lua
  [[ -n ${echo_server_PID:-} ]] || start_echo_server --ws-port 0 --wss-port 0
  for scheme in ws wss; do
    step "$platform: talk over $scheme on $(lua_command "$lua")"
    arguments=("$scheme://127.0.0.1:$(echo_port "$scheme")/")
    if [[ $scheme == wss ]]; then arguments+=("$certificates/ca.pem"); fi
    passed=1 failed=0
    with_lua "$lua" examples/echo.lua "${arguments[@]}" || passed=0 failed=1
    record_run "$lua" "conversation over ws and wss" "$passed" "$failed"
  done
  step "$platform: errors of callbacks on $(lua_command "$lua")"
  passed=1 failed=0
  with_lua "$lua" "$platforms_lib/errors.lua" || passed=0 failed=1
  record_run "$lua" "errors of callbacks" "$passed" "$failed"
}

# converse_by_client [EMULATOR...]: the same by the command-line client, whose message must come back. The emulator is
# the beginning of a command that runs it.
converse_by_client() {
  local scheme passed failed answer
  [[ -n ${echo_server_PID:-} ]] || start_echo_server --ws-port 0 --wss-port 0
  for scheme in ws wss; do
    step "$platform: talk over $scheme by the client"
    answer=$("$@" "$(platform_client)" -x "hello by $scheme" --ca "$certificates/ca.pem" \
      "$scheme://127.0.0.1:$(echo_port "$scheme")/") || echo "It ended with status $?." >&2
    echo "$answer"
    passed=1 failed=0
    [[ $answer == "hello by $scheme" ]] || passed=0 failed=1
    record_run "" "conversation of the client over ws and wss" "$passed" "$failed"
  done
}

# leave_out FILE: sets busted_options and takes files out of slow_specs and others, so that the specs do not run that
# this list names. Each of its lines is `WHAT | REASON`: a file, or a text that is in the full names of some specs.
leave_out() {
  local what _
  while IFS='|' read -r what _; do
    what=${what%"${what##*[! ]}"} # without the spaces at its end
    case $what in
      "" | '#'*) ;;
      spec/*)
        mapfile -t slow_specs < <(printf '%s\n' "${slow_specs[@]}" | grep -vxF "$what")
        mapfile -t others < <(printf '%s\n' "${others[@]}" | grep -vxF "$what")
        ;;
      # All but letters and digits may have a meaning in a pattern of Lua.
      *) busted_options+=("--filter-out=$(sed 's/[^[:alnum:]]/%&/g' <<<"$what")") ;;
    esac
  done <"$1"
  half=$((${#others[@]} / 2))
}

# run_specs_of LUA [LEFT_OUT]: all specs but those that the list LEFT_OUT names.
run_specs_of() {
  local lua=$1 left_out=${2:-} others half runs slow_specs=("${slow_specs[@]}")
  export LUA_MODULES=$platform_folder/lua
  spec_logs=$platform_folder/specs/$lua results=$platform_folder/specs-$lua.log last_lua=""
  step "$platform: specs on $(lua_command "$lua")"
  install_peers
  : >"$results"
  busted_options=()
  begin_runs
  if [[ -n $left_out ]]; then
    with_lua "$lua" scripts/lib/busted.lua --list >"$spec_logs/names"
    leave_out "$left_out"
  fi
  start_runs_on "$lua"
  finish_runs >/dev/null || true # what has failed is in the results
  python3 "$platforms_lib/spec_results.py" "$lua" "$results" ${left_out:+"$left_out" "$spec_logs/names"} \
    >>"$(results_file)"
  grep -P "^(ran\t$lua\tspecs|failed\t$lua)\t" "$(results_file)"
}

# The parts of glibc, and its loader, each with the same versions. libgcc_s is another library, and none of these.
glibc_libraries=(libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 librt.so.1 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1)

# check_needs WHAT FILE GLIBC LIBRARY...: records the size of a file that is shipped, and what it needs, which may be no
# more than these libraries and this version of glibc, or none.
check_needs() {
  local what=$1 file=$2 text passed=1 failed=0
  shift 2
  step "$platform: what the $what needs"
  text=$(python3 "$platforms_lib/needs.py" "$file" "$@") || passed=0 failed=1
  echo "$text"
  record file "$what" "$(stat -c %s "$file")"
  record needs "$what" "$text"
  record_run "" "check of what the files need" "$passed" "$failed"
}

check_needs_of_glibc() { check_needs "$1" "$2" 2.17 "${glibc_libraries[@]}"; }

check_needs_of_musl() { check_needs "$1" "$2" none libc.so; }

# The check must fail on what the Rust and the C compiler of this machine make of the standard library: that needs
# libgcc_s, and, since Debian 12 and Ubuntu 22.04, versions of glibc that are newer than 2.17.
check_that_needs_can_fail() {
  local file=target/platforms/control/libcontrol.so
  step "the check of needs fails on a file that this machine's compilers link"
  mkdir -p "${file%/*}"
  echo '#[unsafe(no_mangle)] pub extern "C" fn control() { let _ = std::thread::spawn(|| ()).join(); }' |
    rustc --edition 2024 --crate-type cdylib --crate-name control -o "$file" -
  expect_needs_to_fail "$file" 2.17 "${glibc_libraries[@]}" libgcc_s.so.1 # so only the versions are too new
  expect_needs_to_fail "$file" 99 "${glibc_libraries[@]}" # so only the library is one too many
}

expect_needs_to_fail() {
  local status=0
  python3 "$platforms_lib/needs.py" "$@" || status=$?
  ((status == 1)) || { echo "The check ended with status $status, not 1." >&2; return 1; }
}
