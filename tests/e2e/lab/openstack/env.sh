# Settings of the OpenStack services. All state lives under $LAB_HOME.
. "$(dirname "${BASH_SOURCE[0]}")/../../env.sh"
LAB_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export LAB_HOME="$OPENSTACK"
VENV="$LAB_HOME/venv"
# the virtual environment of Octavia alone
OCTAVIA_VENV="$VENV${LAB_OCTAVIA:+-octavia-$LAB_OCTAVIA}"
ETC="$LAB_HOME/etc"
LOGD="$LAB_HOME/log"
RUND="$LAB_HOME/run"
DATA="$LAB_HOME/data"
# OVN's databases
OVN_NB="unix:$RUND/ovnnb.sock"
OVN_SB="unix:$RUND/ovnsb.sock"
LAB_IP=127.0.0.1
export LAB_PW="${LAB_PW:-lab-not-secret}"
AUTH_URL="http://$LAB_IP:$KEYSTONE_PORT/v3"
# Lifetime of Keystone tokens in seconds. Short values exercise re-authentication.
TOKEN_TTL="${TOKEN_TTL:-3600}"
OCTAVIA_API_WORKERS="${OCTAVIA_API_WORKERS:-1}"
# The queue on which Octavia's worker takes the requests of the provider amphora: up to release 7 another one.
export OCTAVIA_QUEUE=octavia_provisioning_v2
case $LAB_OCTAVIA in [1-7]) OCTAVIA_QUEUE=octavia_prov ;; esac
# Seconds that each part of the bootstrap may take
LAB_PATIENCE="${LAB_PATIENCE:-180}"
# the data plane (dp.sh)
DP="$LAB_HOME/dp"
DP_CLIENTS="${DP_CLIENTS:-198.18.0.0/15}"
DP_HEARTBEAT="${DP_HEARTBEAT:-3}"               # seconds; a real amphora: 10
if [ "$LAB_DATAPLANE" = haproxy ]; then
  OCTAVIA_AMPHORA_DRIVER=oslab_haproxy_amphora_driver OCTAVIA_COMPUTE_DRIVER=oslab_haproxy_compute_driver
  OCTAVIA_NETWORK_DRIVER=oslab_haproxy_network_driver
else
  OCTAVIA_AMPHORA_DRIVER=oslab_amphora_driver OCTAVIA_COMPUTE_DRIVER=oslab_compute_driver
  OCTAVIA_NETWORK_DRIVER=oslab_network_driver
fi
export OS_CLIENT_CONFIG_FILE="$LAB_HOME/clouds.yaml"
