"""Packages that a task's trusted text imports: named before anything starts where programs cannot have them."""

import pytest

from halo_raft.config.schema import SandboxConfig, VerifierConfig
from halo_raft.errors import ConfigError
from halo_raft.judging import JudgingPolicy, beyond_us
from halo_raft.records import Task
from halo_raft.verifiers import VerifierOptions, create
from halo_raft.verifiers.python_suites.packages import imported, lacking, with_requirements

NEEDS = Task(task_id="needs", prompt="p", tests="import no_such_package_here as n\nassert f(n) == 1", entry_point="f")
PLAIN = Task(task_id="plain", prompt="p", tests="import math\nassert f(2) == math.sqrt(4)", entry_point="f")


def _policy() -> JudgingPolicy:
    return JudgingPolicy.of("auto", VerifierConfig(), SandboxConfig())


def test_what_a_source_imports_at_any_depth_but_not_what_it_can_do_without() -> None:
    source = "import a.b, os\ndef t():\n    from c import d\ntry:\n    import e\nexcept ImportError:\n    e = None\n"
    source += "from . import g\n"
    assert imported(source, "import h\n", "import is what words do") == {"a", "os", "c", "h"}


def test_a_package_that_is_missing_is_said_with_the_mend() -> None:
    assert lacking(["os", "numpy", "solution"], ["numpy"]) is None
    assert "pip install no_such_package_here" in str(lacking(["no_such_package_here"], ["no_such_package_here"]))
    assert "name numpy in sandbox.packages" in str(lacking(["numpy"], []))
    assert "pip install" not in str(lacking(["numpy"], []))


def test_tasks_that_all_need_it_are_refused_in_one_line_a_package() -> None:
    with pytest.raises(ConfigError) as refused:
        _policy().check([NEEDS])
    line = str(refused.value)
    assert line.startswith("1 of 1 tasks: each needs the package no_such_package_here") and "pip install" in line


def test_tasks_some_of_which_need_it_are_judged_but_for_those(caplog: pytest.LogCaptureFixture) -> None:
    policy = _policy()
    policy.check([NEEDS, PLAIN])
    assert "1 of 2 tasks: each needs the package no_such_package_here" in caplog.text
    assert beyond_us(policy, {"needs": NEEDS, "plain": PLAIN}).keys() == {"needs"}
    verdict = policy.create().judge("s", "def f(x): return 1", NEEDS)
    assert (verdict.kind, verdict.reward) == ("infra", None)


def test_a_package_comes_with_what_it_needs() -> None:
    assert with_requirements(("numpy",)) == ("numpy",)
    assert {"pytest", "pluggy", "iniconfig"} <= {*with_requirements(("pytest",))}


def test_a_package_that_the_sandbox_is_given_can_be_imported() -> None:
    task = Task(task_id="t", prompt="p", tests="import hypothesis\nassert f(2) == hypothesis.__name__", entry_point="f")
    code = "import hypothesis, sortedcontainers\ndef f(x): return hypothesis.__name__"
    verifier = create("python", VerifierOptions(packages=("numpy", "hypothesis")))
    verdict = verifier.judge("s", code, task)
    assert verdict.success, verdict.details


def test_tests_that_use_objects_of_a_package_stand_beside_the_program() -> None:
    tests = "import {0}\nassert f(1) == 1"
    verifier = create("python", VerifierOptions(packages=("numpy", "sortedcontainers", "hypothesis")))
    found = {
        name: verifier.mode_of(Task(task_id="t", prompt="p", tests=tests.format(name), entry_point="f"))
        for name in ("sortedcontainers", "numpy", "hypothesis", "json")
    }
    assert found["sortedcontainers"].reason == "its tests use objects of sortedcontainers"
    assert [mode.name for mode in found.values()] == ["in_process", "outside", "outside", "outside"]
