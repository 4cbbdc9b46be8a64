# Starts the Autobahn suite with the command in AUTOBAHN_SERVER and ends it; with AUTOBAHN_URL it uses a suite that is
# already running. Needs steps.sh and PORT, OUT and EXCLUDE. Exits with 2 if the suite is not available. Sourced.
suite=
url=

find_suite() {
  [[ -z ${AUTOBAHN_URL:-}${AUTOBAHN_SERVER:-} ]] || return 0
  cat >&2 <<TEXT
Neither AUTOBAHN_URL nor AUTOBAHN_SERVER is set. The suite is published as the image crossbario/autobahn-testsuite:

  mkdir -p $OUT
  cat >$OUT/fuzzingserver.json <<'JSON'
  {"url": "ws://0.0.0.0:$PORT", "outdir": "/reports", "cases": ["*"], "exclude-cases": $EXCLUDE,
   "exclude-agent-cases": {}}
  JSON
  docker run --rm -p 127.0.0.1:$PORT:$PORT -v "\$PWD/$OUT:/reports" crossbario/autobahn-testsuite \\
    wstest -m fuzzingserver -s /reports/fuzzingserver.json

and then: AUTOBAHN_URL=ws://127.0.0.1:$PORT $0${*:+ $*}
TEXT
  exit 2
}

# answers HOST:PORT
answers() { (exec 3<>"/dev/tcp/${1%:*}/${1##*:}") 2>/dev/null; }

start_suite() {
  mkdir -p "$OUT"
  rm -f "$OUT/index.json" # a report of an earlier run must not be taken for this one's
  if [[ -n ${AUTOBAHN_URL:-} ]]; then
    url=${AUTOBAHN_URL%/}
    answers "${url#ws://}" || { echo "nothing answers at $url" >&2; exit 2; }
    return
  fi
  while answers "127.0.0.1:$PORT"; do PORT=$((PORT + 1)); done
  url=ws://127.0.0.1:$PORT
  bash -c "exec $AUTOBAHN_SERVER" >"$OUT/server.log" 2>&1 &
  suite=$!
  children+=("$suite")
  for _ in {1..900}; do # three minutes, because the first start may install the suite
    if answers "127.0.0.1:$PORT"; then return; fi
    kill -0 "$suite" 2>/dev/null || break
    sleep 0.2
  done
  echo "the suite did not start:" >&2
  tail -n 20 "$OUT/server.log" >&2
  exit 2
}

# The suite keeps everything that it saw in memory, so every client gets a new process.
stop_suite() {
  [[ -n $suite ]] || return 0
  kill "$suite" 2>/dev/null || true
  wait "$suite" || true
  suite='' children=()
}
