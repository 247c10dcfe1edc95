"""Completion -> code: find the program in what a model wrote.

Covers reasoning, chat marks and special tokens around the answer (`answer`), fenced blocks (`fences`),
blocks between tags (`markup`), code without either (`bare`), programs in several blocks (`joining`), and bodies
that continue the prompt (`bodies`). Does not run anything; Python is parsed where an answer has several blocks, and
compiled where a block may end inside a string.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from halo_raft.extract.answer import answer_of
from halo_raft.extract.bare import code_of_bare, continues_prompt, defines, outdented, trim_blank_lines
from halo_raft.extract.bodies import compiles, continued, first_that_compiles
from halo_raft.extract.fences import Block, blocks_of, fences_on_lines
from halo_raft.extract.joining import program_of
from halo_raft.extract.languages import ALIASES, NATIVE, canonical
from halo_raft.extract.markup import marked_blocks
from halo_raft.extract.source import Source, language_of

__all__ = [
    "ALIASES",
    "NATIVE",
    "Block",
    "Source",
    "blocks_of",
    "canonical",
    "compiles",
    "continued",
    "defines",
    "extract",
    "find",
    "first_that_compiles",
    "language_of",
]

_FIRST_FENCE = re.compile(r"^[ \t]{0,3}(?:`{3,}|~{3,})[ \t]*$", re.MULTILINE)
_ANY_FENCE = re.compile(r"^[ \t]{0,3}(?:`{3,}|~{3,})", re.MULTILINE)


def extract(
    completion: str, language: str = "python", entry_point: str | None = None, names: Sequence[str] = ()
) -> str:
    r"""Return the program in a completion.

    What a model thinks before it answers is no answer. Of several fenced blocks it is the last that defines
    `entry_point` and is no mere demo, with the imports and helpers that it needs of the others; else the last
    whole program that reads input; else the longest in the right language; never a shell block. Indentation
    is kept where the text is a body, so that it still continues the prompt's function. Line ends become `\n`.

    Args:
        completion: The text as the model wrote it.
        language: Language of the answer, canonical or an alias.
        entry_point: What the tests call, if anything; of `Solution().name` it is the class.
        names: Whatever else the tests use of the program.
    """
    return find(completion, language, entry_point, names).code


def find(completion: str, language: str = "python", entry_point: str | None = None, names: Sequence[str] = ()) -> Block:
    """Return the program in a completion as `extract` does, with the tag of its fence."""
    language = canonical(language)
    root = re.match(r"\w+", entry_point or "")
    entry_point = root[0] if root else entry_point
    text = answer_of(completion)
    blocks, outside = _blocks(text, language, entry_point)
    blocks = [Block(block.tag, outdented(block.code, language, entry_point)) for block in blocks]
    chosen = program_of(blocks, language, entry_point, names)
    bare = ""
    if chosen is None or (entry_point and not defines(chosen.code, entry_point, language)):
        bare = code_of_bare(outside, language, entry_point)
    if chosen is None or (entry_point and defines(bare, entry_point, language)):
        chosen = Block("", bare)
    return Block(chosen.tag, trim_blank_lines(chosen.code))


def _blocks(text: str, language: str, entry_point: str | None) -> tuple[list[Block], str]:
    """Return the blocks and what is outside; a prompt may have opened the fence that comes first."""
    marked, text = marked_blocks(text, language)
    text = fences_on_lines(text)
    first, closing = _ANY_FENCE.search(text), _FIRST_FENCE.search(text)
    if first and closing and first.start() == closing.start():
        before = text[: first.start()]
        if continues_prompt(before, language, entry_point):
            blocks, outside = blocks_of(text[closing.end() + 1 :], language)
            return [*marked, Block("", before), *blocks], outside
    blocks, outside = blocks_of(text, language)
    return [*marked, *blocks], outside
