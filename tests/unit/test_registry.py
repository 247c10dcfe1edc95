"""Plugins are found by file name or by `module:Class`, and what is wrong with a user's own is said in one line."""

import pytest

from halo_raft import engines, tasks, verifiers
from halo_raft.errors import ConfigError, HaloRaftError, user_error


def test_every_file_is_a_plugin_and_support_modules_are_not():
    python = {"humaneval", "mbpp", "pytest", "python"}
    others = {"auto", "clang", "execution", "gcc", "go", "mingw", "rust"}
    assert python <= set(verifiers.REGISTRY.names()) <= python | others
    assert tasks.REGISTRY.names() == ["humaneval", "mbpp", "starter"]
    assert engines.REGISTRY.names() == ["transformers", "vllm"]
    for registry in (verifiers.REGISTRY, tasks.REGISTRY, engines.REGISTRY):
        for name in registry.names():
            assert issubclass(registry.load(name), registry.base)


@pytest.fixture
def user_module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)

    return write


def test_a_users_class_is_found_in_the_working_directory(user_module):
    user_module(
        "registry_good",
        "from halo_raft.verifiers import Verifier, VerifyResult\n"
        "class MyVerifier(Verifier):\n"
        "    def verify(self, code):\n"
        "        return VerifyResult(success=True, reward=1.0, details='ok')\n",
    )
    assert verifiers.REGISTRY.load("registry_good:MyVerifier").__name__ == "MyVerifier"


@pytest.mark.parametrize(
    ("module", "text", "name", "expected"),
    [
        ("registry_a", "x = 1", "registry_a:Missing", "AttributeError"),
        ("registry_b", "def broken(:", "registry_b:V", "SyntaxError"),
        ("registry_c", "1 / 0", "registry_c:V", "ZeroDivisionError"),
        ("registry_d", "class V: pass", "registry_d:V", "is no subclass of halo_raft.verifiers.base.Verifier"),
        ("registry_e", "", "registry_no_such_module:V", "No module named"),
    ],
)
def test_what_is_wrong_with_a_users_class_is_one_line(user_module, module, text, name, expected):
    user_module(module, text)
    with pytest.raises(ConfigError) as caught:
        verifiers.REGISTRY.load(name)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_users_error_is_found_under_what_others_wrapped_around_it():
    class Wrapper(Exception):
        cause: BaseException

    known = HaloRaftError("mend it")
    outer = Wrapper()
    outer.cause = Wrapper()
    outer.cause.__cause__ = known
    assert user_error(outer) is known
    assert user_error(ValueError("a bug")) is None
    loop = Wrapper()
    loop.cause = loop
    assert user_error(loop) is None
