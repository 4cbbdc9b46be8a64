# Installs the WebSocket servers that others wrote, for the specs: Python's websockets and Node's ws. Sourced.
# Quick when they are there: each is installed anew only when its list of versions changed.

install_peers() {
  local venv=target/python requirements=spec/support/requirements.txt
  if ! cmp -s "$requirements" "$venv/requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$venv/requirements.txt"
  fi
  if [[ ! spec/support/node_modules/.package-lock.json -nt spec/support/package-lock.json ]]; then
    npm ci --prefix spec/support --no-audit --no-fund
  fi
}
