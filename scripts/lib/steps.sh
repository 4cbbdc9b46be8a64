# Names every step, says what failed, and ends what the script started. Sourced by the scripts in the folder above.
current_step="the beginning"
children=()

step() {
  current_step=$1
  printf '\n== %s\n' "$1"
}

# background COMMAND...: starts it in a process group of its own, which ends with the script. Its number is in `$!`.
# It cannot read the terminal, which would stop it.
background() {
  set -m
  "$@" </dev/null &
  set +m
  children+=($!)
}

# What a script says when it has failed. Gets the exit status.
say_failure() { printf '\n%s: FAILED at the step "%s" (status %d)\n' "$0" "$current_step" "$1" >&2; }

# What a script says last, whether it has failed or not.
at_end() { :; }

finish() {
  local status=$?
  trap - EXIT
  local running
  running=$(jobs -rp)
  for child in ${children[@]+"${children[@]}"}; do
    # Another process may have the number of one that has ended.
    grep -qx "$child" <<<"$running" || continue
    kill -- "-$child" 2>/dev/null || kill "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  done
  ((status == 0)) || say_failure "$status"
  at_end
  exit "$status"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
