"""How completions are judged: one file a verifier, named after it; a user's own is `my_module:MyVerifier`.

What several verifiers share is in packages: `functions`, `pytest_suites` and `native`.
"""

from halo_raft.errors import ConfigError
from halo_raft.registry import Registry
from halo_raft.verifiers.base import Verifier, VerifierOptions, VerifyResult

__all__ = ["REGISTRY", "Verifier", "VerifierOptions", "VerifyResult", "create"]

REGISTRY: Registry[Verifier] = Registry("verifier", __name__, Verifier, support=frozenset({"base"}))


def create(name: str, options: VerifierOptions) -> Verifier:
    """Return the verifier called `name`, configured.

    Raises:
        ConfigError: There is none, or it cannot be constructed without arguments.
    """
    plugin = REGISTRY.load(name)
    try:
        verifier = plugin()
    except TypeError as error:
        raise ConfigError(f"verifier {name!r} cannot be created: {error}") from error
    verifier.configure(options)
    return verifier
