import logging
from pathlib import Path
from typing import ClassVar

import pytest

from halo_raft.errors import ConfigError
from halo_raft.records import Task, VerdictKind
from halo_raft.sandbox import Limits
from halo_raft.verifiers import REGISTRY, Verifier, VerifierOptions, VerifyResult, create

TASK = Task(task_id="t", prompt="p")


class CodeOnly(Verifier):
    def verify(self, code):
        return VerifyResult(success="good" in code, reward=1.0 if "good" in code else 0.25, details="Custom")


class WithTask(Verifier):
    version = "7"

    def verify(self, code, task):
        return VerifyResult(success=True, reward=1, details=f"{task.task_id} {code}")


class Raises(Verifier):
    def verify(self, code):
        raise RuntimeError("no luck\nat all")


def returning(value: object) -> Verifier:
    class Returns(Verifier):
        def verify(self, code):
            return value() if callable(value) else value

    return Returns()


def test_a_users_verifier_gets_extracted_code() -> None:
    verdict = CodeOnly().judge("s", "Hi\n```python\ngood = 1\n```\n", TASK)
    assert (verdict.kind, verdict.success, verdict.reward) == (VerdictKind.PASSED, True, 1.0)
    assert (verdict.details, verdict.integrity, verdict.tier) == ("Custom", "user", "none")
    assert verdict.verifier.endswith(":CodeOnly")
    assert verdict.verifier_version == CodeOnly().identity != WithTask().identity
    assert verdict.wall_s > 0
    assert (verdict.sample_id, verdict.task_id) == ("s", "t")


def test_failure_keeps_the_users_reward() -> None:
    verdict = CodeOnly().judge("s", "bad", TASK)
    assert (verdict.kind, verdict.success, verdict.reward) == (VerdictKind.WRONG, False, 0.25)


def test_two_arguments_bring_the_task() -> None:
    verdict = WithTask().judge("s", "x = 1", TASK)
    assert verdict.details == "t x = 1"
    assert verdict.verifier_version == "7"


def signature_cases() -> list[tuple[object, bool]]:
    def optional_task(self, code, task=None): ...
    def own_option(self, code, strict=False): ...
    def variadic(self, *arguments): ...
    def keyword_default(self, code, *, strict=False): ...

    return [(optional_task, True), (own_option, False), (variadic, True), (keyword_default, False)]


@pytest.mark.parametrize(("method", "takes_task"), signature_cases())
def test_signatures(method: object, takes_task: bool) -> None:
    verifier = type("V", (Verifier,), {"verify": method})()
    assert verifier._takes_task is takes_task


@pytest.mark.parametrize("method", [lambda self: 1, lambda self, a, b, c: 1, None])
def test_a_signature_that_cannot_be_called(method: object) -> None:
    verifier = type("V", (Verifier,), {"verify": method} if method else {})()
    with pytest.raises(ConfigError, match="verify"):
        verifier.check()
    assert verifier.judge("s", "x", TASK).kind is VerdictKind.INFRA


def test_an_exception_is_infra_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        verdict = Raises().judge("s17", "x = 1", TASK)
    assert (verdict.kind, verdict.reward, verdict.success) == (VerdictKind.INFRA, None, False)
    assert verdict.details == "RuntimeError: no luck at all"
    assert "s17" in caplog.text
    assert "Traceback" in caplog.text


def exit_now() -> None:
    raise SystemExit(0)


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError


def unprintable() -> None:
    raise Unprintable


@pytest.mark.parametrize(
    "value",
    [
        None,
        1.0,
        (True, 1.0),
        exit_now,
        unprintable,
        lambda: VerifyResult(True, 2.0),
        lambda: VerifyResult(True, -0.1),
        lambda: VerifyResult(True, float("nan")),
        lambda: VerifyResult(True, None),
        lambda: VerifyResult(True, 1.0, kind="wrong"),
        lambda: VerifyResult(False, 0.0, kind="nonsense"),
    ],
)
def test_what_is_no_result_is_infra(value: object) -> None:
    verdict = returning(value).judge("s", "x", TASK)
    assert (verdict.kind, verdict.reward) == (VerdictKind.INFRA, None)
    assert verdict.details


def test_a_verifier_may_say_infra_itself() -> None:
    verdict = returning(VerifyResult(False, 0.0, "server down", kind=VerdictKind.INFRA)).judge("s", "x", TASK)
    assert (verdict.kind, verdict.reward, verdict.details) == (VerdictKind.INFRA, None, "server down")


def test_an_interrupt_is_no_verdict() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        returning(interrupt).judge("s", "x", TASK)


def test_an_own_init_needs_no_super_call() -> None:
    class Own(CodeOnly):
        def __init__(self) -> None:
            self.count = 0

    assert Own().judge("s", "good", TASK).success


def test_a_missing_tool_names_its_package() -> None:
    class Needs(CodeOnly):
        tools: ClassVar = {"no-such-compiler": "the package foo-utils"}

    with pytest.raises(ConfigError, match="foo-utils"):
        Needs().check()
    CodeOnly().check()


def test_language_of_the_verifier_wins_over_a_default_task_language() -> None:
    class Cpp(WithTask):
        languages = ("cpp", "c")

    completion = "```python\nx = 1 # long long long\n```\n```cpp\nint x;\n```"
    assert Cpp().judge("s", completion, TASK).details == "t int x;"


def test_create_configures() -> None:
    options = VerifierOptions(limits=Limits(cpu_s=1), run_after_compile=True)
    verifier = create("mbpp", options)
    assert verifier.options is options
    assert verifier.name == "mbpp"
    verifier.check()


def test_registry_lists_plugins_only() -> None:
    names = REGISTRY.names()
    assert {"python", "humaneval", "mbpp"} <= set(names)
    assert not {"base", "functions", "native", "pytest_suites"} & set(names)
    for name in names:
        assert REGISTRY.load(name).version


def test_create_a_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_judge.py").write_text(
        "from halo_raft.verifiers import Verifier, VerifyResult\n"
        "class Mine(Verifier):\n    def verify(self, code):\n        return VerifyResult(True, 1.0)\n"
        "class Needy(Mine):\n    def __init__(self, x): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert create("my_judge:Mine", VerifierOptions()).judge("s", "x", TASK).verifier == "my_judge:Mine"
    with pytest.raises(ConfigError, match="cannot be created"):
        create("my_judge:Needy", VerifierOptions())
    with pytest.raises(ConfigError, match="unknown"):
        create("nothing", VerifierOptions())
