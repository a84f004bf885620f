"""Labels as expressions of which motifs were embedded, such as ``TAL1_known1 > 0 and GATA_disc1 > 0``.

An expression is made of motif names, numbers, ``+ - * /``, comparisons, ``and``, ``or``, ``not``, parentheses and the
functions below. A motif name stands for how often the motif was embedded in the sequence, and is written in quotation
marks if it is not a valid identifier of Python. Where a number is wanted, a condition is 1 or 0. The text is parsed,
never executed.

``match(A)`` is the sum over the instances of A of their log-odds, as shares of the highest that A can have, and
``best(A)`` is the largest of them. ``pair(A, B, low, high)`` is how many pairs of an instance of A and one of B have
``low`` to ``high`` bases between them; ``order="given"`` wants A upstream of B on the strand of A, and
``strands="same"`` or ``"opposite"`` says how their strands relate. ``exp``, ``log``, ``sqrt``, ``tanh``, ``sigmoid``,
``abs``, ``min`` and ``max`` are what they are in mathematics.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Collection
from typing import TypeAlias

import numpy as np
from scipy.special import expit

from genolift.simulate.scenes import Scenes
from genolift.support.errors import InputError

_COMPARISONS = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_FUNCTIONS = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "sigmoid": expit,
    "abs": np.abs,
    "min": lambda *values: np.minimum.reduce(np.broadcast_arrays(*values)),
    "max": lambda *values: np.maximum.reduce(np.broadcast_arrays(*values)),
}
_DEEPEST = 200  # Expressions that are nested deeper would exhaust Python's stack when they are evaluated.
_OF_MOTIFS = ("match", "best", "pair")
_CHOICES = {"order": ("any", "given"), "strands": ("any", "same", "opposite")}
_Value: TypeAlias = Callable[[Scenes], np.ndarray | float]


class Expression:
    """A parsed expression, which is called with the instances of sequences.

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
    is_condition : bool
        Whether it is true or false, and not a number.
    by_counts : bool
        Whether it depends on nothing but how often each motif occurs.

    Raises
    ------
    InputError
        If the text is not such an expression.
    """

    def __init__(self, text: str, motifs: Collection[str]):
        self.text = text
        self.motifs: list[str] = []
        self.by_counts = True
        self._known = motifs
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise InputError(f"{text!r} is not an expression; write for example 'A > 0 and B > 0'") from None
        if _depth(tree) > _DEEPEST:
            raise InputError(f"an expression that begins with {text[:40]!r} is nested deeper than {_DEEPEST} levels")
        self.is_condition = _is_condition(tree)
        self._evaluate = self._value(tree)
        if not self.motifs:
            raise InputError(f"{text!r} names no motif")

    def __call__(self, scenes: Scenes) -> np.ndarray:
        """Return the values of N sequences for S subsets of their instances.

        Parameters
        ----------
        scenes
            The instances.

        Returns
        -------
        np.ndarray
            (N, S) float64, 0 or 1 for a condition.

        Raises
        ------
        InputError
            If a value is not a finite number.
        """
        shape = (len(scenes), len(scenes.subsets))
        with np.errstate(all="ignore"):  # What is not finite is refused below.
            values = np.broadcast_to(np.asarray(self._evaluate(scenes), dtype=float), shape)
        if not np.isfinite(values).all():
            raise InputError(
                f"{self.text!r} is not a finite number for some sequences, such as where a motif is absent"
            )
        return values

    def condition(self) -> Expression:
        """Return this expression if it is a condition.

        Raises
        ------
        InputError
            If it is a number.
        """
        if not self.is_condition:
            raise InputError(f"{self.text!r} is a number, not true or false; write for example '{self.text} > 0'")
        return self

    def _value(self, node: ast.expr) -> _Value:
        """Return the function that computes an expression; a condition is 1 or 0."""
        if isinstance(node, ast.BoolOp):
            parts = [self._truth(value) for value in node.values]
            combine = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return lambda scenes: combine.reduce(np.broadcast_arrays(*(part(scenes) for part in parts)))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            part = self._truth(node.operand)
            return lambda scenes: np.logical_not(part(scenes))
        if isinstance(node, ast.Compare) and all(type(op) in _COMPARISONS for op in node.ops):
            return self._comparison(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
            number = _number(node.value)
            return lambda scenes: number
        name = _motif_name(node)
        if name is not None:
            known = self._motif(name)
            return lambda scenes: scenes.count(known)
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            left, right, apply = self._value(node.left), self._value(node.right), _ARITHMETIC[type(node.op)]
            return lambda scenes: apply(np.asarray(left(scenes), float), np.asarray(right(scenes), float))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            part = self._value(node.operand)
            return lambda scenes: -np.asarray(part(scenes), float)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._call(node, node.func.id)
        raise InputError(
            f"{ast.unparse(node)!r} is not allowed in a label: only motif names, numbers, + - * /, comparisons, and, "
            f"or, not and the functions {', '.join((*_OF_MOTIFS, *_FUNCTIONS))} are"
        )

    def _truth(self, node: ast.expr) -> _Value:
        if not _is_condition(node):
            text = ast.unparse(node)
            raise InputError(f"{text!r} is a number, not true or false; write for example '{text} > 0'")
        return self._value(node)

    def _comparison(self, node: ast.Compare) -> _Value:
        values = [self._value(value) for value in (node.left, *node.comparators)]
        compare = [_COMPARISONS[type(op)] for op in node.ops]

        def evaluate(scenes: Scenes) -> np.ndarray:
            sides = [value(scenes) for value in values]
            parts = [f(sides[i], sides[i + 1]) for i, f in enumerate(compare)]
            return np.logical_and.reduce(np.broadcast_arrays(*parts))

        return evaluate

    def _call(self, node: ast.Call, function: str) -> _Value:
        text = ast.unparse(node)
        if function in _FUNCTIONS:
            several = function in ("min", "max")
            if node.keywords or not node.args or (len(node.args) > 1) != several:
                wanted = "two or more numbers" if several else "one number"
                raise InputError(f"{text!r}: {function} takes {wanted}")
            parts = [self._value(value) for value in node.args]
            return lambda scenes: _FUNCTIONS[function](*(np.asarray(part(scenes), float) for part in parts))
        if function not in _OF_MOTIFS:
            known = ", ".join((*_OF_MOTIFS, *_FUNCTIONS))
            raise InputError(f"there is no function {function!r}; there are {known}")
        self.by_counts = False
        names = [_motif_name(value) for value in node.args[: 2 if function == "pair" else 1]]
        if function == "pair":
            return self._pair(node, names, text)
        if len(node.args) != 1 or node.keywords or names[0] is None:
            raise InputError(f"{text!r}: {function} takes one motif, as in {function}(A)")
        motif = self._motif(names[0])
        if function == "match":
            return lambda scenes: scenes.total_match(motif)
        return lambda scenes: scenes.best_match(motif)

    def _pair(self, node: ast.Call, names: list[str | None], text: str) -> _Value:
        numbers = [value.value if isinstance(value, ast.Constant) else None for value in node.args[2:]]
        if len(names) != 2 or None in names or len(numbers) != 2 or any(type(number) is not int for number in numbers):
            raise InputError(f"{text!r}: write a pair as pair(A, B, 3, 10), for 3 to 10 bases between A and B")
        low, high = numbers
        if not 0 <= low <= high:  # type: ignore[operator]  # They are whole numbers, as was just checked.
            raise InputError(f"{text!r}: the distances of a pair go from a number of at least 0 to a larger one")
        chosen = {"order": "any", "strands": "any"}
        for keyword in node.keywords:
            allowed = _CHOICES.get(keyword.arg or "")
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if allowed is None:
                raise InputError(f"{text!r}: a pair has no option {keyword.arg!r}; it has {', '.join(_CHOICES)}")
            if value not in allowed:
                raise InputError(f"{text!r}: {keyword.arg} is one of {', '.join(map(repr, allowed))}")
            chosen[str(keyword.arg)] = str(value)
        first, second = (self._motif(str(name)) for name in names)
        return lambda scenes: scenes.pairs(first, second, low, high, chosen["order"], chosen["strands"])  # type: ignore[arg-type]

    def _motif(self, name: str) -> str:
        if name not in self._known:
            raise InputError(f"unknown motif {name!r}; there are {', '.join(map(repr, self._known)) or 'none'}")
        if name not in self.motifs:
            self.motifs.append(name)
        return name


def _depth(tree: ast.AST) -> int:
    """Return how many nodes the longest way from the root to a leaf passes."""
    depth, level = 0, [tree]
    while level:
        depth, level = depth + 1, [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


def _number(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InputError("an expression holds a number that is too large; numbers go up to 1e308")
    return number


def _is_condition(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not)
    return isinstance(node, ast.BoolOp | ast.Compare)


def _motif_name(node: ast.AST) -> str | None:
    """Return the name that stands in an expression, with or without quotation marks; ``None`` for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None
