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
# A cache of the binaries for this go.sum, shared by all values of EVENKEEL_E2E_HOME.
cache="${XDG_CACHE_HOME:-$HOME/.cache}/evenkeel-ci/kubernetes/${stamp:0:16}"
if [ "$(cat "$cache/.stamp" 2>/dev/null)" = "$stamp" ]; then
  cp -lf "$cache"/* "$BIN" 2>/dev/null || cp --remove-destination "$cache"/* "$BIN"
  printf %s "$stamp" > "$BIN/.stamp"
  echo "taken from $cache in $SECONDS s"
  exit 0
fi
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes) ||
  { echo "$(go version): Go 1.26 or newer is needed, and the Go module proxy" >&2; exit 1; }
minor=$(cut -d. -f2 <<<"$version")
v=k8s.io/component-base/version
flags="-s -w -X $v.gitVersion=$version -X $v.gitMajor=1 -X $v.gitMinor=$minor -X $v.gitTreeState=clean"
# All at once: linking one program takes one processor, while the other one compiles packages.
new=$(mktemp -d "$KUBE/build.XXXXXX")
trap 'rm -rf "$new"' EXIT
go build -trimpath -ldflags "$flags" -o "$new/" go.etcd.io/etcd/server/v3 k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kubectl}
mv "$new/server" "$new/etcd"
rm -f "$BIN/.stamp"
mv "$new"/* "$BIN"
printf %s "$stamp" > "$BIN/.stamp"
echo "installed Kubernetes $version in $SECONDS s"
# A full disk only means that there is no cache.
rm -rf "$(dirname "$cache")"
{ mkdir -p "$cache" && { cp -lf "$BIN"/* "$cache" 2>/dev/null || cp --remove-destination "$BIN"/* "$cache"; } && printf %s "$stamp" > "$cache/.stamp"; } ||
  rm -rf "$cache"
