#!/usr/bin/env bash
# Installs PostgreSQL with apt, where that is allowed, for the test of compose.yaml's services. It is not started:
# the test makes a server of its own. What is there already is left alone.
set -euo pipefail

if command -v initdb >/dev/null 2>&1 || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then exit 0; fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "postgres: skipped postgresql: that needs root and apt-get (Debian); its test is skipped without it"
    exit 0
fi
echo "postgres: installing postgresql"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends postgresql-common >/dev/null
sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
apt-get install -y -qq --no-install-recommends postgresql >/dev/null
