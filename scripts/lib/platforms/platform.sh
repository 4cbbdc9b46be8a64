# What a platform is to scripts/platforms, which checks it, and to scripts/package, which packs it. Sourced after
# steps.sh and tools.sh; all paths are relative to the top of the tree.
#
# Each file NAME.sh of this folder that begins with the line `# Platform: DESCRIPTION` is a platform. After
# `load_platform NAME` these functions exist:
#
#   platform_need                   registers what is missing for building, by need of tools.sh, for install_missing
#   platform_need_to_run            the same for platform_run
#   platform_build_module VERSION   builds for Lua 5.1, 5.2, 5.3, 5.4 or 5.5, into $(platform_module VERSION)
#   platform_build_client           builds the command-line client, into $(platform_client)
#   platform_run                    builds what it runs, runs it, and records what came of it by results.sh
#
# and these variables are set:
#
#   platform, platform_title        the name, and the description
#   platform_tested                 a sentence that says what "tested" means for it, for docs/platforms.md
#   platform_target                 what Rust calls it
#   platform_folder                 target/platforms/NAME, for all that is made for it
#   platform_suffix, platform_exe   the suffixes of a module (so, or dll on Windows) and of a program (empty, or .exe)
#
# The functions of the next platform replace those of the one before, so several may be loaded one after the other.

platforms_lib=scripts/lib/platforms
source "$platforms_lib/rust.sh"
source "$platforms_lib/zig.sh"
source "$platforms_lib/unwinder.sh"
source "$platforms_lib/results.sh"
source "$platforms_lib/checks.sh"

# Prints the names of all platforms.
platform_names() {
  local file
  for file in "$platforms_lib"/*.sh; do
    if [[ -n $(platform_description "$file") ]]; then basename "$file" .sh; fi
  done | sort
}

platform_description() { sed -n '1s/^# Platform: //p' "$1"; }

# load_platform NAME: defines the functions and variables above.
load_platform() {
  platform=$1
  platform_folder=target/platforms/$1
  platform_suffix=so platform_exe="" zig_target="" platform_rustflags=()
  local file=$platforms_lib/$1.sh
  if [[ ! -e $file ]] || [[ -z $(platform_description "$file") ]]; then
    echo "There is no platform $1; there are: $(platform_names | paste -sd ' ')" >&2
    return 2
  fi
  platform_title=$(platform_description "$file")
  source "$file"
  mkdir -p "$platform_folder"
}

# platform_module VERSION: the file that platform_build_module leaves.
platform_module() { echo "$platform_folder/lua/$1/websocket/core.$platform_suffix"; }

# The file that platform_build_client leaves.
platform_client() { echo "$platform_folder/bin/websocket$platform_exe"; }

# stage FROM TO: copies beside the target and renames, so that a program which has the old file loaded keeps it whole.
stage() {
  mkdir -p "$(dirname "$2")"
  cp "$1" "$2.new"
  mv -f "$2.new" "$2"
}
