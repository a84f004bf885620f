"""The one calling convention: ``method = Method(model, target=...)``, ``explanation = method(X)``."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod

import numpy as np

from genolift.engine.explain import Explainer
from genolift.methods import references as refs
from genolift.methods import targets
from genolift.methods.inputs import Inputs, as_inputs, check_shapes
from genolift.methods.traced import Traced, ports
from genolift.results.explanation import Explanation
from genolift.support.errors import GenoliftWarning, InputError
from genolift.support.memory import parse_bytes
from genolift.support.progress import bar
from genolift.version import __version__

# Activations a block should hold at most: beyond the caches larger blocks only cost memory.
_BLOCK_BYTES = 96e6
# Copies of a pair's activations alive at once: both sides, what flows back, and working space.
_COPIES = 4


class Method(ABC):
    """Explains a model's ``target``.

    ``model``: a Keras 3 or tf_keras model, a loaded SavedModel, or a function of tensors. ``target``: see
    :mod:`genolift.methods.targets`. ``activation``: ``"logit"`` looks through a final sigmoid or softmax, ``"keep"``
    does not. ``progress`` shows a bar (default: when there is more than one block). ``memory``: budget for
    activations, as "4GB".
    """

    name = ""

    def __init__(self, model, target=None, *, activation="logit", progress=None, memory=None, seed: int = 0):
        self.model, self.target, self.activation = model, target, activation
        self.progress, self.memory, self.seed = progress, parse_bytes(memory), seed
        self._traced: Traced | None = None
        declared = ports(model)
        self._names = None
        if declared is not None:
            self._names, shapes = declared
            self._trace(shapes, self._names)

    def __call__(self, X, names=None, regions=None) -> Explanation:
        """Explain ``X``: (N, L, 4), or any shape the model takes; regions; or several inputs as dict or list."""
        inputs = as_inputs(X, self._names)
        traced = self._fitting(inputs)
        fields, undefined = self.explain(inputs, traced)
        return Explanation(
            {"inputs": inputs.pack(inputs.arrays), **fields},
            undefined=undefined,
            names=inputs.names if names is None else names,
            regions=inputs.regions if regions is None else regions,
            target=self.described_target(traced),
            method=self.describe(),
        )

    @abstractmethod
    def explain(self, inputs: Inputs, traced: Traced) -> tuple[dict, dict]:
        """The explanation's fields, and the reasons for those that are not defined."""

    def describe(self) -> dict:
        """The method and every parameter, enough to run it again."""
        return {"name": self.name, "activation": self.activation, "seed": self.seed, "genolift": __version__}

    def described_target(self, traced: Traced):
        described = targets.describe(self.target)
        if traced.several and not isinstance(described, list):
            return [[described, i] for i in range(len(traced.targets))]
        return described

    def _trace(self, shapes, names) -> Traced:
        self._traced = Traced(self.model, self.target, self.activation, shapes, names)
        self.prepare(self._traced)
        return self._traced

    def prepare(self, traced: Traced) -> None:
        """What can be made, or refused, as soon as the model is known."""

    def _fitting(self, inputs: Inputs) -> Traced:
        if self._traced is None or (self._names is None and not self._traced.accepts(inputs.arrays)):
            names = inputs.keys or [f"input_{i}" for i in range(len(inputs.arrays))]
            return self._trace([array.shape[1:] for array in inputs.arrays], names)
        check_shapes(inputs.arrays, self._traced.shapes, self._traced.names)
        return self._traced


class ReferenceMethod(Method):
    """A method whose contributions are multiplier × (x − reference), averaged over references.

    ``references``: see :mod:`genolift.methods.references`; for several inputs a dict or list of them (an input
    without one keeps its own value).
    """

    #: Whether contributions sum to f(x) − f(reference), so that the residual is a proof.
    sums = True
    default_references = staticmethod(lambda: refs.Zeros())

    def __init__(self, model, target=None, *, references=None, **options):
        self.references = references
        super().__init__(model, target, **options)

    @abstractmethod
    def multipliers(self, traced: Traced):
        """How multipliers are computed: an object for :class:`genolift.engine.explain.Explainer`."""

    def prepare(self, traced: Traced) -> None:
        self._rule = self.multipliers(traced)
        self._explainers: dict[tuple, Explainer] = {}

    def explainer(self, traced: Traced, dna: list[bool]) -> Explainer:
        key = tuple(dna)
        if key not in self._explainers:
            self._explainers[key] = Explainer(traced.program, traced.targets, self._rule, dna)
        return self._explainers[key]

    def explain(self, inputs: Inputs, traced: Traced) -> tuple[dict, dict]:
        chosen = self._references(inputs)
        count = max(reference.count for reference in chosen)
        plan = self._plan(inputs, traced, count)
        explainer = self.explainer(traced, inputs.dna)
        blocks = []
        show = self.progress if self.progress is not None else len(inputs) > plan.sequences
        with bar(len(inputs), self.name, "sequences", show) as display:
            for start in range(0, len(inputs), plan.sequences):
                arrays = [array[start : start + plan.sequences] for array in inputs.arrays]
                blocks.append(self._block(explainer, plan, arrays, chosen, count, start))
                display.update(len(arrays[0]))
        return self._fields(inputs, traced, _joined(blocks))

    def describe(self) -> dict:
        described = super().describe()
        described["references"] = _each(self._given(), lambda given: refs.as_reference(given).describe())
        return described

    def _given(self):
        return self.default_references() if self.references is None else self.references

    def _references(self, inputs: Inputs) -> list[refs.Reference]:
        given = self._given()
        if isinstance(given, dict):
            unknown = set(given) - set(self._traced.names)
            if unknown:
                raise InputError(
                    f"references for unknown inputs {sorted(unknown)}; there are {', '.join(self._traced.names)}"
                )
            chosen = [refs.as_reference(given.get(name)) for name in self._traced.names]
        elif isinstance(given, list):
            if len(given) != len(inputs.arrays):
                raise InputError(
                    f"{len(given)} references are given for {len(inputs.arrays)} inputs; give one each, or None"
                )
            chosen = [refs.as_reference(one) for one in given]
        elif self.references is None and len(inputs.arrays) > 1:
            # The default applies to sequences; what is not DNA keeps its own value unless told otherwise.
            chosen = [refs.as_reference(given if dna else None) for dna in inputs.dna]
        elif len(inputs.arrays) > 1:
            raise InputError(
                "the model has several inputs; give references as a dict by input name, or a list"
            )
        else:
            chosen = [refs.as_reference(given)]
        for reference, array in zip(chosen, inputs.arrays, strict=True):
            if hasattr(reference, "prepare"):
                reference.prepare(array)
        counts = {reference.count for reference in chosen if reference.count > 1}
        if len(counts) > 1:
            raise InputError(f"the inputs have different numbers of references: {sorted(counts)}")
        return chosen

    def _plan(self, inputs: Inputs, traced: Traced, count: int):
        batch = traced.probe([array.shape[1:] for array in inputs.arrays])
        need = batch.row_bytes * _COPIES
        if need > self.memory:
            raise InputError(
                f"one (sequence, reference) pair needs about {need / 1e9:.2g} GB for this model and length, more than "
                f"the budget of {self.memory / 1e9:.2g} GB; give memory='{need * 1.1 / 1e9:.2g}GB' or more"
            )
        pairs = int(max(1, min(self.memory // need, _BLOCK_BYTES // batch.row_bytes)))
        rows = max(1, pairs // count)
        # A few batch shapes, whatever the number of sequences: each is compiled once.
        rows = min(rows, 1 << (len(inputs) - 1).bit_length())
        return _Plan(rows, min(count, pairs), self._rule.compared <= batch.leading)

    def _block(self, explainer, plan, arrays, chosen, count: int, start: int) -> dict:
        kept = len(arrays[0])
        drawn = [reference.draw(array, start) for reference, array in zip(chosen, arrays, strict=True)]
        shared = all(reference.shared for reference in chosen)
        if not shared:
            drawn = [
                np.broadcast_to(one, (kept, *one.shape)) if reference.shared else one
                for one, reference in zip(drawn, chosen, strict=True)
            ]
        axis = 0 if shared else 1
        drawn = [_repeat_to(one, count, axis) for one in drawn]
        xs = [_pad(array, plan.sequences) for array in arrays]
        parts = []
        for first in range(0, count, plan.references):
            some = [np.take(one, range(first, min(first + plan.references, count)), axis) for one in drawn]
            some = some if shared else [_pad(one, plan.sequences) for one in some]
            part = explainer(xs, some, shared, plan.leading)
            parts.append((some[0].shape[axis], part))
        return _head(_merged(parts), kept)

    def _fields(self, inputs: Inputs, traced: Traced, found: dict) -> tuple[dict, dict]:
        n, dna = len(inputs), inputs.dna
        pick = (lambda a: a) if traced.several else (lambda a: a[:, 0])
        count = found["count"]
        fields = {
            "raw_contributions": inputs.pack([pick(a) for a in found["raw"]]),
            "multipliers": inputs.pack([pick(a) for a in found["multipliers"]]),
            "predictions": pick(found["predictions"]),
            "reference_predictions": found["reference_predictions"],
            "residual": pick(found["residual"]),
            "reference_count": np.full(n, count),
        }
        # The prediction for a reference is one number per pair where targets are frozen at x.
        fields["reference_predictions"] = pick(found["reference_predictions"])
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = [np.sqrt(a / np.float32(count - 1) / np.float32(count)) for a in found["squares"]]
        if count == 1:
            spread = [np.full_like(a, np.nan) for a in spread]
        fields["standard_error"] = inputs.pack([pick(a) for a in spread])
        undefined = {}
        if any(dna):
            rows = iter(found["hypothetical"])
            found_h = [pick(next(rows)) if is_dna else None for is_dna in dna]
            fields["hypothetical"] = inputs.pack(found_h) if len(dna) > 1 else found_h[0]
        else:
            undefined["hypothetical"] = "the inputs are not DNA of shape (N, L, 4)"
        if self.sums:
            self._check(inputs, traced, fields)
        else:
            del fields["residual"]
            undefined["residual"] = (
                f"{self.name} does not promise to sum to the difference from the reference"
            )
        return fields, undefined

    def _check(self, inputs: Inputs, traced: Traced, fields: dict) -> None:
        """Warn where the proof fails beyond what rounding explains."""
        scale = np.maximum(np.abs(fields["predictions"])[..., None], np.abs(fields["reference_predictions"]))
        worst = np.abs(fields["residual"]) / np.maximum(scale, 1e-3)
        if not (worst <= self.tolerance).all():
            warnings.warn(
                f"contributions miss the difference from the reference by up to {np.nanmax(worst):.2g} of the output "
                f"(tolerance {self.tolerance:g}); see the field residual",
                GenoliftWarning,
                stacklevel=4,
            )

    tolerance = 1e-3


class _Plan:
    """Block shape: sequences and references at a time, and whether the sides can be shared between pairs."""

    def __init__(self, sequences: int, references: int, leading: bool):
        self.sequences, self.references, self.leading = sequences, references, leading


def _each(given, function):
    if isinstance(given, dict):
        return {key: function(one) for key, one in given.items()}
    return [function(one) for one in given] if isinstance(given, list) else function(given)


def _repeat_to(array: np.ndarray, count: int, axis: int) -> np.ndarray:
    return array if array.shape[axis] == count else np.repeat(array, count, axis)


def _pad(array: np.ndarray, rows: int) -> np.ndarray:
    if len(array) == rows:
        return array
    return np.concatenate([array, np.repeat(array[-1:], rows - len(array), axis=0)])


def _head(block: dict, rows: int) -> dict:
    return {
        key: value
        if key == "count"
        else [a[:rows] for a in value]
        if isinstance(value, list)
        else value[:rows]
        for key, value in block.items()
    }


def _merged(parts: list[tuple[int, dict]]) -> dict:
    """Blocks of the same sequences with different references as one (means and squares by Chan et al. 1983)."""
    count, total = parts[0][0], dict(parts[0][1])
    for more, part in parts[1:]:
        share = more / (count + more)
        gaps = [new - old for old, new in zip(total["mean"], part["mean"], strict=True)]
        total["squares"] = [
            old + new + gap**2 * count * share
            for old, new, gap in zip(total["squares"], part["squares"], gaps, strict=True)
        ]
        for key in ("raw", "multipliers", "hypothetical", "mean"):
            total[key] = [old + (new - old) * share for old, new in zip(total[key], part[key], strict=True)]
        for key in ("reference_predictions", "residual"):
            total[key] = np.concatenate([total[key], part[key]], axis=2)
        count += more
    return {**total, "count": count}


def _joined(blocks: list[dict]) -> dict:
    joined: dict = {"count": blocks[0]["count"]}
    for key, value in blocks[0].items():
        if key == "count":
            continue
        if isinstance(value, list):
            joined[key] = [np.concatenate([block[key][i] for block in blocks]) for i in range(len(value))]
        else:
            joined[key] = np.concatenate([block[key] for block in blocks])
    return joined
