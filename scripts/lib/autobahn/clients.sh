# The clients that the Autobahn suite tests: websocket-native-LUA, this module on that Lua, and the peers. Sourced after
# luas.sh, peers.sh and tools.sh.
peers=(ws websockets tokio-tungstenite)
node_modules=$PWD/spec/support/node_modules

# build_client NAME
build_client() {
  local lua
  need_command python3
  case $1 in
    ws | websockets)
      need "python3's venv" python3-venv python3 -c "import ensurepip, venv"
      need_command node nodejs
      need_command npm
      install_missing
      install_peers
      ;;
    tokio-tungstenite)
      install_missing
      sh rockspec/with-rust cargo build --locked --target-dir target -p test-server --example autobahn
      ;;
    websocket-native-*)
      lua=$(lua_command "${1#websocket-native-}")
      need_lua "${1#websocket-native-}"
      install_missing
      make_lua "${1#websocket-native-}"
      "$lua" rockspec/build.lua build
      ;;
    *)
      echo "no such client: $1; the peers are ${peers[*]}" >&2
      return 1
      ;;
  esac
}

# version_of NAME: prints the version of the client, and that of its language unless this is Rust.
version_of() {
  local lua=${1#websocket-native-}
  case $1 in
    ws) NODE_PATH=$node_modules node -p '`${require("ws/package.json").version}, Node ${process.versions.node}`' ;;
    websockets)
      target/python/bin/python -c \
        'import platform, websockets; print(f"{websockets.__version__}, Python {platform.python_version()}")'
      ;;
    tokio-tungstenite) cargo pkgid --locked tokio-tungstenite | sed 's/.*[#@]//' ;;
    websocket-native-*)
      with_lua "$lua" -e 'print(require "websocket"._VERSION:match "%S+$" .. ", " .. (jit and jit.version or _VERSION))'
      ;;
  esac
}

# run_client NAME URL
run_client() {
  case $1 in
    ws) NODE_PATH=$node_modules node scripts/lib/autobahn/client.js "$2" "$1" ;;
    websockets) target/python/bin/python scripts/lib/autobahn/client.py "$2" "$1" ;;
    tokio-tungstenite) target/debug/examples/autobahn "$2" "$1" ;;
    websocket-native-*) with_lua "${1#websocket-native-}" scripts/lib/autobahn/client.lua "$2" "$1" ;;
  esac
}
