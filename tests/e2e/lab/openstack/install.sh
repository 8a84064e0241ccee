#!/usr/bin/env bash
# Installs Debian packages (MariaDB, RabbitMQ, venv) and one Python venv with Keystone, Neutron, Barbican and Octavia,
# pinned by constraints.txt. Idempotent; instant when nothing changed. Needs root where a Debian package is missing.
#   LAB_DATAPLANE=haproxy   also installs what the data plane needs
#   LAB_PROVIDER=ovn        also installs OVN's databases and northd
#   LAB_OCTAVIA=14          also installs that release of Octavia, in a venv of its own, pinned by octavia-14.txt
set -euo pipefail
. "$(dirname "$0")/env.sh"
packages mariadb-server rabbitmq-server python3-venv openssl procps
[ "$LAB_DATAPLANE" != haproxy ] || packages haproxy nftables iproute2 iputils-ping
[ "$LAB_PROVIDER" != ovn ] || packages ovn-central ovn-common
mkdir -p "$LAB_HOME"
# Debian's own Python is built with profile-guided optimisation, unlike many others, and most of a run is Python code. Only
# version 3.11 is supported.
python=$(command -v /usr/bin/python3.11 || command -v python3)
environment() { # venv pins package...: installs the packages and the lab's drivers
  local venv=$1 pins=$2 stamp; shift 2
  stamp=$(cat "$LAB_DIR/install.sh" "$pins" "$LAB_DIR"/labdrivers/* | sha256sum)
  [ "$(cat "$venv/.stamp" 2>/dev/null)" != "$stamp" ] || { echo "installed already: $venv"; return 0; }
  [ -x "$venv/bin/pip" ] && [ "$(readlink -f "$venv/bin/python")" = "$(readlink -f "$python")" ] ||
    "$python" -m venv --clear "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -c "$pins" "$@"
  cp -r "$LAB_DIR/labdrivers" "$LAB_HOME/labdrivers-src"     # keeps build leftovers out of the source tree
  "$venv/bin/pip" install -q --disable-pip-version-check --no-deps --force-reinstall "$LAB_HOME/labdrivers-src"
  rm -rf "$LAB_HOME/labdrivers-src"
  printf %s "$stamp" > "$venv/.stamp"
  "$venv/bin/pip" list --disable-pip-version-check 2>/dev/null | grep -E '^(keystone|neutron|barbican|octavia|openstacksdk) '
}
# neutron does not declare pyroute2, which neutron-db-manage imports
environment "$VENV" "$LAB_DIR/constraints.txt" \
  keystone neutron barbican octavia ovn-octavia-provider PyMySQL gunicorn pyroute2 openstacksdk requests PyYAML
if [ -n "$LAB_OCTAVIA" ]; then
  pins="$LAB_DIR/octavia-$LAB_OCTAVIA.txt"
  [ -e "$pins" ] || { echo "LAB_OCTAVIA=$LAB_OCTAVIA: no such release; there are: $(cd "$LAB_DIR" && echo octavia-*.txt)" >&2; exit 1; }
  [ "$LAB_PROVIDER" = amphora ] || { echo "LAB_PROVIDER=$LAB_PROVIDER needs the newest Octavia" >&2; exit 1; }
  packages python3-dev gcc libc6-dev         # netifaces has no wheel
  environment "$OCTAVIA_VENV" "$pins" octavia PyMySQL gunicorn setuptools
fi
echo "installed in $SECONDS s"
