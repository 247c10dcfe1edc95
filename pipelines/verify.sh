#!/usr/bin/env bash
# Submits a file of completions to a Ray cluster as a job: pipelines/verify.sh --samples FILE --tasks TASKS --output FILE
# RAY_ADDRESS names the cluster's dashboard (default http://127.0.0.1:8265); NO_WAIT=1 does not follow the log.
# Submit the same again to go on with a verification that was stopped.
exec "$(dirname "${BASH_SOURCE[0]}")/submit.sh" halo_raft.pipelines.verify "$@"
