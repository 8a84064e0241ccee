#!/usr/bin/env bash
# The data plane: one network namespace with the haproxy processes, the members and the clients. Run as root.
#   dp.sh exec CMD...                  runs a command in the namespace
#   dp.sh member ADDR PORT [NAME [CERT KEY [CA]]]   starts an HTTP(S) server there (dp_member.py), under its own address
#   dp.sh member-stop ADDR PORT [--host]   kills it; --host also removes its address (then "No route to host" after 3 s)
#   dp.sh members-stop                 kills all of them
#   dp.sh status
#   dp.sh up | down                    used by up.sh and down.sh
set -uo pipefail
. "$(dirname "$0")/env.sh"
MEM="$DP/members"
mkdir -p "$MEM"
alive() { [ -s "$1" ] && grep -qs "$2" "/proc/$(head -1 "$1")/cmdline"; }
quit() { # pidfile needle: stops that process, if it still is that process
  alive "$1" "$2" || { rm -f "$1"; return 0; }
  local p; p=$(head -1 "$1"); kill -TERM "$p"
  for _ in $(seq 50); do alive "$1" "$2" || break; sleep 0.1; done
  alive "$1" "$2" && kill -KILL "$p"
  rm -f "$1"
}
width() { case $1 in *:*) echo 128;; *) echo 32;; esac; }

case "${1:-}" in
exec) shift; exec ip netns exec "$DP_NETNS" "$@" ;;
member)
  key="$2_$3"; f="$MEM/$key.pid"
  alive "$f" dp_member && { echo "member $key runs already" >&2; exit 1; }
  ip -n "$DP_NETNS" addr replace "$2/$(width "$2")" dev lo $(case $2 in *:*) echo nodad;; esac)
  ( exec setsid ip netns exec "$DP_NETNS" python3 "$LAB_DIR/dp_member.py" "${@:2}" </dev/null >>"$LOGD/members.out" 2>&1 & echo $! > "$f" )
  for _ in $(seq 50); do
    ip netns exec "$DP_NETNS" bash -c "exec 3<>/dev/tcp/$2/$3" 2>/dev/null && exit 0; sleep 0.1
  done
  echo "member $key does not respond" >&2; exit 1 ;;
member-stop)
  quit "$MEM/$2_$3.pid" dp_member
  [ "${4:-}" = --host ] && ip -n "$DP_NETNS" addr del "$2/$(width "$2")" dev lo
  true ;;
members-stop)
  for f in "$MEM"/*.pid; do
    [ -e "$f" ] || continue
    a=$(basename "$f"); a=${a%_*}; quit "$f" dp_member
    ip -n "$DP_NETNS" addr del "$a/$(width "$a")" dev lo 2>/dev/null
  done; true ;;
status)
  [ -e "/run/netns/$DP_NETNS" ] || { echo "no namespace $DP_NETNS"; exit 1; }
  echo "addresses: $(ip -n "$DP_NETNS" -o addr show dev lo scope global | awk '{print $4}' | tr '\n' ' ')"
  for f in "$DP"/*/*/haproxy.cfg; do
    [ -e "$f" ] || continue
    d=$(dirname "$f"); lb=$(basename "$d"); p=$(head -1 "$d/$lb.pid" 2>/dev/null)
    alive "$d/$lb.pid" "$d" || { echo "lb $lb  NOT RUNNING"; continue; }
    w=$(pgrep -P "$p" | tr '\n' ' ')
    kb=$(for i in $p $w; do cat "/proc/$i/smaps_rollup"; done 2>/dev/null | awk '/^Pss:/{s+=$2}END{print s}')
    echo "lb $lb  master $p  workers $w PSS $((kb/1024)) MiB  $(sed -n 's/^ *bind \([^ ]*\).*/\1/p' "$f" | tr '\n' ' ')"
  done
  for f in "$MEM"/*.pid; do alive "$f" dp_member && echo "member $(basename "$f" .pid)  pid $(cat "$f")"; done; true ;;
up)
  # The namespace has no way out: dp1, the other end of its default route, is in it too.
  if ! [ -e "/run/netns/$DP_NETNS" ]; then
    ip netns add "$DP_NETNS"
    n() { ip -n "$DP_NETNS" "$@"; }
    n link set lo up
    n link add dp0 type veth peer name dp1
    n link set dp1 up; n link set dp0 up
    n addr add 192.0.2.1/32 dev dp0
    n route add default dev dp0; n -6 route add default dev dp0
    n route add local "$DP_CLIENTS" dev lo      # any of these can be a client's source address
    ip netns exec "$DP_NETNS" sysctl -qw net.ipv4.ping_group_range="0 65535"
  fi
  # load balancers of an earlier run
  for f in "$DP"/*/vips; do
    [ -e "$f" ] || continue
    while read -r v; do ip -n "$DP_NETNS" addr replace "$v/$(width "$v")" dev lo $(case $v in *:*) echo nodad;; esac); done < "$f"
  done
  [ -e "$DP/nft.rules" ] && ip netns exec "$DP_NETNS" nft -f "$DP/nft.rules"
  for f in "$DP"/*/*/start.sh; do
    [ -e "$f" ] || continue
    d=$(dirname "$f"); [ "$(cat "$d/../role")" = BACKUP ] && continue
    alive "$d/$(basename "$d").pid" "$d" || sh "$f" >>"$LOGD/haproxy.out" 2>&1 || echo "$f failed, see $LOGD/haproxy.out" >&2
  done
  for f in "$DP"/*/prometheus.sh; do
    [ -e "$f" ] || continue
    alive "$(dirname "$f")/prometheus.pid" oslab_prometheus || sh "$f"
  done; true ;;
down)
  [ -e "/run/netns/$DP_NETNS" ] || exit 0
  "$0" members-stop
  for f in "$DP"/*/*/*.pid; do [ -e "$f" ] && quit "$f" "$(dirname "$f")"; done
  for f in "$DP"/*/prometheus.pid; do [ -e "$f" ] && quit "$f" oslab_prometheus; done
  ip netns del "$DP_NETNS" ;;
*) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
