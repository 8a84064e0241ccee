# Settings of the OpenStack services. All state lives under $LAB_HOME.
. "$(dirname "${BASH_SOURCE[0]}")/../../env.sh"
LAB_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export LAB_HOME="$OPENSTACK"
VENV="$LAB_HOME/venv"
ETC="$LAB_HOME/etc"
LOGD="$LAB_HOME/log"
RUND="$LAB_HOME/run"
DATA="$LAB_HOME/data"
LAB_IP=127.0.0.1
export LAB_PW="${LAB_PW:-lab-not-secret}"
AUTH_URL="http://$LAB_IP:$KEYSTONE_PORT/v3"
# Lifetime of Keystone tokens in seconds. Short values exercise re-authentication.
TOKEN_TTL="${TOKEN_TTL:-3600}"
OCTAVIA_API_WORKERS="${OCTAVIA_API_WORKERS:-1}"
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
