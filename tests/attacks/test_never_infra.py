"""Whatever a program in C, C++, Rust or Go does to its compiler, its binary or its loader: never `infra`."""

import random
import shutil

import pytest
from redteam.attack import QUICK
from redteam.tasks import TASKS

from halo_raft.records import VerdictKind
from halo_raft.verifiers import VerifierOptions, create

COUNT = 25
ANY = (
    "\n" * 3000,
    '"' * 99,
    "/*",
    "\x00",
    "\ud800",
    "// halo-raft: go\n",
    "// halo-raft 00: rust\n",
    "#" * 500,
    "\\\n" * 50,
)
C_LIKE = (
    '__attribute__((used, section(".interp"))) static const char loader[] = "/lib/nowhere.so";\n',
    '__attribute__((used, section(".interp"))) static const char folder[] = "/tmp";\n',
    '__attribute__((used, aligned(1u << 25), section("wide"))) char wide = 1;\n',
    "char zeros[40 << 20] = {1};\n",
    "char nothing[1ul << 33];\n",
    'asm(".section .note.GNU-stack,\\"x\\",@progbits");\n',
    'asm(".globl _start\\n_start: hlt");\n',
    'asm(".symver square,square@@V1");\n',
    "#pragma GCC visibility push(hidden)\n",
    '#pragma GCC optimize("O0")\n#pragma GCC target("avx512f")\n',
    "#define main not_main\n",
    "#define long void\n",
    "#error no\n",
    "int _init(void) { return 1; }\n",
    "__attribute__((constructor)) void first(void) { __builtin_trap(); }\n",
    "static int recursive(int n) { volatile char a[1 << 20]; a[0] = 1; return recursive(n + a[0]); }\n",
    "__thread char local[64 << 20] = {1};\n",
)
RUST = (
    '#![crate_type = "lib"]\n',
    '#![crate_type = "rlib"]\n',
    '#![crate_type = "staticlib"]\n',
    '#![crate_type = "cdylib"]\n',
    '#![crate_type = "proc-macro"]\n',
    '#![crate_name = "other"]\n',
    "#![no_std]\n",
    "#![feature(start)]\n",
    '#![recursion_limit = "1"]\n',
    'compile_error!("no");\n',
    "static ZEROS: [u8; 40 << 20] = [1; 40 << 20];\n",
    "mod halo_raft {}\n",
    "extern crate nowhere;\n",
    '#[link(name = "nowhere")] extern "C" {}\n',
    '#[export_name = "main"] pub extern "C" fn other() {}\n',
)
GO = (
    "package other\n",
    "//go:build ignore\n",
    "//go:build windows\n",
    'import _ "nowhere"\n',
    'import "C"\n',
    "func init() { panic(1) }\n",
    "var big [1 << 40]byte\n",
    "func main() {}\n",
    "//line /etc/passwd:1\n",
)
LANGUAGES = {
    "c_program": (C_LIKE, "gcc"),
    "cpp": (C_LIKE, "g++"),
    "cpp_loop": (C_LIKE, "g++"),
    "cpp_program": (C_LIKE, "g++"),
    "rust": (RUST, "rustc"),
    "rust_program": (RUST, "rustc"),
    "go": (GO, "go"),
    "go_program": (GO, "go"),
}


def _mutated(code: str, hostile: tuple[str, ...], source: random.Random) -> str:
    for _ in range(source.randint(1, 3)):
        part = source.choice(hostile) if source.random() < 0.8 else source.choice(ANY)
        places = [0, len(code), *(i + 1 for i, letter in enumerate(code) if letter == "\n")]
        place = 0 if source.random() < 0.6 else source.choice(places)
        code = code[:place] + part + code[place:]
    return code


@pytest.mark.slow
@pytest.mark.parametrize("name", LANGUAGES)
def test_hostile_mutations_of_a_good_program_get_a_verdict(name: str) -> None:
    hostile, compiler = LANGUAGES[name]
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler} on this machine")
    target = TASKS[name]
    verifier = create(target.verifier, VerifierOptions(limits=QUICK, **target.options))
    source = random.Random(name)
    kinds = set()
    for number in range(COUNT):
        code = _mutated(target.honest, hostile, source)
        tag = {"cpp_program": "cpp"}.get(name, target.task.language)
        verdict = verifier.judge(str(number), f"```{tag}\n{code}\n```", target.task)
        assert verdict.kind is not VerdictKind.INFRA, f"{verdict.details}: {code[:500]!r}"
        verdict.to_json().encode()
        kinds.add(verdict.kind)
    assert len(kinds) > 1  # the good program, damaged in more than one way


@pytest.mark.slow
@pytest.mark.parametrize("tag", ["c", "cpp", "rust", "go", "java", "python"])
def test_an_answer_in_a_language_of_its_own_choice_gets_a_verdict(tag: str) -> None:
    target = TASKS["double"]
    verifier = create(target.verifier, VerifierOptions(limits=QUICK))
    verdict = verifier.judge(tag, f"```{tag}\nint main() {{ return 0; }}\n```", target.task)
    assert verdict.kind not in (VerdictKind.INFRA, VerdictKind.PASSED), verdict.details
