# Installs the WebSocket servers of other projects that the specs use: Python's websockets and Node's ws. Sourced.
# Each is installed again only if its list of versions has changed.

install_peers() {
  install_python_peers
  install_node_peers
}

install_python_peers() {
  local venv=target/python requirements=spec/support/requirements.txt
  if ! cmp -s "$requirements" "$venv/requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$venv/requirements.txt"
  fi
}

install_node_peers() {
  if [[ ! spec/support/node_modules/.package-lock.json -nt spec/support/package-lock.json ]]; then
    npm ci --prefix spec/support --no-audit --no-fund
  fi
}
