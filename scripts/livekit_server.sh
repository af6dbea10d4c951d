#!/usr/bin/env bash
# Build LiveKit's own server, the peer that our engine is compared with, and print where the program is.
#
#   program=$(scripts/livekit_server.sh)
#
# The sources come from the Go module proxy, at the version and with the hash below; what they need is pinned by the
# go.sum among them. The program is kept under build/livekit-server/ by the hash of what it was made from: building
# takes minutes on two cores (less where Go still has the parts), printing the path of what is there milliseconds.
# Needs Go 1.26 or newer: scripts/system-packages.sh go brings it. Versions 1.13.6 to 1.13.11 pin forks that are not
# to be had from the proxy.
set -euo pipefail
cd "$(dirname "$0")/.."

version=v1.13.5
sum=h1:HWfxfKvi5k1czMVqLV/htGmPgEBhrqHMxpfyMvfhyVo=
flags=(-trimpath -buildvcs=false -mod=readonly)

export PATH="$PWD/.tools/go/bin:$PATH"
# As LiveKit builds its images: without C, so nothing of the machine's is in the program.
export CGO_ENABLED=0 GO111MODULE=on GOFLAGS= GOWORK=off

say() { printf '%s\n' "$*" >&2; }

command -v go >/dev/null || { say "No Go: scripts/system-packages.sh go brings it."; exit 1; }

made_from="$version $sum $(go env GOVERSION GOOS GOARCH | tr '\n' ' ') ${flags[*]}"
home=build/livekit-server/$(printf '%s' "$made_from" | sha256sum | cut -c 1-16)
program=$PWD/$home/livekit-server

mkdir -p "$home"
exec 9>"$home/lock"
flock 9 # Two who ask at once build once.

if [ ! -x "$program" ]; then
  say "livekit-server $version: building from the Go module proxy (minutes the first time)"
  # Not in the project's folder: a go.mod there must not be looked at.
  told=$(cd / && go mod download -json "github.com/livekit/livekit-server@$version")
  field() { printf '%s\n' "$told" | sed -n "s/^\t\"$1\": \"\(.*\)\",\{0,1\}$/\1/p"; }
  if [ "$(field Sum)" != "$sum" ]; then
    say "livekit-server $version: the sources have the hash $(field Sum), not $sum"
    exit 1
  fi
  rm -rf "$home/src"
  cp -r "$(field Dir)" "$home/src" # Go's own copy is read-only, and in module mode no main program.
  chmod -R u+w "$home/src"
  (cd "$home/src" && go build "${flags[@]}" -o ../livekit-server.new ./cmd/server) >&2
  rm -rf "$home/src"
  mv "$home/livekit-server.new" "$program"
fi
printf '%s\n' "$program"
