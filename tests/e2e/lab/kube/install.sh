#!/usr/bin/env bash
# Builds genuine etcd, kube-apiserver, kube-controller-manager and kubectl from the Go module proxy (go.sum pins every
# byte). Needs Go >= 1.26 only. Instant when nothing changed.
set -euo pipefail
. "$(dirname "$0")/env.sh"
packages openssl procps libfaketime
command -v go >/dev/null || { echo "go is missing: install Go 1.26 or newer and put it on the PATH" >&2; exit 1; }
cd "$(dirname "$0")/go"
mkdir -p "$BIN"
export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly
stamp=$(cat go.mod go.sum ../install.sh | sha256sum)
[ "$(cat "$BIN/.stamp" 2>/dev/null)" != "$stamp" ] || { echo "installed already: $BIN"; exit 0; }
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes) ||
  { echo "$(go version): Go 1.26 or newer is needed, and the Go module proxy" >&2; exit 1; }
minor=$(cut -d. -f2 <<<"$version")
v=k8s.io/component-base/version
flags="-s -w -X $v.gitVersion=$version -X $v.gitMajor=1 -X $v.gitMinor=$minor -X $v.gitTreeState=clean"
build() { # binary package ldflags
  local t=$SECONDS
  go build -trimpath -ldflags "$3" -o "$BIN/$1" "$2"
  echo "built $1 in $((SECONDS - t)) s"
}
build etcd go.etcd.io/etcd/server/v3 "-s -w"
for c in kube-apiserver kube-controller-manager kubectl; do build "$c" "k8s.io/kubernetes/cmd/$c" "$flags"; done
printf %s "$stamp" > "$BIN/.stamp"
echo "installed Kubernetes $version in $SECONDS s"
