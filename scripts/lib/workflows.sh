# Checks the workflows for the forge, which cannot run here. Sourced.
workflow_tools=target/workflow-tools

# Installed again only if the list of versions has changed.
install_workflow_tools() {
  local lists=scripts/lib/workflows
  ! cmp -s "$lists/package-lock.json" "$workflow_tools/installed.json" || return 0
  rm -rf "$workflow_tools"
  mkdir -p "$workflow_tools"
  cp "$lists/package.json" "$lists/package-lock.json" "$workflow_tools/"
  npm ci --prefix "$workflow_tools" --no-audit --no-fund --quiet
  cp "$lists/package-lock.json" "$workflow_tools/installed.json"
}

# Every script that a workflow calls must be there, since a renamed one would be missed by the next release only.
check_workflow_scripts() {
  local script
  for script in $(grep -ohE '\bscripts/[a-z-]+' .github/workflows/*.yml | sort -u); do
    [[ -x $script ]] || { echo "a workflow calls $script, which is no script" >&2; return 1; }
  done
}

lint_workflows() {
  install_workflow_tools
  TOOLS=$PWD/$workflow_tools node scripts/lib/workflows/lint.mjs .github/workflows/*.yml
  check_workflow_scripts
}
