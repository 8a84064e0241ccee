#!/usr/bin/env bash
# The kubelet of the lab (kubelet/__main__.py): pods are processes joined to the data plane's namespace. Run as root, with
# LAB_DATAPLANE=haproxy and both control planes up. Scenarios start it when they need it (harness/pods.py); down.sh stops it.
#   kubelet.sh up        starts it with KUBE_NODES (3) nodes; idempotent
#   kubelet.sh down      stops it, and every pod's process
#   kubelet.sh status    namespaces, processes and memory of the pods
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$E2E_DIR"
export KUBE_RUN=$RUN KUBE_IMAGES="${KUBE_IMAGES:-$KUBE/images}" KUBE_NODES="${KUBE_NODES:-3}"
# runs NAME: as alive, but false for a process that was killed and is not reaped yet
runs() { alive "$1" && grep -qs lab.kube "/proc/$(cat "$RUN/$1.pid")/cmdline"; }
namespaces() { ip netns list | awk -v p="$DP_NETNS-pod-" 'index($1, p) == 1 { print $1 }'; }
remove_pod() { # namespace
  local p
  for p in $(ip netns pids "$1"); do kill -9 "$p" 2>/dev/null || true; done
  ip -n "$DP_NETNS" link del "pod-${1##*-}" 2>/dev/null || true
  ip netns del "$1"
}
remove_pods() { # ends the pods of a kubelet that is gone
  local n
  for n in $(namespaces); do remove_pod "$n" & done
  wait
  rm -rf "$RUN/pods"
}
spawn() { # name module
  PYTHONDONTWRITEBYTECODE=1 setsid /usr/bin/python3 -m "$2" </dev/null >"$RUN/$1.log" 2>&1 9>&- &
  echo $! > "$RUN/$1.pid"
}
quit() { # name
  local p
  if runs "$1"; then
    p=$(cat "$RUN/$1.pid")
    kill "$p"; for _ in $(seq 40); do runs "$1" || break; sleep 0.1; done
    kill -9 "$p" 2>/dev/null || true
  fi
  rm -f "$RUN/$1.pid"
}
case "${1:-}" in
up)
  exec 9>"$RUN/kubelet.lock"; flock 9
  runs kubelet && exit 0
  [ -e "/run/netns/$DP_NETNS" ] || { echo "no namespace $DP_NETNS: the kubelet needs the data plane (LAB_DATAPLANE=haproxy)" >&2; exit 1; }
  quit node-proxy
  remove_pods
  rm -f "$RUN/kubelet.ready"
  spawn kubelet lab.kube.kubelet
  for _ in $(seq 100); do [ -e "$RUN/kubelet.ready" ] && spawn node-proxy lab.kube.kubelet.proxy && exit 0; runs kubelet || break; sleep 0.1; done
  echo "the kubelet does not start; last lines:" >&2; tail -5 "$RUN/kubelet.log" >&2; exit 1 ;;
down)
  quit node-proxy
  quit kubelet
  remove_pods ;;
status)
  for n in $(namespaces); do
    for p in $(ip netns pids "$n"); do
      awk -v n="$n" -v p="$p" '/^(Rss|Pss):/ { kb[$1] = $2 } END { print n, "pid", p, "RSS", kb["Rss:"], "PSS", kb["Pss:"], "KiB" }' "/proc/$p/smaps_rollup" 2>/dev/null || true
    done
  done ;;
*) sed -n '2,6s/^# \{0,1\}//p' "$E2E_DIR/lab/kube/kubelet.sh"; exit 2 ;;
esac
