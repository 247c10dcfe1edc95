"""The parser of every command: its help shows defaults, and its words can be completed by the shell."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterator
from typing import Any

BASH = """\
# source <(halo-raft completion bash)
_halo_raft() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} path= word words=
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$path $word" in {paths}) path+=" $word";; esac
    done
    case "$path" in
{words}
    esac
    case "$path $prev" in
{choices}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -F _halo_raft halo-raft
"""


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` whose help keeps the lines of its example and shows the default of each flag."""

    def __init__(self, **kwargs: Any) -> None:
        # no abbreviations: `--lr` would be taken for `--lr-decay`
        super().__init__(**{"formatter_class": _Help, "allow_abbrev": False, **kwargs})

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Name the word that was meant by an unknown one, where one is near; Python 3.14 does so itself."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            near = difflib.get_close_matches(str(value), map(str, action.choices or ()), n=1)
            raise argparse.ArgumentError(
                action, f"{error.message}; did you mean {near[0]}?" if near else error.message
            ) from None


class _Help(argparse.RawDescriptionHelpFormatter):
    def _get_help_string(self, action: argparse.Action) -> str | None:
        text, default = action.help, action.default
        silent = default is None or default is False or default in (argparse.SUPPRESS, []) or not action.option_strings
        return text if silent or text is None or str(default) in text else f"{text} (default %(default)s)"


def commands_of(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield (words after the program's name, parser) of a parser and of all commands in it."""
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, command in action.choices.items():
                yield from commands_of(command, f"{name} {word}".strip())


def nearest(flag: str, parser: argparse.ArgumentParser) -> str | None:
    """Return the flag that was meant by an unknown one: by its initials, its beginning, or its spelling."""
    known = [flag for _, command in commands_of(parser) for flag in command._option_string_actions]
    typed = flag.partition("=")[0]
    initials = [flag for flag in known if "".join(word[:1] for word in flag[2:].split("-")) == typed[2:]]
    begun = [flag for flag in known if flag.startswith(typed)]
    return next(iter([*initials, *begun, *difflib.get_close_matches(typed, known, n=1)]), None)


def bash_completion(parser: argparse.ArgumentParser) -> str:
    """Return a script for bash that completes commands, flags, and values where there are few."""
    words, choices = [], []
    paths = {f" {name}" if name else "": command for name, command in commands_of(parser)}
    for path, command in paths.items():
        offered = [word for other in paths for above, _, word in [other.rpartition(" ")] if other and above == path]
        for action in command._actions:
            offered += action.option_strings
            if action.choices and action.option_strings:
                values = " ".join(map(str, action.choices))
                choices += [f"        '{path} {flag}') words='{values}';;" for flag in action.option_strings]
        words.append(f"        '{path}') words='{' '.join(offered)}';;")
    named = "|".join(f"'{path}'" for path in paths if path)
    return BASH.format(paths=named, words="\n".join(words), choices="\n".join(choices))
