"""How completions are judged: one file a verifier, named after it.

`python`, `humaneval` and `mbpp` run tests; a user's own is named `my_module:MyVerifier`.
"""

from halo_raft.errors import ConfigError
from halo_raft.registry import Registry
from halo_raft.verifiers.base import Verifier, VerifierOptions, VerifyResult

__all__ = ["REGISTRY", "Verifier", "VerifierOptions", "VerifyResult", "create"]

REGISTRY: Registry[Verifier] = Registry(
    "verifier",
    __name__,
    Verifier,
    support=frozenset(
        {
            "base",
            "driver_cc",
            "driver_go",
            "driver_rust",
            "language_mark",
            "native",
            "native_build",
            "native_driver",
            "native_program",
            "native_screen",
            "native_shared",
            "native_suite",
            "native_tests",
            "program_cases",
            "pytest_beside",
            "pytest_guard",
            "pytest_harness",
            "pytest_reach",
            "pytest_run",
            "pytest_screen",
            "pytest_suite",
            "python_candidate",
            "python_codec",
            "python_judge",
            "python_judging",
            "python_remote",
            "python_suite",
            "python_tests",
            "python_wire",
            "report_cc",
            "report_rust",
            "report_shared",
            "source_text",
            "toolchain_cc",
            "toolchain_go",
            "toolchain_rust",
            "toolchains",
        }
    ),
)


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
