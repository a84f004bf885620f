"""Labels as expressions of which motifs were embedded: ``TAL1_known1 > 0 and GATA_disc1 > 0``.

A label is made of motif names, whole numbers, ``+ - *``, comparisons, ``and``, ``or``, ``not`` and parentheses. A motif
name stands for how often the motif was embedded in the sequence, and is written in quotation marks if it is not a valid
identifier of Python. The whole must be true or false. The text is parsed, never executed.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

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
_Counts: TypeAlias = Mapping[str, np.ndarray]
_Truth: TypeAlias = Callable[[_Counts], np.ndarray]
_Number: TypeAlias = Callable[[_Counts], np.ndarray | int]


class Label:
    """A parsed label expression, which is called with counts of motifs.

    Parameters
    ----------
    text
        The expression.
    motifs
        The names of the motifs that it may use.

    Attributes
    ----------
    text : str
        The expression.
    motifs : list of str
        The motifs that it does use.

    Raises
    ------
    InputError
        If the text is not such an expression.
    """

    def __init__(self, text: str, motifs: Collection[str]):
        self.text = text
        self.motifs: list[str] = []
        self._known = motifs
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise InputError(f"{text!r} is not an expression; write for example 'A > 0 and B > 0'") from None
        self._evaluate = self._truth(tree.body)

    def __call__(self, counts: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the labels of N sequences.

        Parameters
        ----------
        counts
            How often each motif was embedded in each sequence: (N,) integers by the motif's name.

        Returns
        -------
        np.ndarray
            (N,) bool.
        """
        return np.asarray(self._evaluate(counts), dtype=bool)

    def _truth(self, node: ast.expr) -> _Truth:
        """Return the function that computes an expression which is true or false."""
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
            if all(_motif_name(part) is None for part in ast.walk(node)):
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

    def _number(self, node: ast.expr) -> _Number:
        """Return the function that computes an expression which is a whole number."""
        if isinstance(node, ast.Constant) and type(node.value) is int:
            value = node.value
            return lambda counts: value
        name = _motif_name(node)
        if name is not None:
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


def _motif_name(node: ast.AST) -> str | None:
    """Return the name that stands in an expression, with or without quotation marks; ``None`` for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None
