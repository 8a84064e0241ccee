#!/usr/bin/env bash
# Installs Debian packages (MariaDB, RabbitMQ, venv) and one Python venv with Keystone, Neutron, Barbican and Octavia,
# pinned by constraints.txt. Idempotent; instant when nothing changed. Needs root where a Debian package is missing.
# LAB_DATAPLANE=haproxy also installs what the data plane needs.
set -euo pipefail
. "$(dirname "$0")/env.sh"
packages mariadb-server rabbitmq-server python3-venv openssl procps
[ "$LAB_DATAPLANE" != haproxy ] || packages haproxy nftables iproute2 iputils-ping
mkdir -p "$LAB_HOME"
stamp=$(cat "$LAB_DIR"/{install.sh,constraints.txt} "$LAB_DIR"/labdrivers/* | sha256sum)
[ "$(cat "$VENV/.stamp" 2>/dev/null)" != "$stamp" ] || { echo "installed already: $VENV"; exit 0; }
# Debian's own Python is built with profile-guided optimisation, unlike many others, and most of a run is Python code. Only
# version 3.11 is supported.
python=$(command -v /usr/bin/python3.11 || command -v python3)
[ -x "$VENV/bin/pip" ] && [ "$(readlink -f "$VENV/bin/python")" = "$(readlink -f "$python")" ] ||
  "$python" -m venv --clear "$VENV"
# neutron does not declare pyroute2, which neutron-db-manage imports
"$VENV/bin/pip" install -q --disable-pip-version-check -c "$LAB_DIR/constraints.txt" \
  keystone neutron barbican octavia PyMySQL gunicorn pyroute2 openstacksdk requests PyYAML
cp -r "$LAB_DIR/labdrivers" "$LAB_HOME/labdrivers-src"     # keeps build leftovers out of the source tree
"$VENV/bin/pip" install -q --disable-pip-version-check --no-deps --force-reinstall "$LAB_HOME/labdrivers-src"
rm -rf "$LAB_HOME/labdrivers-src"
printf %s "$stamp" > "$VENV/.stamp"
"$VENV/bin/pip" list --disable-pip-version-check 2>/dev/null | grep -E '^(keystone|neutron|barbican|octavia|openstacksdk) '
echo "installed in $SECONDS s"
