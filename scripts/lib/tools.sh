# Installs missing tools with apt-get on Debian and Ubuntu; lists them and stops on other systems. Sourced.
# Call need or need_command for each tool, then install_missing.
missing=()
packages=()
PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH:/usr/sbin # as rockspec/with-rust does; servers are in /usr/sbin

# need DESCRIPTION PACKAGES COMMAND...: the tool is present if the command succeeds; otherwise these packages of Debian
# contain it.
need() {
  local description=$1 brought_by
  read -ra brought_by <<<"$2"
  shift 2
  "$@" >/dev/null 2>&1 && return
  missing+=("$description")
  packages+=("${brought_by[@]}")
}

need_command() { need "$1" "${2:-$1}" command -v "$1"; }

# Other systems keep the headers of Lua elsewhere. LuaRocks finds them by itself and says what is missing.
need_headers() {
  command -v apt-get >/dev/null || return 0
  need "headers of Lua $1" "$2" test -e "/usr/include/lua$1/lua.h"
}

# need_library PACKAGE: a library of Lua or a program that some specs use. They are skipped by name where Debian has it for
# other Luas only, and on other systems that lack it.
need_library() {
  command -v dpkg >/dev/null || return 0
  need "$1" "$1" dpkg -s "$1"
}

install_missing() {
  ((${#missing[@]})) || return 0
  printf 'missing: %s\n' "${missing[@]}"
  if ! command -v apt-get >/dev/null; then
    echo "Please install these and start again." >&2
    return 1
  fi
  local root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || { echo "Please run as root: apt-get install ${packages[*]}" >&2; return 1; }
    root=(sudo)
  fi
  ${root[@]+"${root[@]}"} apt-get update -q
  without_services ${root[@]+"${root[@]}"} env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qy --no-install-recommends "${packages[@]}"
}

# Runs a command that installs packages, and keeps Debian from starting their services, now and at the next start of the
# system: the specs run such programs themselves.
without_services() {
  local policy=/usr/sbin/policy-rc.d status=0 service
  local services=(nginx danted mosquitto)
  if [[ -e $policy ]]; then
    "$@" || status=$?
  else
    ${root[@]+"${root[@]}"} sh -c "printf '#!/bin/sh\\nexit 101\\n' >$policy && chmod 755 $policy"
    "$@" || status=$?
    ${root[@]+"${root[@]}"} rm -f "$policy"
  fi
  if [[ -d /run/systemd/system ]]; then
    for service in "${services[@]}"; do
      [[ " ${missing[*]} " != *" $service "* ]] || ${root[@]+"${root[@]}"} systemctl disable --quiet "$service" || true
    done
  fi
  return "$status"
}
