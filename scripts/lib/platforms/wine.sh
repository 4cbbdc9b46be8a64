# Runs programs for Windows in Wine, which has a folder of its own below target. Sourced by windows-x86_64.sh.

# Wine asks for neither .NET nor a browser then, and is silent about what it does not implement.
export WINEPREFIX=$PWD/target/platforms/wine WINEDLLOVERRIDES="mscoree=;mshtml=" WINEDEBUG=-all

# What Debian names wine64 has no command, so its package `wine` is needed, too.
need_wine() { need_command wine "wine wine64"; }

# Starts Wine, which keeps running for a moment after its last program. It ends together with the script.
begin_wine() {
  step "$platform: start Wine"
  at_end() { end_wine; }
  mkdir -p "$WINEPREFIX"
  timeout 180 wineboot --init
}

end_wine() { timeout 60 wineserver -k || true; }

# make_wine_program EXE PROGRAM [COMMAND...]: makes a program of this machine that runs a program for Windows. The command,
# if there is one, comes before Wine's.
make_wine_program() {
  local exe=$1 program=$2
  shift 2
  {
    echo "#!/bin/sh"
    echo "exec $(printf '%q ' "$@" wine "$exe")\"\$@\""
  } >"$program"
  chmod +x "$program"
}
