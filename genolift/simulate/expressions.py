"""Labels as expressions of what was embedded: ``TAL1_known1 > 0 and GATA_disc1 > 0``.

A label is made of motif names (they stand for how often the motif was embedded), whole numbers, ``+ - *``,
comparisons, ``and``, ``or``, ``not`` and parentheses, and must come out true or false. A motif whose name is
no identifier is written in quotation marks. The text is parsed, never executed.
"""

import ast
import operator
from collections.abc import Callable, Collection, Mapping

import numpy as np

from genolift.support.errors import InputError

_COMPARISONS = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
_Evaluator = Callable[[Mapping[str, np.ndarray]], np.ndarray]


class Label:
    """A parsed label expression; call it with counts (name -> (N,) integers) to get (N,) booleans."""

    def __init__(self, text: str, motifs: Collection[str]):
        """Parse ``text`` over the given motif names; raises :class:`InputError` that says what is wrong."""
        self.text = text
        self.motifs: list[str] = []
        self._known = motifs
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise InputError(f"{text!r} is not an expression; write for example 'A > 0 and B > 0'") from None
        self._evaluate = self._truth(tree.body)

    def __call__(self, counts: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.asarray(self._evaluate(counts), dtype=bool)

    def _truth(self, node: ast.expr) -> _Evaluator:
        if isinstance(node, ast.BoolOp):
            parts = [self._truth(value) for value in node.values]
            combine = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return lambda counts: combine.reduce([part(counts) for part in parts])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            part = self._truth(node.operand)
            return lambda counts: np.logical_not(part(counts))
        if isinstance(node, ast.Compare) and all(type(op) in _COMPARISONS for op in node.ops):
            values = [self._number(value) for value in (node.left, *node.comparators)]
            compare = [_COMPARISONS[type(op)] for op in node.ops]
            if not any(isinstance(part, ast.Name) or _is_text(part) for part in ast.walk(node)):
                raise InputError(f"{ast.unparse(node)!r} names no motif")
            return lambda counts: np.logical_and.reduce(
                [f(values[i](counts), values[i + 1](counts)) for i, f in enumerate(compare)]
            )
        text = ast.unparse(node)
        if isinstance(node, ast.Name | ast.BinOp | ast.Constant):
            raise InputError(f"{text!r} is a number, not true or false; write for example '{text} > 0'")
        raise InputError(
            f"{text!r} is not allowed in a label: only motif names, numbers, comparisons, and, or, not are"
        )

    def _number(self, node: ast.expr) -> _Evaluator:
        if isinstance(node, ast.Constant) and type(node.value) is int:
            value = node.value
            return lambda counts: value
        if isinstance(node, ast.Name) or _is_text(node):
            name = node.id if isinstance(node, ast.Name) else node.value
            if name not in self._known:
                raise InputError(f"unknown motif {name!r}; there are {', '.join(map(repr, self._known)) or 'none'}")
            if name not in self.motifs:
                self.motifs.append(name)
            return lambda counts: counts[name]
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            left, right, apply = self._number(node.left), self._number(node.right), _ARITHMETIC[type(node.op)]
            return lambda counts: apply(left(counts), right(counts))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            part = self._number(node.operand)
            return lambda counts: -part(counts)
        raise InputError(f"{ast.unparse(node)!r} is not a count: only motif names, whole numbers and + - * are")


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
