# Settings of the Kubernetes control plane. Binaries in $BIN, the state of the running one in $RUN.
. "$(dirname "${BASH_SOURCE[0]}")/../../env.sh"
BIN=$KUBE/bin RUN=$KUBE/run
alive() { running "$RUN/$1.pid"; }
