#!/usr/bin/env bash
# Starts genuine etcd, kube-apiserver and kube-controller-manager on 127.0.0.1; writes admin.kubeconfig. Idempotent.
# A small kubelet with a scheduler is started by the scenarios that need pods (kubelet.sh).
set -euo pipefail
. "$(dirname "$0")/env.sh"
mkdir -p "$RUN/pki"; chmod 700 "$RUN" "$RUN/pki"
if alive kube-apiserver && alive kube-controller-manager; then echo "already up: $RUN/admin.kubeconfig"; exit 0; fi
ETCD=$((KUBE_PORT + 1)) PEER=$((KUBE_PORT + 2)) MANAGER=$((KUBE_PORT + 3))
spawn() { # name command...
  local name=$1; shift
  setsid "$@" </dev/null >"$RUN/$name.log" 2>&1 & echo $! > "$RUN/$name.pid"
}

# -- certificates -------------------------------------------------------------
cd "$RUN/pki"
cert() { # name subject extensions
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
  openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -out "$1.crt" -extfile <(printf '%b' "$3") 2>/dev/null
}
if [[ ! -s sa.pub ]]; then
  ( umask 077
    openssl ecparam -name prime256v1 -genkey -noout -out ca.key
    openssl req -x509 -new -key ca.key -subj /CN=evenkeel-e2e-ca -days 3650 -out ca.crt
    cert server /CN=kube-apiserver 'subjectAltName=DNS:localhost,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1\nextendedKeyUsage=serverAuth\n'
    cert admin '/O=system:masters/CN=evenkeel-e2e-admin' 'extendedKeyUsage=clientAuth\n'
    openssl genrsa -out sa.key 2048 2>/dev/null; openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null )
fi
b64() { base64 -w0 < "$1"; }
( umask 077; cat > "$RUN/admin.kubeconfig" <<K
apiVersion: v1
kind: Config
clusters: [{name: e2e, cluster: {server: "https://127.0.0.1:$KUBE_PORT", certificate-authority-data: $(b64 ca.crt)}}]
users: [{name: me, user: {client-certificate-data: $(b64 admin.crt), client-key-data: $(b64 admin.key)}}]
contexts: [{name: e2e, context: {cluster: e2e, user: me, namespace: default}}]
current-context: e2e
K
)

# -- the three processes ------------------------------------------------------
alive etcd || spawn etcd "$BIN/etcd" --data-dir "$RUN/etcd" --unsafe-no-fsync --log-level warn \
  --listen-client-urls "http://127.0.0.1:$ETCD" --advertise-client-urls "http://127.0.0.1:$ETCD" \
  --listen-peer-urls "http://127.0.0.1:$PEER" --initial-advertise-peer-urls "http://127.0.0.1:$PEER" \
  --initial-cluster "default=http://127.0.0.1:$PEER"
alive kube-apiserver || spawn kube-apiserver "$BIN/kube-apiserver" --etcd-servers "http://127.0.0.1:$ETCD" \
  --bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port "$KUBE_PORT" --endpoint-reconciler-type none \
  --tls-cert-file server.crt --tls-private-key-file server.key --client-ca-file ca.crt \
  --authorization-mode RBAC --allow-privileged --service-cluster-ip-range 10.96.0.0/16,fd00:10:96::/112 \
  --service-account-issuer https://kubernetes.default.svc --service-account-key-file sa.pub --service-account-signing-key-file sa.key
ready() { [[ $("$BIN/kubectl" --kubeconfig "$RUN/admin.kubeconfig" --request-timeout 2s get --raw /readyz 2>/dev/null || true) == ok ]]; }
for _ in $(seq 1 240); do
  alive etcd && alive kube-apiserver || { echo "died; last lines:" >&2; tail -5 "$RUN"/{etcd,kube-apiserver}.log >&2; exit 1; }
  ready && break; sleep 0.25
done
ready || { echo "kube-apiserver is not ready after 60 s, see $RUN/kube-apiserver.log" >&2; exit 1; }
# Only the loops that controllers and users rely on: garbage collection, namespace deletion, service accounts, aggregated roles, quotas,
# EndpointSlices, Deployments.
# Its requests are not held back, so that endpoints follow their pods.
alive kube-controller-manager || spawn kube-controller-manager "$BIN/kube-controller-manager" --kubeconfig "$RUN/admin.kubeconfig" \
  --controllers=garbage-collector-controller,namespace-controller,serviceaccount-controller,serviceaccount-token-controller,endpointslice-controller,endpointslice-mirroring-controller,deployment-controller,replicaset-controller,clusterrole-aggregation-controller,resourcequota-controller,root-ca-certificate-publisher-controller \
  --kube-api-qps 200 --kube-api-burst 400 \
  --service-account-private-key-file sa.key --root-ca-file ca.crt --leader-elect=false --bind-address 127.0.0.1 --secure-port "$MANAGER" --cert-dir "$RUN/pki"
echo "up in $SECONDS s: $RUN/admin.kubeconfig"
