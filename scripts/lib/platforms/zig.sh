# Installs zig, which links for many systems and for old versions of glibc, and cargo-zigbuild, which makes cargo use
# it. Both come from PyPI, into a virtual environment below target. Sourced by platform.sh.

zig_folder=target/platforms/zig
cargo_zigbuild=$PWD/$zig_folder/bin/cargo-zigbuild
zig_program="" # set by install_zig

need_zig() { need "python3's venv" python3-venv python3 -c "import ensurepip, venv"; }

# Installed again only if the list of versions has changed.
install_zig() {
  local requirements=scripts/lib/platforms/zig-requirements.txt
  if ! cmp -s "$requirements" "$zig_folder/requirements.txt"; then
    echo "install zig"
    rm -rf "$zig_folder"
    python3 -m venv "$zig_folder"
    "$zig_folder/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
      -r "$requirements"
    cp "$requirements" "$zig_folder/requirements.txt"
  fi
  zig_program=$(echo "$PWD/$zig_folder"/lib/python3*/site-packages/ziglang/zig)
}
