# Settings of the Kubernetes control plane. Binaries in $BIN, the state of the running one in $RUN.
. "$(dirname "${BASH_SOURCE[0]}")/../../env.sh"
BIN=$KUBE/bin RUN=$KUBE/run
# Is this number still that of a process we started? It could belong to somebody else by now.
alive() { local p; p=$(cat "$RUN/$1.pid" 2>/dev/null) && [[ $(readlink "/proc/$p/exe" 2>/dev/null) == "$BIN/"* ]]; }
