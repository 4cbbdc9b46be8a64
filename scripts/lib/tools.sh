# Installs the tools that are missing: with apt-get on Debian and Ubuntu; elsewhere lists them and stops.
# First need... for each tool, then install_missing. Sourced.
missing=()
packages=()
PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH # as rockspec/with-rust does

# need DESCRIPTION PACKAGES COMMAND...: the tool is there when the command succeeds; else the packages (of Debian) bring it.
need() {
  local description=$1 brought_by
  read -ra brought_by <<<"$2"
  shift 2
  "$@" >/dev/null 2>&1 && return
  missing+=("$description")
  packages+=("${brought_by[@]}")
}

need_command() { need "$1" "${2:-$1}" command -v "$1"; }

# Lua's headers stand elsewhere on other systems; LuaRocks looks for them itself and says what it misses.
need_headers() {
  command -v apt-get >/dev/null || return 0
  need "headers of Lua $1" "$2" test -e "/usr/include/lua$1/lua.h"
}

install_missing() {
  ((${#missing[@]})) || return 0
  printf 'missing: %s\n' "${missing[@]}"
  if ! command -v apt-get >/dev/null; then
    echo "Please install these, under these names, and start again." >&2
    return 1
  fi
  local root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || { echo "Please run as root: apt-get install ${packages[*]}" >&2; return 1; }
    root=(sudo)
  fi
  ${root[@]+"${root[@]}"} apt-get update -q
  ${root[@]+"${root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${packages[@]}"
}
