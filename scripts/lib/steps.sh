# Names every step, says which one failed, and ends what the script started. Sourced by the scripts in the folder above.
current_step="the beginning"
children=()

step() {
  current_step=$1
  printf '\n== %s\n' "$1"
}

# What a script says last, failed or not; scripts/test prints its counts here.
at_end() { :; }

finish() {
  local status=$?
  trap - EXIT
  for child in ${children[@]+"${children[@]}"}; do
    kill "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  done
  at_end
  ((status == 0)) || printf '\n%s: FAILED at the step "%s" (status %d)\n' "$0" "$current_step" "$status" >&2
  exit "$status"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
