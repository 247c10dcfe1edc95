"""An assert in a block whose context is the program's, in the program's process: the context does not swallow it."""

from __future__ import annotations

import ast

from halo_raft.verifiers.functions.names import RAISES

KEPT, ERROR = "__judge_kept_{}__", "__judge_error__"


class Contexts(ast.NodeTransformer):
    """Has each such block remember its asserts' failures, and raise what its context let vanish."""

    def __init__(self) -> None:
        self._count = 0

    def visit_With(self, node: ast.With) -> ast.AST:
        """Return the block, with what follows it."""
        return self._kept(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        """Return the block, with what follows it."""
        return self._kept(node)

    def _kept(self, node: ast.With | ast.AsyncWith) -> ast.AST:
        self.generic_visit(node)
        called = {ast.unparse(item.context_expr).partition("(")[0].rpartition(".")[2] for item in node.items}
        if called & RAISES or not any(map(_is_check, ast.walk(node))):
            return node
        kept = KEPT.format(self._count)
        self._count += 1
        block = ast.parse(
            f"if True:\n    {kept} = []\n    pass\n    for {ERROR} in {kept}:\n        raise {ERROR}\n"
        ).body[0]
        attempt = ast.parse(
            f"try: pass\nexcept AssertionError as {ERROR}:\n    {kept}.append({ERROR})\n    raise\n"
        ).body[0]
        assert isinstance(block, ast.If) and isinstance(attempt, ast.Try)
        attempt.body = node.body
        node.body = [attempt]
        block.body[1] = node
        return block


def _is_check(node: ast.AST) -> bool:
    called = isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2].startswith("assert")
    return isinstance(node, ast.Assert) or called
