"""Judging at scale: answers in, verdicts out, identical programs once, on as many workers as there are.

- `policy`: on what terms; every worker holds to them and reports what it found (`Station`)
- `referee`: one judge at work in one process
- `verdicts`: many answers, over `workers` on Ray Data or in this process
- `known`, `ledger`: verdicts of identical programs, within a run and across runs
- `validation`: whether a task's tests tell right from wrong
- `failures`: what goes wrong meanwhile, for the log file and for people

How a program is judged is the affair of `verifiers`.
"""

from halo_raft.judging.answer import Answer, as_completion
from halo_raft.judging.failures import FailureLog
from halo_raft.judging.known import Known, ledger_folder
from halo_raft.judging.policy import JudgingPolicy
from halo_raft.judging.validation import beyond_us, broken_tasks, modes, without
from halo_raft.judging.verdicts import judge_all

__all__ = [
    "Answer",
    "FailureLog",
    "JudgingPolicy",
    "Known",
    "as_completion",
    "beyond_us",
    "broken_tasks",
    "judge_all",
    "ledger_folder",
    "modes",
    "without",
]
