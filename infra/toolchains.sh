#!/usr/bin/env bash
# Installs the compilers of the gcc, clang, mingw, rust and go verifiers with apt, where that is allowed.
# What is there already is left alone; what cannot be installed is named. Fails only if apt itself fails.
set -euo pipefail

missing=()
need() { # need PROGRAM PACKAGE
    command -v "$1" >/dev/null 2>&1 || [ -x "$HOME/.cargo/bin/$1" ] || missing+=("$2")
}
need g++ g++
need gcc gcc
need clang++ clang
need x86_64-w64-mingw32-g++ g++-mingw-w64-x86-64
need rustc rustc
need go golang-go

if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "toolchains: skipped ${missing[*]}: that needs root and apt-get (Debian, Ubuntu)"
    exit 0
fi
echo "toolchains: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
