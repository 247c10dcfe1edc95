"""Judging Python programs by their tests, where the task has them stand: `verifier` is what its verifiers build on."""
