"""MBPP: asserts in `test_list` (the hub's form) or in `test_solution` (one function of all asserts)."""

from halo_raft.verifiers.python_suites.verifier import PythonTests


class MbppVerifier(PythonTests):
    """Runs the task's asserts after its set-up code; the prompt is prose and no part of the program."""
