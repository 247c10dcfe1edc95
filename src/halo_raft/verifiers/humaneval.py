"""HumanEval: the completion continues the prompt's function, or repeats it; `check(candidate)` judges."""

from halo_raft.verifiers.python_suites.verifier import PythonTests


class HumanEvalVerifier(PythonTests):
    """Runs `check`; the prompt's imports and helper functions are there in either case."""

    uses_prompt = True
