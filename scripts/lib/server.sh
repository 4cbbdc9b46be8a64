# The echo server for people and for examples, on ws://127.0.0.1:8765/ and wss://127.0.0.1:8766/. Sourced.
certificates=target/demo

# Without the optimisation that a release needs: Cargo.toml names the parts that must be fast.
build_test_server() { cargo build --locked --target-dir target -p test-server; }

# start_echo_server [OPTIONS]: starts it and waits until it listens; `--ws-port 0 --wss-port 0` takes ports that are free.
# It is ended together with the script.
start_echo_server() {
  mkdir -p "$certificates"
  # It gets a process group of its own, as in `background`: otherwise bash takes it for a member of the group of whatever
  # has started this script, and `finish` would end that group.
  set -m
  coproc echo_server { exec target/debug/test-server --demo --dir "$certificates" "$@"; }
  set +m
  children+=("$echo_server_PID")
  local line
  read -r -t 60 line <&"${echo_server[0]}" || { echo "the echo server did not start" >&2; return 1; }
  echo "$line"
}

# echo_port NAME: the port of the echo server for `ws` or `wss`.
echo_port() { sed -n "s/^ *$1 = \([0-9]*\),$/\1/p" "$certificates/ports.lua"; }
