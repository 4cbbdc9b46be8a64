# Our echo server on its own ports: ws://127.0.0.1:8765/ and wss://127.0.0.1:8766/. Sourced.
# It ends when its standard input closes, so it never outlives the script, however that ends.
certificates=target/demo

build_test_server() { cargo build --release --locked --target-dir target -p test-server; }

start_echo_server() {
  mkdir -p "$certificates"
  coproc echo_server { exec target/release/test-server --demo --dir "$certificates"; }
  children+=("$echo_server_PID")
  local line
  read -r -t 10 line <&"${echo_server[0]}" || { echo "the echo server did not start" >&2; return 1; }
  echo "$line"
}
