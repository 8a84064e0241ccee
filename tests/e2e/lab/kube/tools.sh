#!/usr/bin/env bash
# Builds what judges objects as the tools of a platform do, from the Go module proxy: `verdicts` (kstatus and the Lua of Argo
# CD) and kubeconform from tools/, and with the argument `helm` also Helm from helm/ (five minutes of one processor on a new
# machine). Takes promtool and Prometheus out of Debian's package, without installing it. Instant when nothing changed.
set -euo pipefail
. "$(dirname "$0")/env.sh"
command -v go >/dev/null || { echo "go is missing: install Go 1.26 or newer and put it on the PATH" >&2; exit 1; }
cd "$(dirname "$0")"
mkdir -p "$BIN"
export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly
new=$(mktemp -d "$KUBE/tools.XXXXXX")
trap 'rm -rf "$new"' EXIT

# module PACKAGE...: builds these packages of a Go module, unless their sources are as they were. The stamp of Kubernetes has
# the same folder: a new tool must not build Kubernetes again.
build() {
  local module=$1 stamp; shift
  stamp=$(cat "$module"/* tools.sh | sha256sum)
  [ "$(cat "$BIN/.stamp-$module" 2>/dev/null)" != "$stamp" ] || return 0
  (cd "$module" && go build -trimpath -ldflags "-s -w" -o "$new/" "$@")
  mv "$new"/* "$BIN"
  printf %s "$stamp" >"$BIN/.stamp-$module"
  echo "built $* in $SECONDS s"
}
build tools . github.com/yannh/kubeconform/cmd/kubeconform
[ "${1:-}" != helm ] || build helm helm.sh/helm/v4/cmd/helm

if [ ! -x "$BIN/prometheus" ]; then
  (cd "$new" && { apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }; } && dpkg -x prometheus_*.deb .)
  mv "$new"/usr/bin/{promtool,prometheus} "$BIN"
  echo "unpacked Prometheus in $SECONDS s"
fi
