# Records what a run of a platform measured, a line for each fact, in results.tsv of the platform's folder. report.py
# makes a table and docs/platforms.md of these lines. Sourced by platform.sh.

results_file() { echo "$platform_folder/results.tsv"; }

begin_results() {
  : >"$(results_file)"
  record title "$platform_title"
  record tested "${platform_tested//$'\n'/ }"
}

# record KIND FIELDS...
record() { (IFS=$'\t'; echo "$*") >>"$(results_file)"; }

# Kinds besides those below: `file WHAT BYTES`, a file that the platform ships; `needs WHAT TEXT`, what a system must
# have for it; `failed LUA NAME`, a test that failed; `complete`, that the run came to its end.

# record_run LUA WHAT PASSED FAILED: runs of the same name add up. LUA is empty where none is involved.
record_run() { record ran "$@"; }

# record_left_out LUA WHAT COUNT REASON: what would run elsewhere, and does not run here.
record_left_out() { record left_out "$@"; }

# Whether a check has failed so far. Checks record that, and go on.
has_failures() { awk -F '\t' '$1 == "ran" && $5 > 0 { found = 1 } END { exit !found }' "$(results_file)"; }
