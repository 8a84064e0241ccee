#!/usr/bin/env bash
# Writes every configuration file under $LAB_HOME/etc (called by up.sh; safe to repeat).
set -euo pipefail
. "$(dirname "$0")/env.sh"
umask 022
mkdir -p "$ETC"/{keystone,neutron,octavia,barbican/home/.barbican,mysql,rabbitmq,pki} "$LOGD" "$RUND" "$DATA"/{mysql,rabbitmq,tmp,locks}

mq="rabbit://oslab:$LAB_PW@$LAB_IP:$MQ_PORT/"
db() { echo "mysql+pymysql://oslab:$LAB_PW@$LAB_IP:$DB_PORT/$1?charset=utf8mb4"; }
authtoken() { cat <<X
[keystone_authtoken]
www_authenticate_uri = $AUTH_URL
auth_url = $AUTH_URL
auth_type = password
username = $1
password = $LAB_PW
project_name = service
user_domain_id = default
project_domain_id = default
region_name = RegionOne
service_token_roles_required = true
service_token_roles = service
X
}
client_auth() { cat <<X
[$1]
auth_url = $AUTH_URL
auth_type = password
username = octavia
password = $LAB_PW
project_name = service
user_domain_id = default
project_domain_id = default
region_name = RegionOne
X
}

ovn_databases() { cat <<X
[ovn]
ovn_nb_connection = $OVN_NB
ovn_sb_connection = $OVN_SB
X
}

providers="amphora: The Octavia Amphora driver.,octavia: Deprecated alias of the Octavia Amphora driver.,noop_driver: The no-op provider (never leaves PENDING)."
agents='' mechanism='' router=router tunnel=vxlan
if [ "$LAB_PROVIDER" = ovn ]; then
  providers="ovn: The Octavia OVN driver.,$providers"
  agents=ovn mechanism=ovn router=ovn-router tunnel=geneve
fi

cat > "$ETC/mysql/my.cnf" <<X
[mysqld]
datadir=$DATA/mysql
socket=$RUND/mysql.sock
pid-file=$RUND/mariadbd.pid
bind-address=$LAB_IP
port=$DB_PORT
skip-name-resolve
character-set-server=utf8mb4
innodb_buffer_pool_size=128M
innodb_flush_log_at_trx_commit=0
sync_binlog=0
innodb_doublewrite=0
performance_schema=OFF
max_connections=400
X

cat > "$ETC/rabbitmq/rabbitmq.conf" <<X
listeners.tcp.1 = $LAB_IP:$MQ_PORT
default_user = oslab
default_pass = $LAB_PW
log.console = false
log.file.level = warning
X
echo '[].' > "$ETC/rabbitmq/enabled_plugins"

cat > "$ETC/keystone/keystone.conf" <<X
[DEFAULT]
log_file = $LOGD/keystone.log
[database]
connection = $(db keystone)
[token]
provider = fernet
expiration = $TOKEN_TTL
[fernet_tokens]
key_repository = $ETC/keystone/fernet-keys
[credential]
key_repository = $ETC/keystone/credential-keys
[cache]
enabled = true
backend = dogpile.cache.memory
[identity]
# bcrypt's minimum: Octavia logs in for nearly every request, which costs a quarter of a second of CPU with the default
password_hash_rounds = 4
X

cat > "$ETC/neutron/neutron.conf" <<X
[DEFAULT]
log_file = $LOGD/neutron.log
core_plugin = ml2
service_plugins = $router,qos,segments,port_forwarding
auth_strategy = keystone
state_path = $DATA/neutron
transport_url = $mq
api_paste_config = $ETC/neutron/api-paste.ini
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
dhcp_agent_notification = false
dns_domain = lab.example.
[database]
connection = $(db neutron)
[oslo_concurrency]
lock_path = $DATA/locks
[oslo_messaging_notifications]
driver = noop
[quotas]
quota_port = -1
quota_security_group = -1
quota_security_group_rule = -1
$(authtoken neutron)
X
cp "$VENV/etc/neutron/api-paste.ini" "$ETC/neutron/api-paste.ini"
cat > "$ETC/neutron/ml2_conf.ini" <<X
[ml2]
type_drivers = flat,$tunnel
tenant_network_types = $tunnel
mechanism_drivers = $mechanism
extension_drivers = port_security,qos
[ml2_type_flat]
flat_networks = public
[ml2_type_$tunnel]
vni_ranges = 1:4000
$([ "$LAB_PROVIDER" != ovn ] || { echo 'max_header_size = 38'; ovn_databases; })
[securitygroup]
enable_security_group = true
X

kek_file="$ETC/barbican/kek"
[ -s "$kek_file" ] || (umask 077; openssl rand -base64 32 > "$kek_file")
for f in "$ETC/barbican/home/.barbican/barbican.conf"; do cat > "$f" <<X
[DEFAULT]
log_file = $LOGD/barbican.log
host_href = http://$LAB_IP:$BARBICAN_PORT
transport_url = $mq
db_auto_create = false
[database]
connection = $(db barbican)
[queue]
enable = false
[secretstore]
namespace = barbican.secretstore.plugin
enabled_secretstore_plugins = store_crypto
[crypto]
namespace = barbican.crypto.plugin
enabled_crypto_plugins = simple_crypto
[simple_crypto_plugin]
kek = $(cat "$kek_file")
$(authtoken barbican)
X
done
cp "$VENV/etc/barbican/barbican-api-paste.ini" "$ETC/barbican/barbican-api-paste.ini"

if [ ! -s "$ETC/pki/ca.pem" ]; then
  openssl req -x509 -newkey rsa:2048 -passout "pass:$LAB_PW" -days 3650 -subj "/CN=oslab amphora CA" \
    -keyout "$ETC/pki/ca.key" -out "$ETC/pki/ca.pem" 2>/dev/null
  openssl req -newkey rsa:2048 -nodes -subj "/CN=oslab controller" \
    -keyout "$ETC/pki/client.key" -out "$ETC/pki/client.csr" 2>/dev/null
  openssl x509 -req -in "$ETC/pki/client.csr" -CA "$ETC/pki/ca.pem" -CAkey "$ETC/pki/ca.key" -passin "pass:$LAB_PW" \
    -CAcreateserial -days 3650 -out "$ETC/pki/client.pem" 2>/dev/null
  cat "$ETC/pki/client.pem" "$ETC/pki/client.key" > "$ETC/pki/client.both.pem"
fi

cat > "$ETC/octavia/octavia.conf" <<X
[DEFAULT]
log_file = $LOGD/octavia.log
transport_url = $mq
debug = ${OCTAVIA_DEBUG:-false}
graceful_shutdown_timeout = 5
[api_settings]
bind_host = $LAB_IP
bind_port = $OCTAVIA_PORT
auth_strategy = keystone
enabled_provider_drivers = $providers
default_provider_driver = $LAB_PROVIDER
allow_tls_terminated_listeners = true
[database]
connection = $(db octavia)
[health_manager]
bind_ip = $LAB_IP
bind_port = $OCTAVIA_HM_PORT
heartbeat_key = $LAB_PW
controller_ip_port_list = $LAB_IP:$OCTAVIA_HM_PORT
health_update_threads = 1
stats_update_threads = 1
heartbeat_timeout = 86400
[certificates]
cert_manager = barbican_cert_manager
barbican_auth = barbican_acl_auth
cert_generator = local_cert_generator
ca_certificate = $ETC/pki/ca.pem
ca_private_key = $ETC/pki/ca.key
ca_private_key_passphrase = $LAB_PW
server_certs_key_passphrase = insecure-key-do-not-use-this-key
endpoint_type = public
region_name = RegionOne
[controller_worker]
amphora_driver = $OCTAVIA_AMPHORA_DRIVER
compute_driver = $OCTAVIA_COMPUTE_DRIVER
network_driver = $OCTAVIA_NETWORK_DRIVER
volume_driver = volume_noop_driver
image_driver = image_noop_driver
amp_image_tag = amphora
amp_flavor_id = 00000000-0000-0000-0000-000000000001
amp_boot_network_list =
amp_secgroup_list =
loadbalancer_topology = SINGLE
workers = 1
client_ca = $ETC/pki/ca.pem
amp_active_retries = 5
amp_active_wait_sec = 1
[haproxy_amphora]
client_cert = $ETC/pki/client.both.pem
server_ca = $ETC/pki/ca.pem
# only with LAB_DATAPLANE=haproxy: 50000 for each listener would need more file descriptors than a process may have
default_connection_limit = 1000
# The worker learns of a change before the API has committed it, and polls for it: at once, then every second, for 14 s (the
# default: after 1, 2, 3, 4 and 5 s, for a minute). See _get_db_obj_until_pending_update in octavia/controller/worker/v2/controller_worker.py.
api_db_commit_retry_attempts = 15
api_db_commit_retry_initial_delay = 0
api_db_commit_retry_backoff = 1
api_db_commit_retry_max = 1
[networking]
allow_vip_network_id = true
allow_vip_subnet_id = true
allow_vip_port_id = true
retry_interval = 1
max_retries = 3
port_detach_timeout = 5
[house_keeping]
load_balancer_expiry_age = ${LB_EXPIRY_AGE:-3600}
[oslo_messaging]
topic = octavia_prov
rpc_thread_pool_size = 2
[oslo_concurrency]
lock_path = $DATA/locks
[driver_agent]
status_socket_path = $RUND/status.sock
stats_socket_path = $RUND/stats.sock
get_socket_path = $RUND/get.sock
enabled_provider_agents = $agents
[task_flow]
jobboard_enabled = false
$([ "$LAB_PROVIDER" != ovn ] || ovn_databases)
$(client_auth service_auth)
$(client_auth neutron)
$(authtoken octavia)
X
echo "$LAB_DATAPLANE" > "$ETC/dataplane"
echo "$LAB_PROVIDER" > "$ETC/provider"
[ -e "$ETC/octavia/faults.json" ] || echo '{"delay_seconds": 0}' > "$ETC/octavia/faults.json"
