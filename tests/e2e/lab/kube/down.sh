#!/usr/bin/env bash
# Stops what up.sh started (by pid file).  down.sh --purge also removes etcd's data.
set -uo pipefail
. "$(dirname "$0")/env.sh"
[ ! -e "$RUN/kubelet.pid" ] || "$(dirname "$0")/kubelet.sh" down
for n in kube-controller-manager kube-apiserver etcd; do
  alive $n || continue
  p=$(cat "$RUN/$n.pid")
  kill "$p"; for _ in $(seq 1 40); do kill -0 "$p" 2>/dev/null || break; sleep 0.25; done
  kill -9 "$p" 2>/dev/null
done
rm -f "$RUN"/*.pid
[[ ${1:-} != --purge ]] || rm -rf "$RUN/etcd"
echo "Kubernetes is down"
