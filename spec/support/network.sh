#!/bin/sh
# Joins two network namespaces by a cable, serves in one of them, and removes everything when its stdin ends.
#
#   network.sh DIR SERVER    DIR gets the ports of the server; SERVER is the program test-server
#
# Prints one line: `ready NAME`, or `cannot REASON` where the system allows no namespaces. NAME-client has the addresses
# 198.51.100.1 and 2001:db8::1, and NAME-server, where the server listens, 198.51.100.2 and 2001:db8::2. Packets to
# 198.51.100.9 and 2001:db8::9 leave the client and reach nobody. In the client's namespace the name `both.test` has the
# IPv6 address that goes nowhere and the IPv4 address of the server.
set -eu
directory=$1 server=$2
name=wsn-$$
hosts=/etc/netns/$name-client

cannot() {
  echo "cannot $*"
  exit 0
}

remove() {
  trap - EXIT
  if [ -n "${serving:-}" ]; then kill "$serving" 2>/dev/null || true; fi
  for side in client server; do ip netns del "$name-$side" 2>/dev/null || true; done
  rm -rf "$hosts"
}
trap remove EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

[ "$(id -u)" = 0 ] || cannot "without root"
command -v ip >/dev/null || cannot "without the command ip"
for side in client server; do
  ip netns add "$name-$side" 2>/dev/null || cannot "without network namespaces"
done
ip -n "$name-client" link add cable type veth peer name cable netns "$name-server" 2>/dev/null || cannot "without veth"

number=1
for side in client server; do
  ip -n "$name-$side" address add "198.51.100.$number/24" dev cable
  ip -n "$name-$side" address add "2001:db8::$number/64" dev cable nodad
  # Without this the kernel passes up to 64 KiB through the cable as one packet, and a rule would drop all of it.
  ip -n "$name-$side" link set cable gso_max_segs 1
  ip -n "$name-$side" link set lo up
  ip -n "$name-$side" link set cable up
  number=$((number + 1))
done
for nobody in 198.51.100.9 2001:db8::9; do
  ip -n "$name-client" neighbour add "$nobody" lladdr 02:00:00:00:00:09 dev cable nud permanent
done
# `ip netns exec` shows this file as /etc/hosts.
mkdir -p "$hosts"
printf '127.0.0.1 localhost\n2001:db8::9 both.test\n198.51.100.2 both.test\n' >"$hosts/hosts"

ip netns exec "$name-server" "$server" --demo --address 198.51.100.2 --ws-port 0 --wss-port 0 --dir "$directory" \
  >"$directory/server.log" 2>&1 </dev/null &
serving=$!
tries=0
until [ -s "$directory/ports.lua" ]; do
  tries=$((tries + 1))
  kill -0 "$serving" && [ "$tries" -lt 600 ] || { cat "$directory/server.log" >&2; exit 1; }
  sleep 0.05
done
echo "ready $name"
cat >/dev/null
