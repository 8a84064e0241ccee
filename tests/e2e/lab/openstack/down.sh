#!/usr/bin/env bash
# Stops the OpenStack services (only by their pid files).  down.sh --purge also removes all data.
set -uo pipefail
. "$(dirname "$0")/env.sh"
stop() { # name seconds
  local f="$RUND/$1.pid" p
  running "$f" || { rm -f "$f"; return 0; }
  p=$(cat "$f")
  rm -f "$f"
  kill -TERM "$p" 2>/dev/null
  for _ in $(seq $(($2 * 5))); do kill -0 "$p" 2>/dev/null || return 0; sleep 0.2; done
  kill -KILL -- "-$p" 2>/dev/null || kill -KILL "$p" 2>/dev/null
}
for s in heartbeat udp-relay octavia-health-manager octavia-worker octavia-driver-agent; do stop $s 10 & done; wait
for s in octavia-api barbican-api neutron-api keystone-api; do stop $s 8 & done; wait
for s in ovn-northd ovnsb ovnnb; do stop $s 8; done
[ -d "$DP" ] && "$LAB_DIR/dp.sh" down
stop rabbitmq 30 & stop mariadbd 30 & wait
# the port mapper that belongs to this lab's broker
command -v epmd >/dev/null && ERL_EPMD_PORT=$EPMD_PORT epmd -kill >/dev/null 2>&1
[ "${1:-}" = --purge ] && rm -rf "$DATA" "$ETC" "$LOGD" "$RUND" "$DP"
echo "OpenStack is down"
