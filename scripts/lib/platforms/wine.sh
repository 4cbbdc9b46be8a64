# Runs programs for Windows in Wine, which has a folder of its own below target. Sourced by windows-x86_64.sh.

# Wine asks for neither .NET nor a browser then, and is silent about what it does not implement.
export WINEPREFIX=$PWD/target/platforms/wine WINEDLLOVERRIDES="mscoree=;mshtml=" WINEDEBUG=-all

# The package wine64 has no command in PATH, but wine has.
need_wine() { need_command wine "wine wine64"; }

# Makes a folder for Wine, and starts it. It ends together with the script. What Wine says is kept in a file: it misses
# parts that run programs with 32 bits.
begin_wine() {
  local log=$platform_folder/wineboot.log
  step "$platform: start Wine"
  at_end() { end_wine; }
  end_wine
  mkdir -p "$WINEPREFIX"
  timeout 180 wineboot --init >"$log" 2>&1 || { cat "$log" >&2; return 1; }
}

# Ends Wine, and removes its folder, in which a link leads to all files of the machine.
end_wine() {
  timeout 60 wineserver -k || true
  timeout 60 wineserver -w || true
  rm -rf "$WINEPREFIX"
}

# make_wine_program EXE PROGRAM [COMMAND...]: makes a program of this machine that runs a program for Windows. The
# command, if there is one, comes before Wine's.
make_wine_program() {
  local exe=$1 program=$2
  shift 2
  {
    echo "#!/bin/sh"
    echo "exec $(printf '%q ' "$@" wine "$exe")\"\$@\""
  } >"$program"
  chmod +x "$program"
}
