#!/usr/bin/env bash
# The end-to-end tests: the release binary against a genuine Kubernetes control plane and genuine OpenStack services.
#   e2e.sh install              Debian packages, Python venv, Go binaries
#   e2e.sh up                   installs and starts both control planes
#   e2e.sh all [SCENARIO...]    up, build, every scenario (or these), down. KEEP=1 leaves everything running. `values` alone
#                               needs no control plane and starts none
#                               TIER=gate: one of each kind, with a debug binary. PART=2/4: the second of four parts; PART=deploy: what is about deploy/
#   e2e.sh bench                up, build, measure the cost of Evenkeel, write docs/operations/performance.md, down. KEEP=1 too
#   e2e.sh map [WORD...]        starts OpenStack with LAB_PROVIDER=ovn and prints the map of the provider's answers, down. KEEP=1 too
#   e2e.sh run [SCENARIO...]    only the scenarios, on running control planes
#   e2e.sh check                checks that the parts hold every scenario once, and the gate tier one of each kind. Needs `install`
#   e2e.sh down [--purge]       stops everything; --purge also removes all data (not the installed software)
# EVENKEEL_BIN=path runs that binary instead of building one.
set -euo pipefail
. "$(dirname "$0")/env.sh"
ROOT="$(cd "$E2E_DIR/../.." && pwd)"
mkdir -p "$REPORT"
UNFINISHED="$EVENKEEL_E2E_HOME/unfinished"
stage() { printf '        %-36s %5d s\n' "$1" $((SECONDS - $2)) >>"$REPORT/stages"; }    # name begun
say() { printf '%s  %s\n' "$(date +%T)" "$*"; }

lab() { # name install|up: one control plane; concurrent callers wait for each other
  local t=$SECONDS
  ( flock 9
    "$E2E_DIR/lab/$1/install.sh" || exit
    [ "$1" != kube ] || "$E2E_DIR/lab/kube/tools.sh" || exit
    stage "install $1" "$t"
    [ "$2" = up ] || exit 0
    t=$SECONDS
    "$E2E_DIR/lab/$1/up.sh" 9>&- || exit
    stage "up $1" "$t"
  ) 9>"$EVENKEEL_E2E_HOME/$1.lock" >"$REPORT/$1-$2.log" 2>&1
}
GATE_BIN="$EVENKEEL_E2E_HOME/evenkeel-gate"
build() { # all|bench: the binary, and then (so that memory stays bounded) the other programs
  local t=$SECONDS
  ( cd "$ROOT"
    [ -n "${EVENKEEL_BIN:-}" ] || [ "${TIER:-}" = gate ] || cargo build --release --locked -p evenkeel
    if [ "$1" = bench ]; then
      cargo build --release --locked -p evenkeel-simulators --bin at_rest
      stage build "$t"
      exit
    fi
    # the binary that can be killed at named places; like this it shares its dependencies with what `cargo test` builds
    cargo test --locked --no-run --test layering --features evenkeel/failpoints
    cp "$(target)/debug/evenkeel" "$EVENKEEL_E2E_HOME/evenkeel-failpoints"
    if [ "${TIER:-}" = gate ]; then
      # what `cargo test` has built: the debug binary without failpoints, and what scenarios 72, 73 and 95 run
      cargo test --locked --no-run
      cp "$(target)/debug/evenkeel" "$GATE_BIN"
    else
      # the programs of scenarios 72, 73 and 95; a no-op after cargo test
      cargo test --locked --no-run --test cloud_conformance --test cluster_conformance
    fi
    stage build "$t"
  ) >"$REPORT/build.log" 2>&1
}
target() { cd "$ROOT" && realpath -m "${CARGO_TARGET_DIR:-target}"; }
finished() { # pid what log
  if wait "$1"; then say "$2: ready ($SECONDS s)"; return 0; fi
  say "$2 FAILED; the end of $3:"
  tail -40 "$3"
  return 1
}
can_serve() { # true when load balancers with traffic are possible
  [ "$LAB_DATAPLANE" != haproxy ] || unshare --net --mount true 2>/dev/null || {
    echo "No network namespace can be created here (that takes root; in a container also CAP_SYS_ADMIN), so load balancers cannot" >&2
    echo "serve traffic. LAB_DATAPLANE=noop runs everything else and leaves the traffic scenarios out." >&2
    return 1
  }
}
together() { # install|up [all|bench]: both control planes and the build, at the same time
  local failed=0 o k b
  lab openstack "$1" & o=$!
  lab kube "$1" & k=$!
  if [ -n "${2:-}" ]; then
    build "$2" & b=$!
    finished $b "binaries" "$REPORT/build.log" || failed=1
  fi
  finished $k "Kubernetes" "$REPORT/kube-$1.log" || failed=1
  finished $o "OpenStack" "$REPORT/openstack-$1.log" || failed=1
  return $failed
}
stop_controller() { # the one of an earlier run with KEEP=1
  local f="$EVENKEEL_E2E_HOME/controller.pid" p
  running "$f" || { rm -f "$f"; return 0; }
  p=$(cat "$f")
  rm -f "$f"
  kill "$p"
  for _ in $(seq 100); do kill -0 "$p" 2>/dev/null || return 0; sleep 0.1; done
  kill -9 "$p"
}
measure() { # run.py|bench.py ARGUMENT...: on running control planes
  local t=$SECONDS status=0 binary
  stop_controller
  binary="$(target)/release/evenkeel"
  [ "${TIER:-}" != gate ] || binary=$GATE_BIN
  export EVENKEEL_BIN="${EVENKEEL_BIN:-$binary}"
  export LAB_HOME="$OPENSTACK" OS_CLIENT_CONFIG_FILE="$OPENSTACK/clouds.yaml" PYTHONDONTWRITEBYTECODE=1
  # LAB_PW and the ports reach the scenarios that run heartbeat.py
  export LAB_PW="${LAB_PW:-lab-not-secret}"
  "$OPENSTACK/venv/bin/python" "$E2E_DIR/$1" "${@:2}" || status=$?
  stage "$([ "$1" = run.py ] && echo scenarios || echo measurements)" "$t"
  return $status
}
whole() { # all|bench: builds and starts everything, and stops it at the end
  alone
  can_serve
  rm -rf "$REPORT"; mkdir -p "$REPORT"
  # the leftovers of an interrupted run would disturb this one
  [ ! -e "$UNFINISHED" ] || down --purge >"$REPORT/down.log" 2>&1
  touch "$UNFINISHED"
  trap finish EXIT
  trap 'exit 130' INT TERM
  together up "$1" 8>&-
}
map() { # word...: needs no Kubernetes and no binary
  alone
  trap 'd=$?; [ "${KEEP:-0}" = 1 ] || "$E2E_DIR/lab/openstack/down.sh" >>"$REPORT/down.log" 2>&1; exit $d' EXIT
  lab openstack up 8>&-
  PYTHONDONTWRITEBYTECODE=1 "$OPENSTACK/venv/bin/python" "$E2E_DIR/provider_map.py" "$@" 8>&-
}
values() { # the matrix of values: needs no control plane, only the lab's virtual environment and haproxy
  lab openstack install
  PYTHONDONTWRITEBYTECODE=1 "$OPENSTACK/venv/bin/python" "$E2E_DIR/values.py"
}
down() {
  stop_controller
  "$E2E_DIR/lab/openstack/down.sh" "$@" & "$E2E_DIR/lab/kube/down.sh" "$@" & wait
}
alone() { # one run at a time: a second controller would disturb the first
  exec 8>"$EVENKEEL_E2E_HOME/run.lock"
  flock -n 8 || { echo "another run holds $EVENKEEL_E2E_HOME; set EVENKEEL_E2E_HOME and the ports of env.sh for a second one" >&2; exit 1; }
}
finish() {
  local status=$?
  trap - EXIT
  [ $status != 0 ] && [ ! -s "$REPORT/verdict" ] || rm -f "$UNFINISHED"
  mkdir -p "$REPORT/services"
  cp "$OPENSTACK"/log/*.{log,out,jsonl} "$KUBE"/run/*.log "$REPORT/services/" 2>/dev/null || true
  local t=$SECONDS
  if [ "${KEEP:-0}" = 1 ]; then say "left running (KEEP=1); stop with: make e2e-down"; else down >>"$REPORT/down.log" 2>&1; stage down "$t"; fi
  stage all 0
  echo "stages of the end-to-end tests (install, up and build run side by side) on $(nproc) processors${TIER:+, TIER=$TIER}${PART:+, PART=$PART}"
  cat "$REPORT/stages"
  say "logs: $REPORT"
  # the summary must be the last line
  [ ! -s "$REPORT/verdict" ] || cat "$REPORT/verdict"
  exit $status
}

case "${1:-}" in
install) can_serve; together install ;;
up) can_serve; together up ;;
down) down "${@:2}" ;;
map) LAB_PROVIDER=ovn LAB_DATAPLANE=noop map "${@:2}" ;;
check)
  EVENKEEL_BIN=none "$OPENSTACK/venv/bin/python" "$E2E_DIR/run.py" --check ;;
run)
  alone
  measure run.py "${@:2}" 8>&- ;;
all)
  [ "${*:2}" != values ] || { values; exit; }
  whole all
  measure run.py "${@:2}" 8>&- ;;
bench)
  whole bench
  measure bench.py "$(target)/release/at_rest" 8>&- ;;
*) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
