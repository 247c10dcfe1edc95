#!/usr/bin/env bash
# Installs Chromium with apt, where that is allowed, for the browser tests. What is there already is left alone.
set -euo pipefail

for program in chromium chromium-browser google-chrome; do
    if command -v "$program" >/dev/null 2>&1; then exit 0; fi
done
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "browser: skipped chromium: that needs root and apt-get (Debian); the browser tests are skipped without it"
    exit 0
fi
echo "browser: installing chromium"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
