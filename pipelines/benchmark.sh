#!/usr/bin/env bash
# Submits a measurement to a Ray cluster as a job: pipelines/benchmark.sh run|eval|compare|full [flags of that command]
# RAY_ADDRESS names the cluster's dashboard (default http://127.0.0.1:8265); NO_WAIT=1 does not follow the log.
# Submit the same again to go on with one that was stopped.
exec "$(dirname "${BASH_SOURCE[0]}")/submit.sh" halo_raft.cli benchmark "$@"
