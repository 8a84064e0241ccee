# State and ports of the end-to-end tests. Every value can be overridden from the
# environment. Everything listens on 127.0.0.1; nothing outside $EVENKEEL_E2E_HOME is written, apart from Debian
# packages and the caches of Go, pip and cargo.
export EVENKEEL_E2E_HOME="${EVENKEEL_E2E_HOME:-$HOME/.cache/evenkeel-e2e}"
E2E_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
REPORT="$EVENKEEL_E2E_HOME/report"
OPENSTACK="$EVENKEEL_E2E_HOME/openstack"
KUBE="$EVENKEEL_E2E_HOME/kube"
export KEYSTONE_PORT="${KEYSTONE_PORT:-25000}"
export NEUTRON_PORT="${NEUTRON_PORT:-29696}"
export BARBICAN_PORT="${BARBICAN_PORT:-29311}"
export OCTAVIA_PORT="${OCTAVIA_PORT:-29876}"
export OCTAVIA_HM_PORT="${OCTAVIA_HM_PORT:-25555}"    # UDP, heartbeats
export DB_PORT="${DB_PORT:-23306}"
export MQ_PORT="${MQ_PORT:-26672}"
export MQ_DIST_PORT="${MQ_DIST_PORT:-36672}"
export EPMD_PORT="${EPMD_PORT:-24369}"
export KUBE_PORT="${KUBE_PORT:-26443}"                # and the three after it
export CONTROLLER_PORT="${CONTROLLER_PORT:-28080}"
# The release of Octavia: empty for the newest, or a number of lab/openstack/octavia-NN.txt
export LAB_OCTAVIA="${LAB_OCTAVIA:-}"
# The default provider driver: amphora, or ovn (OVN's databases and northd, Neutron with the ML2 driver ovn, Octavia's driver agent)
export LAB_PROVIDER="${LAB_PROVIDER:-amphora}"
# The data plane serves only amphorae of the newest Octavia.
[ "$LAB_PROVIDER" = amphora ] && [ -z "$LAB_OCTAVIA" ] || LAB_DATAPLANE="${LAB_DATAPLANE:-noop}"
# haproxy = every load balancer is a haproxy process that serves real traffic (root, network namespaces); noop = nothing listens
export LAB_DATAPLANE="${LAB_DATAPLANE:-haproxy}"
export DP_NETNS="${DP_NETNS:-evenkeel-dp}"            # the network namespace of load balancers, members and clients
# running PIDFILE: true while its process runs. A process that is younger than the file only has the same number.
running() {
  local p age
  p=$(cat "$1" 2>/dev/null) && [ -n "$p" ] && age=$(ps -o etimes= -p "$p") && (($(date +%s) - age <= $(stat -c %Y "$1") + 1))
}
# packages NAME...: installs the missing Debian packages. Concurrent callers wait for each other.
packages() {
  local p need=()
  for p in "$@"; do
    dpkg -s "$p" 2>/dev/null | grep '^Status: install ok installed' >/dev/null || need+=("$p")
  done
  [ ${#need[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || { echo "run as root once, or: apt-get install ${need[*]}" >&2; return 1; }
  mkdir -p "$EVENKEEL_E2E_HOME"
  ( flock 7
    export DEBIAN_FRONTEND=noninteractive
    # The packages must not start their own daemons on the standard ports.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
      printf '#!/bin/sh\nexit 101\n' > $policy; chmod 755 $policy
      trap 'rm -f $policy' EXIT
    fi
    apt-get -o DPkg::Lock::Timeout=300 update -qq
    apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${need[@]}"
  ) 7>"$EVENKEEL_E2E_HOME/apt.lock"
}
