#!/usr/bin/env bash
# Makes .venv with everything pinned: vLLM for the GPU where there is an NVIDIA one, else the CPU build.
# Idempotent. Variables: PYTHON (interpreter), TORCH_INDEX_URL (an extra index for torch), VENV (folder).
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT

fail() { echo "setup: $1" >&2; exit 1; }

find_python() {
    for candidate in ${PYTHON:-} python3.11 python3.12 python3 python3.13; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$candidate"; return; }
    done
    return 1
}

command -v git >/dev/null 2>&1 || fail "git is missing; install it"
command -v gcc >/dev/null 2>&1 || fail "gcc is missing; install it (Debian: apt-get install gcc)"

flavour=cpu
if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L 2>/dev/null | grep -q '^GPU '; then flavour=cuda; fi

stamp=$venv/.installed-$flavour
wanted=$(cat requirements/$flavour.txt requirements/dev.txt pyproject.toml | cksum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then exit 0; fi

# vLLM for CPU and for GPU are two packages with the same files: never both in one environment
others=$(find "$venv" -maxdepth 1 -name '.installed-*' ! -name ".installed-$flavour" 2>/dev/null || true)
if [ -n "$others" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python) || fail "Python 3.11 or newer is missing; install it, or set PYTHON to it"
    rm -rf "$venv"
    echo "setup: making $venv with $("$python" --version)"
    "$python" -m venv "$venv" || { rm -rf "$venv"; fail "$python cannot make a virtual environment (Debian: apt-get install python3-venv)"; }
fi
# -I: nothing beside that file is imported, such as our select.py in place of Python's
"$venv/bin/python" -I src/halo_raft/devices.py "$flavour" >&2
patiently() { # runs something, and says now and then that it is not over
    local since=$SECONDS
    (while sleep 30 >/dev/null; do echo "setup: still installing, after $((SECONDS - since)) s"; done) &
    local teller=$! code=0
    "$@" || code=$?
    kill "$teller"
    return "$code"
}
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }

torch=$(grep '^torch==' requirements/$flavour.txt)
echo "setup: installing $torch ($flavour)"
patiently pip install -qq --no-deps ${TORCH_INDEX_URL:+--extra-index-url "$TORCH_INDEX_URL"} "$torch" ||
    fail "pip is offered no $torch; set TORCH_INDEX_URL to a package index that has it (PyTorch's own has the CPU builds) and run this again"

echo "setup: installing $(cat requirements/$flavour.txt requirements/dev.txt | grep -c '==') pinned packages; this takes a few minutes"
patiently pip install -qq --no-deps -r <(grep -v '^torch==' requirements/$flavour.txt) -r requirements/dev.txt || fail "a pinned package could not be installed (see above)"
pip install -qq --no-deps --no-build-isolation -e . || fail "halo-raft itself could not be installed (see above)"
rm -f "$venv"/.installed-*
echo "$wanted" >"$stamp"
echo "setup: done; the environment is in $venv"
