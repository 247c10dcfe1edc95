"""Any Python task with tests: `test_solution`, `check(candidate)`, plain asserts, or a list of asserts."""

from halo_raft.verifiers.python_suites.verifier import PythonTests


class PythonVerifier(PythonTests):
    """Runs the task's tests; a prompt that is code is continued."""

    uses_prompt = True
