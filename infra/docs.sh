#!/usr/bin/env bash
# Builds the documentation into site/, with packages of its own in .venv-docs; nothing else needs to be installed.
# Variables: PYTHON (interpreter), SITE (folder of the site).
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv-docs site=${SITE:-site}

wanted=$(cksum <requirements/docs.txt)
if [ "$(cat "$venv/.installed" 2>/dev/null)" != "$wanted" ]; then
    python=${PYTHON:-$(command -v python3.11 || command -v python3.12 || command -v python3)}
    echo "docs: installing $(grep -c '==' requirements/docs.txt) packages for it in $venv"
    rm -rf "$venv"
    "$python" -m venv "$venv" || { rm -rf "$venv"; echo "docs: $python cannot make a virtual environment (Debian: apt-get install python3-venv)" >&2; exit 1; }
    "$venv/bin/python" -m pip --disable-pip-version-check install -qq --no-deps -r requirements/docs.txt ||
        { echo "docs: a pinned package could not be installed (see above)" >&2; exit 1; }
    echo "$wanted" >"$venv/.installed"
fi
echo "docs: building $site"
NO_MKDOCS_2_WARNING=1 "$venv/bin/mkdocs" build --quiet --site-dir "$site"
echo "docs: $site/index.html; with search: python3 -m http.server --directory $site, then http://127.0.0.1:8000"
