#!/usr/bin/env bash
# What the other scripts here share: submit.sh MODULE [arguments of the module ...]
# RAY_ADDRESS names the cluster's dashboard (default http://127.0.0.1:8265); NO_WAIT=1 does not follow the log.
set -euo pipefail
module=$1
shift
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bin=${VENV:-.venv}/bin
if [ -x "$bin/ray" ]; then PATH=$bin:$PATH; fi
command -v ray >/dev/null || { echo "submit: ray is missing; run make setup, or set VENV to an environment that has it" >&2; exit 1; }
for word in "$@"; do
    if [ "$word" = --help ] || [ "$word" = -h ]; then exec python -m "$module" "$@"; fi
done

address=${RAY_ADDRESS:-http://127.0.0.1:8265}
place=${address#http*://} place=${place%%/*}
port=${place##*:}
if [ "$place" = "$address" ] || [ "$port" = "$place" ]; then
    echo "submit: RAY_ADDRESS=$address: jobs go to the cluster's dashboard; give it as http://HOST:8265" >&2
    exit 3
fi
if ! timeout 10 bash -c ': < "/dev/tcp/$0/$1"' "${place%:*}" "$port" 2>/dev/null; then
    echo "submit: no Ray cluster answers at $address; start it (ray start --head), or set RAY_ADDRESS to its dashboard" >&2
    exit 3
fi

options=(--working-dir .)
if [ -n "${NO_WAIT:-}" ]; then options+=(--no-wait); fi
export RAY_USAGE_STATS_ENABLED=0
# `ray start` asks for a token where there is one, `ray job submit` brings it only if told to
if [ -z "${RAY_AUTH_MODE:-}" ] && [ -n "${RAY_AUTH_TOKEN:-}${RAY_AUTH_TOKEN_PATH:-}" -o -f ~/.ray/auth_token ]; then export RAY_AUTH_MODE=token; fi
unset RAY_JOB_CONFIG_JSON_ENV_VAR # a job that submits a job is not its child
exec ray job submit --address "$address" "${options[@]}" -- python -m "$module" "$@"
