# Records what a run of a platform measured, a line for each fact, in results.tsv of the platform's folder. report.py makes
# a table and docs/platforms.md of these lines. Sourced by platform.sh.

results_file() { echo "$platform_folder/results.tsv"; }

begin_results() {
  : >"$(results_file)"
  record title "$platform_title"
}

# record KIND FIELDS...
record() { (IFS=$'\t'; echo "$*") >>"$(results_file)"; }

# record_file WHAT FILE: how large a file is that the platform ships.
record_file() { record file "$1" "$(stat -c %s "$2")"; }

# record_needs TEXT: what a system must have for the platform's files.
record_needs() { record needs "$1"; }

# record_run LUA WHAT PASSED FAILED
record_run() { record ran "$@"; }

# record_left_out LUA WHAT COUNT REASON: what would run elsewhere, and does not run here.
record_left_out() { record left_out "$@"; }
