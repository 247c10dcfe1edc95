"""A verifier of your own: `--verifier my_verifier:MyVerifier`, or `verifier: my_verifier:MyVerifier` in raft.yaml.

Write the `version` anew whenever a verdict could change: verdicts are remembered by it.
"""

from halo_raft import Verifier, VerifyResult


class MyVerifier(Verifier):
    """Rewards programs that compile, short ones more; `verify(self, code, task)` would be given the task as well."""

    version = "1"

    def verify(self, code: str) -> VerifyResult:
        """Look at one program, which was found in a completion. To run it, use `halo_raft.sandbox`."""
        try:
            compile(code, "program", "exec")
        except (SyntaxError, ValueError) as error:
            return VerifyResult(success=False, reward=0.0, details=f"does not compile: {error}")
        lines = len(code.strip().splitlines())
        return VerifyResult(success=True, reward=1.0 if lines <= 20 else 0.7, details=f"{lines} lines")
