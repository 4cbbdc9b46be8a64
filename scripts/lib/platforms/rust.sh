# Builds for a target by rustup's Rust where that has the target's standard library, and else by Debian's, which builds
# the standard library first. Sourced by platform.sh.
#
# Comes in: platform_target; zig_target, what cargo-zigbuild is told, where zig links in place of a C compiler; and
# platform_rustflags, a list of flags for the target. Goes out: files in the platform's folder.
#
# Debian's Rust has folders of its own below target/platforms, so nothing of rustup's is touched. The packages contain
# the sources of the standard library, and RUSTC_BOOTSTRAP lets the stable compiler accept -Zbuild-std.

cargo_folder=target/platforms/cargo

# Whether rustup's Rust has the standard library of the target.
has_std() { compgen -G "$(rustc --print sysroot)/lib/rustlib/$platform_target/lib/libstd-*.rlib" >/dev/null; }

sources_of_std() { readlink -f "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust"; }

debian_builds_std() { /usr/bin/cargo --version && [[ -e $(sources_of_std)/library/Cargo.lock ]]; }

# Build scripts run on this machine, whose compiler links them.
need_rust() {
  need_command cc "gcc libc6-dev"
  has_std || need "Rust that can build for $platform_target" "rustc-web cargo-web rust-web-src" debian_builds_std
}

# run_cargo SUBCOMMAND ARGUMENTS...: builds for the target. Paths of this machine are left out of the result, so that it
# is the same wherever it is built.
run_cargo() {
  local subcommand=$1 cargo=cargo home=${CARGO_HOME:-$HOME/.cargo}
  local flags=(${platform_rustflags[@]+"${platform_rustflags[@]}"}) variables=() options=()
  shift
  if ! has_std; then
    cargo=/usr/bin/cargo home=$PWD/target/platforms/cargo-home
    flags+=("--remap-path-prefix=$(sources_of_std)=/rust")
    variables+=(RUSTC=/usr/bin/rustc CARGO="$cargo" RUSTC_BOOTSTRAP=1 "CARGO_HOME=$home")
    options+=(-Zbuild-std=std,panic_unwind)
  fi
  flags+=("--remap-path-prefix=$PWD=/websocket-native" "--remap-path-prefix=$home=/cargo")
  variables+=("CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; echo "${flags[*]}")")
  # The linker of Windows writes a time into the file: this one in place of the present. Another one in the next build
  # would make cargo compile ring again, so it is not that of the last commit.
  variables+=("SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-315532800}")
  local command=("$cargo" "$subcommand")
  if [[ -n $zig_target ]]; then
    install_zig
    variables+=("CARGO_ZIGBUILD_ZIG_PATH=$zig_program" "CARGO_ZIGBUILD_CACHE_DIR=$PWD/target/platforms/zig-cache")
    command=("$cargo_zigbuild" "$subcommand")
  fi
  env "${variables[@]}" "${command[@]}" "${options[@]}" --release --locked --target "${zig_target:-$platform_target}" \
    --target-dir "$cargo_folder" "$@"
}

# build_module VERSION SUFFIX: builds the Lua module, which rustc names libwebsocket_core.SUFFIX, or
# websocket_core.SUFFIX on Windows, and leaves it where the platform has its modules.
build_module() {
  local version=$1 suffix=$2 built flags=()
  step "$platform: build the module for Lua $version"
  if [[ $zig_target == *-linux-* ]]; then
    install_zig
    make_unwinder
    flags=(-L "native=$platform_folder/unwinder" -l static=unwinder)
  fi
  run_cargo rustc --lib --crate-type cdylib --features "lua${version/./}" -- ${flags[@]+"${flags[@]}"}
  for built in "$cargo_folder/$platform_target/release/"{lib,}"websocket_core.$suffix"; do
    if [[ -e $built ]]; then
      stage "$built" "$(platform_module "$version")"
      return
    fi
  done
  echo "cargo left no websocket_core.$suffix for $platform" >&2
  return 1
}

# build_client [FLAGS...]: builds the command-line client, with these flags of rustc for its last step, and leaves it
# where the platform has its programs.
build_client() {
  step "$platform: build the command-line client"
  run_cargo rustc -p websocket-cli --bin websocket -- "$@"
  stage "$cargo_folder/$platform_target/release/websocket$platform_exe" "$(platform_client)"
}
