#!/usr/bin/env bash
# What sweep.sh and raft.sh share: submit.sh MODULE DEFAULT_CONFIG [arguments of the module ...]
set -euo pipefail
module=$1 config=$2
shift 2
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ray=ray
if [ -x "${VENV:-.venv}/bin/ray" ]; then ray=${VENV:-.venv}/bin/ray; fi
command -v "$ray" >/dev/null || { echo "submit: ray is missing; run make setup, or set VENV to an environment that has it" >&2; exit 1; }

arguments=("$@")
if [[ " $* " != *" --config"* ]]; then arguments=(--config "$config" "$@"); fi
options=(--working-dir .)
if [ -n "${NO_WAIT:-}" ]; then options+=(--no-wait); fi
export RAY_USAGE_STATS_ENABLED=0
# `ray start` asks for a token where there is one, `ray job submit` brings it only if told to
if [ -z "${RAY_AUTH_MODE:-}" ] && [ -n "${RAY_AUTH_TOKEN:-}${RAY_AUTH_TOKEN_PATH:-}" -o -f ~/.ray/auth_token ]; then export RAY_AUTH_MODE=token; fi
unset RAY_JOB_CONFIG_JSON_ENV_VAR # a job that submits a job is not its child
exec "$ray" job submit --address "${RAY_ADDRESS:-http://127.0.0.1:8265}" "${options[@]}" -- python -m "$module" "${arguments[@]}"
