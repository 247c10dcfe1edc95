"""The public data sets that are known by a short name: what they hold, and the files that are made of them.

Rows, licences and sizes are what is generally said of a set; `docs/data.md` tells which were seen. None: not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from halo_raft.errors import ConfigError

FOLDER = Path("data/rlvr")
"""Where prepared files go, as the guide has it."""

FULL, PROMPTS = "_full", "_prompts"

GUIDE_NAMES = {
    ("humaneval", "test"): "humaneval_full",
    ("mbpp", "validation"): "mbpp_validation",
}
"""Stems of task files that do not follow `NAME_SPLIT_full`."""


@dataclass(frozen=True, slots=True)
class Split:
    """One part of a data set.

    Attributes:
        rows: How many rows it is said to have.
        config: Name of the configuration on the hub.
        hub: Name of the split on the hub, where it is another than ours.
        files: Files of the repository that hold it, where the hub's own description names none.
        ids: Lowest and highest `task_id`, where a copy of the set may hold all splits in one file.
    """

    rows: int | None = None
    config: str | None = None
    hub: str | None = None
    files: tuple[str, ...] = ()
    ids: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class PublicSet:
    """One data set.

    Attributes:
        hub: Name on the model hub; None where the rows come with this project or a package.
        splits: Name -> part; the first is the default.
        languages: Languages of the answers.
        form: As docs/task_forms.md names it.
        size: Download, in words.
        streamed: Whether it is read as it comes, for it is large.
        ask: The language that programs are asked for in; None leaves that to the rows.
    """

    name: str
    hub: str | None
    splits: Mapping[str, Split]
    languages: str
    licence: str
    form: str
    verifier: str
    size: str = "-"
    streamed: bool = False
    ask: str | None = None

    def split(self, name: str | None) -> tuple[str, Split]:
        """Return a split with its name, the default one for None.

        Raises:
            ConfigError: There is none of this name.
        """
        name = name or next(iter(self.splits))
        if name not in self.splits:
            raise ConfigError(f"tasks: {self.name} has no split {name!r}; there are: {', '.join(self.splits)}")
        return name, self.splits[name]


def _codeforces(language: str) -> PublicSet:
    splits = {"train": Split(9556), "test": Split(468)}
    return PublicSet(f"codeforces_{language}", "open-r1/codeforces", splits, language, "CC-BY-4.0", "Codeforces",
                     "execution", "2.8 GB", streamed=True, ask=language)  # fmt: skip


_MBPP = {
    "train": Split(374, "full", ids=(601, 974)),
    "validation": Split(90, "full", ids=(511, 600)),
    "test": Split(500, "full", ids=(11, 510)),
    "prompt": Split(10, "full", ids=(1, 10)),
    "sanitized": Split(120, "sanitized", "train", ids=(601, 974)),
    "sanitized-validation": Split(43, "sanitized", "validation", ids=(511, 600)),
    "sanitized-test": Split(257, "sanitized", "test", ids=(11, 510)),
}
_LCB_FILES = ("test.jsonl", *(f"test{n}.jsonl" for n in range(2, 7)))
_BOTH = {"train": Split(), "test": Split()}
_MULTIPL_E = {
    name: Split(None, f"humaneval-{short}", "test") for name, short in (("cpp", "cpp"), ("rust", "rs"), ("go", "go"))
}

SETS: Mapping[str, PublicSet] = {
    known.name: known
    for known in (
        PublicSet("starter", None, {"train": Split(237), "heldout": Split(120)}, "python", "Apache-2.0", "MBPP",
                  "mbpp"),
        PublicSet("humaneval", "openai/openai_humaneval", {"test": Split(164)}, "python", "MIT", "HumanEval",
                  "humaneval"),
        PublicSet("mbpp", "google-research-datasets/mbpp", _MBPP, "python", "CC-BY-4.0", "MBPP", "mbpp"),
        PublicSet("humaneval_plus", "evalplus/humanevalplus", {"test": Split(164)}, "python", "Apache-2.0",
                  "HumanEval+", "humaneval"),
        PublicSet("mbpp_plus", "evalplus/mbppplus", {"test": Split(378)}, "python", "Apache-2.0", "MBPP+", "python"),
        PublicSet("livecodebench", "livecodebench/code_generation_lite", {"test": Split(1055, files=_LCB_FILES)},
                  "python", "see its card", "LiveCodeBench", "execution, mbpp", streamed=True),
        _codeforces("cpp"),
        _codeforces("python"),
        _codeforces("rust"),
        PublicSet("apps", "codeparrot/apps",
                  {"train": Split(5000, files=("train.jsonl",)), "test": Split(5000, files=("test.jsonl",))},
                  "python", "MIT", "APPS", "execution, mbpp", streamed=True),
        PublicSet("taco", "BAAI/TACO",
                  {"train": Split(25443, files=("train/*.arrow",)), "test": Split(1000, files=("test/*.arrow",))},
                  "python", "Apache-2.0", "TACO", "execution, mbpp", streamed=True),
        PublicSet("code_contests", "deepmind/code_contests",
                  {"train": Split(13328), "valid": Split(117), "test": Split(165)},
                  "python", "CC-BY-4.0", "code-contests", "execution", streamed=True),
        PublicSet("kodcode", "KodCode/KodCode-V1", {"train": Split()}, "python", "CC-BY-NC-4.0", "KodCode", "pytest",
                  streamed=True),
        PublicSet("acecode", "TIGER-Lab/AceCode-87K", {"train": Split()}, "python", "MIT", "AceCode", "mbpp",
                  streamed=True),
        PublicSet("leetcode", "newfacade/LeetCodeDataset", _BOTH, "python", "Apache-2.0", "LeetCodeDataset",
                  "humaneval"),
        PublicSet("bigcodebench", "bigcode/bigcodebench", {"v0.1.4": Split(1140)}, "python", "Apache-2.0",
                  "BigCodeBench", "pytest"),
        PublicSet("multipl_e", "nuprl/MultiPL-E", _MULTIPL_E, "cpp, rust, go", "MIT", "MultiPL-E", "gcc, rust, go"),
    )
}  # fmt: skip
"""Name -> set."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files that are made of one split.

    Attributes:
        tasks: Rows with their tests.
    """

    tasks: Path
    stem: str = field(init=False)

    def __post_init__(self) -> None:
        """Find the part of the name that all files share."""
        object.__setattr__(self, "stem", re.sub(r"\.jsonl$", "", self.tasks.name).removesuffix(FULL))

    @property
    def prompts(self) -> Path:
        """The questions alone."""
        return self.tasks.with_name(f"{self.stem}{PROMPTS}.jsonl")

    @property
    def sft(self) -> Path:
        """Questions with their references, as chats."""
        return self.tasks.with_name(f"{self.stem}_sft.jsonl")

    @property
    def card(self) -> Path:
        """What is in them and where it is from."""
        return self.tasks.with_name(f"{self.stem}_card.md")


def files_of(name: str, split: str) -> Files:
    """Return the files of a split under the guide's names."""
    plain = re.sub(r"[^\w.-]+", "_", f"{name}_{split}")
    return Files(FOLDER / f"{GUIDE_NAMES.get((name, split), plain + FULL)}.jsonl")


def command_for(path: str) -> str | None:
    """Return the command that makes a file of this name, None if none does."""
    for name, split, files in _all_files():
        if Path(path).name in (files.tasks.name, files.prompts.name, files.sft.name):
            spec = name if split == next(iter(SETS[name].splits)) else f"{name}:{split}"
            return f"halo-raft data prepare --dataset {spec}"
    return None


def tests_beside(path: str) -> Path | None:
    """Return the task file that a prompts-only file was made with, None if it is not beside it."""
    prompts = Path(path)
    stem = prompts.name.removesuffix(f"{PROMPTS}.jsonl")
    beside = (prompts.with_name(f"{stem}{end}.jsonl") for end in (FULL, ""))
    return next((file for file in beside if file.is_file()), None) if stem != prompts.name else None


def _all_files() -> Iterator[tuple[str, str, Files]]:
    for name, known in SETS.items():
        for split in known.splits:
            yield name, split, files_of(name, split)
