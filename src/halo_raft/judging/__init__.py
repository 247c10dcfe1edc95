"""Judging at scale: answers in, verdicts out, identical programs once, on as many workers as there are.

- `referee`: one judge at work in one process
- `workers`: many answers over Ray Data, or in this process without it
- `known`, `ledger`: verdicts of identical programs, within a run and across runs
- `validation`: whether a task's tests tell right from wrong

How a program is judged is the affair of `verifiers`.
"""
