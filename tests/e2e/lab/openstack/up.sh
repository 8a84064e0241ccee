#!/usr/bin/env bash
# Starts the OpenStack services and waits until every API responds; bootstraps them on the first start. Idempotent.
#   LAB_DATAPLANE=haproxy   load balancers serve real traffic (see dp.sh)
#   LAB_PROVIDER=ovn        OVN's databases, northd and Octavia's driver agent run too, and load balancers are OVN's by default
#   LAB_OCTAVIA=14          Octavia is that release
# Data that were made for another provider or release are removed first.
set -euo pipefail
. "$(dirname "$0")/env.sh"
T0=$EPOCHREALTIME
lap() { awk -v a="$EPOCHREALTIME" -v b="$T0" -v what="$*" 'BEGIN { printf "%6.1fs  %s\n", a - b, what }'; }
alive() { running "$RUND/$1.pid"; }
cloud="LAB_PROVIDER=$LAB_PROVIDER LAB_OCTAVIA=$LAB_OCTAVIA"
options="LAB_DATAPLANE=$LAB_DATAPLANE $cloud"
if alive octavia-worker && alive octavia-api; then
  runs=$(cat "$ETC/options" 2>/dev/null || echo "other options")
  [ "$runs" = "$options" ] || { echo "it runs already, with $runs: stop it first (make e2e-down)" >&2; exit 1; }
  echo "already up: $LAB_HOME/clouds.yaml"; exit 0
fi
if [ -e "$DATA/bootstrapped" ] && [ "$(cat "$DATA/bootstrapped")" != "$cloud" ]; then
  "$LAB_DIR/down.sh" --purge; lap "data of another cloud removed"
fi
"$LAB_DIR/configure.sh"
echo "$options" > "$ETC/options"
first=0; [ -e "$DATA/bootstrapped" ] || first=1

spawn() { # name command...
  local name=$1; shift
  if alive "$name"; then return 0; fi
  ( cd "$DATA"; exec setsid "$@" </dev/null >>"$LOGD/$name.out" 2>&1 & echo $! > "$RUND/$name.pid" )
}
wait_for() { # seconds description command...
  local n=$1 what=$2; shift 2
  for _ in $(seq $((n*5))); do if "$@" >/dev/null 2>&1; then lap "$what up"; return 0; fi; sleep 0.2; done
  echo "TIMEOUT waiting for $what" >&2; return 1
}
sql() { mariadb --no-defaults -S "$RUND/mysql.sock" -u root "$@"; }
http_ok() { python3 - "$1" <<'X'
import sys, urllib.request, urllib.error
try:
    urllib.request.urlopen(sys.argv[1], timeout=5)
except urllib.error.HTTPError as e:
    sys.exit(0 if e.code in (300, 401) else 1)
except Exception:
    sys.exit(1)
X
}

# --- MariaDB
# Runs as the user of the lab: the mysql user usually has no access to the lab's home, and so to the data.
dbuser=$(id -un)
if [ ! -d "$DATA/mysql/mysql" ]; then
  mariadb-install-db --no-defaults --user="$dbuser" --datadir="$DATA/mysql" --skip-test-db \
     --auth-root-authentication-method=normal >"$LOGD/mariadb-install.out" 2>&1
  lap "mariadb initialised"
fi
if ! alive mariadbd; then
  ( exec setsid mariadbd --defaults-file="$ETC/mysql/my.cnf" --user="$dbuser" </dev/null >>"$LOGD/mariadbd.out" 2>&1 & )
fi
# --- RabbitMQ (starts in parallel)
if ! alive rabbitmq; then
  export RABBITMQ_NODENAME=oslab@localhost RABBITMQ_CONFIG_FILE="$ETC/rabbitmq/rabbitmq.conf" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$ETC/rabbitmq/enabled_plugins" RABBITMQ_MNESIA_BASE="$DATA/rabbitmq" \
    RABBITMQ_LOG_BASE="$LOGD" RABBITMQ_DIST_PORT=$MQ_DIST_PORT ERL_EPMD_PORT=$EPMD_PORT ERL_EPMD_ADDRESS=$LAB_IP \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +sbwt none" HOME="$DATA/rabbitmq" \
    RABBITMQ_PID_FILE="$RUND/rabbitmq.pid"
  mkdir -p "$DATA/rabbitmq"
  ( cd "$DATA/rabbitmq"; exec setsid "$(dpkg -L rabbitmq-server | grep -m1 "lib/rabbitmq/bin/rabbitmq-server$")" </dev/null >>"$LOGD/rabbitmq.out" 2>&1 & )
fi
# --- OVN: both databases, and the daemon between them. There is no chassis, so nothing forwards a packet.
if [ "$LAB_PROVIDER" = ovn ]; then
  for db in nb sb; do
    [ -e "$DATA/ovn$db.db" ] || ovsdb-tool create "$DATA/ovn$db.db" "/usr/share/ovn/ovn-$db.ovsschema"
    spawn "ovn$db" ovsdb-server "--remote=punix:$RUND/ovn$db.sock" "--unixctl=$RUND/ovn$db.ctl" -vfile:off -vconsole:warn "$DATA/ovn$db.db"
  done
  wait_for 20 "ovn northbound" ovn-nbctl --db="$OVN_NB" init
  wait_for 20 "ovn southbound" ovn-sbctl --db="$OVN_SB" init
  spawn ovn-northd ovn-northd --ovnnb-db="$OVN_NB" --ovnsb-db="$OVN_SB" "--unixctl=$RUND/northd.ctl" -vfile:off -vconsole:warn
fi
wait_for 60 mariadb sql -e 'select 1'
if [ $first = 1 ]; then
  for d in keystone neutron barbican octavia; do
    sql -e "CREATE DATABASE IF NOT EXISTS $d CHARACTER SET utf8mb4"
  done
  sql -e "CREATE USER IF NOT EXISTS 'oslab'@'$LAB_IP' IDENTIFIED BY '$LAB_PW'; GRANT ALL ON *.* TO 'oslab'@'$LAB_IP';"
fi

K="$ETC/keystone/keystone.conf"
if [ $first = 1 ]; then
  export PATH="$OCTAVIA_VENV/bin:$VENV/bin:$PATH"
  ku=$(id -un); kg=$(id -gn)
  ( keystone-manage --config-file "$K" db_sync &&
    keystone-manage --config-file "$K" fernet_setup --keystone-user "$ku" --keystone-group "$kg" &&
    keystone-manage --config-file "$K" credential_setup --keystone-user "$ku" --keystone-group "$kg" &&
    keystone-manage --config-file "$K" bootstrap --bootstrap-password "$LAB_PW" \
      --bootstrap-admin-url "$AUTH_URL" --bootstrap-internal-url "$AUTH_URL" \
      --bootstrap-public-url "$AUTH_URL" --bootstrap-region-id RegionOne ) >"$LOGD/keystone-init.out" 2>&1 & p1=$!
  neutron-db-manage --config-file "$ETC/neutron/neutron.conf" --config-file "$ETC/neutron/ml2_conf.ini" upgrade heads >"$LOGD/neutron-init.out" 2>&1 & p2=$!
  ( HOME="$ETC/barbican/home" barbican-manage db upgrade ) >"$LOGD/barbican-init.out" 2>&1 & p3=$!
  octavia-db-manage --config-file "$ETC/octavia/octavia.conf" upgrade head >"$LOGD/octavia-init.out" 2>&1 & p4=$!
  wait $p1; lap "keystone schema + bootstrap"
  wait $p4; lap "octavia schema"
  wait $p3; lap "barbican schema"
  wait $p2; lap "neutron schema"
fi
rabbit_ok() { alive rabbitmq && python3 -c "import socket; socket.create_connection(('$LAB_IP', $MQ_PORT), 1)"; }
wait_for 90 rabbitmq rabbit_ok

export OSLAB_ETC="$ETC" OSLAB_LOG="$LOGD" OSLAB_RUN="$RUND" OSLAB_FAULTS="$ETC/octavia/faults.json" PYTHONDONTWRITEBYTECODE=1
api() { # name port workers home venv
  OSLAB_APP=$1 HOME=${4:-$HOME} spawn "$1-api" "${5:-$VENV}/bin/gunicorn" --chdir "$LAB_DIR/wsgi" -b "$LAB_IP:$2" \
     -w "$3" --threads 8 -k gthread --timeout 120 --keep-alive 120 --graceful-timeout 3 --no-control-socket lab_wsgi:application
}
octavia() { # worker|health-manager|driver-agent
  local run=("$OCTAVIA_VENV/bin/octavia-$1")
  [ "$1" != driver-agent ] || run=("$OCTAVIA_VENV/bin/python" "$LAB_DIR/wsgi/ovn_provider.py")
  spawn "octavia-$1" "${run[@]}" --config-file "$ETC/octavia/octavia.conf" --log-file "$LOGD/octavia-$1.log"
}
api keystone "$KEYSTONE_PORT" 1
api neutron "$NEUTRON_PORT" 1
api barbican "$BARBICAN_PORT" 1 "$ETC/barbican/home"
wait_for 60 keystone http_ok "http://$LAB_IP:$KEYSTONE_PORT/v3"
if [ $first = 1 ]; then
  timeout "$LAB_PATIENCE" "$VENV/bin/python" "$LAB_DIR/bootstrap.py" identity; lap "identity bootstrap"
fi
if [ "$LAB_PROVIDER" = ovn ]; then      # the API looks for the sockets of the agent
  octavia driver-agent
  wait_for 90 "octavia driver agent" test -S "$RUND/get.sock"
fi
api octavia "$OCTAVIA_PORT" "$OCTAVIA_API_WORKERS" "$HOME" "$OCTAVIA_VENV"
wait_for 90 neutron http_ok "http://$LAB_IP:$NEUTRON_PORT/"
wait_for 60 barbican http_ok "http://$LAB_IP:$BARBICAN_PORT/"
wait_for 60 octavia-api http_ok "http://$LAB_IP:$OCTAVIA_PORT/"
if [ $first = 1 ]; then
  timeout "$LAB_PATIENCE" "$VENV/bin/python" "$LAB_DIR/bootstrap.py" network; lap "networks"
fi
if [ "$LAB_DATAPLANE" = haproxy ]; then
  [ ${#LAB_HOME} -le 44 ] || { echo "$LAB_HOME: at most 44 characters with a data plane (paths of UNIX sockets)" >&2; exit 1; }
  export OSLAB_DP="$DP" OSLAB_DP_NETNS="$DP_NETNS"
  "$LAB_DIR/dp.sh" up; lap "data plane"
  spawn udp-relay ip netns exec "$DP_NETNS" python3 "$LAB_DIR/dp_udp.py" "$DP"
  spawn heartbeat "$VENV/bin/python" "$LAB_DIR/heartbeat.py" loop "$DP_HEARTBEAT"
fi
octavia worker
octavia health-manager
timeout "$LAB_PATIENCE" "$VENV/bin/python" "$LAB_DIR/bootstrap.py" files
if [ $first = 1 ]; then
  timeout "$LAB_PATIENCE" "$VENV/bin/python" "$LAB_DIR/bootstrap.py" octavia; lap "octavia flavors, zones"
  echo "$cloud" > "$DATA/bootstrapped"
fi
timeout "$LAB_PATIENCE" "$VENV/bin/python" "$LAB_DIR/bootstrap.py" ready; lap "ready (worker took a create and a delete)"
