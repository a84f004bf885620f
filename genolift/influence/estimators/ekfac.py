"""Influence by EK-FAC: the curvature of each layer as a Kronecker product, with corrected eigenvalues."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from genolift.influence.data import Block
from genolift.influence.layers import Gradients
from genolift.influence.method import RELATIVE_DAMPING, InfluenceMethod, Queries, Setting, check_damping, singular
from genolift.influence.steps import Arrays
from genolift.support.errors import GenoliftWarning, InputError
from genolift.support.memory import check_fits
from genolift.support.seeds import stream


class EkFac(InfluenceMethod):
    """Eigenvalue-corrected Kronecker factors of the Gauss-Newton matrix (George et al. 2018; Grosse et al. 2023).

    In each dense or convolutional layer the eigenvectors are those of E[a aᵀ] ⊗ E[g gᵀ], with its inputs a and the
    derivatives g by what it gives. The eigenvalues are the second moments of the sequences' gradients along these
    eigenvectors. Both are taken at labels that are drawn from what the network predicts. Layers are taken to be
    independent of each other, and other weights (such as those of a normalisation) to be fixed.

    Parameters
    ----------
    damping
        λ, which is added to all eigenvalues. By default it is a tenth of the mean eigenvalue of each layer.
    draws
        How often labels are drawn for each training sequence.
    """

    name = "ek-fac"

    def __init__(self, at: Setting, *, damping: float | None = None, draws: int = 1):
        super().__init__(at)
        check_damping(damping)
        if draws < 1:
            raise InputError("EK-FAC needs at least one draw of labels")
        self._damping, self._draws = damping, draws
        self._of = Gradients(self.subject)
        held = sum(8.0 * 3 * (one.rows**2 + one.columns**2) for one in self._of.layers)
        check_fits(held, self.memory, "set of Kronecker factors")
        total = sum(self._of.sizes)
        self.size = int(np.clip(self.memory / 8 / (4 * total), 1, self.size))
        self._bases: list[tuple[np.ndarray, np.ndarray]] = []
        self._eigenvalues: list[np.ndarray] = []
        self._applied: list[float] = []
        if self._of.left_out:
            warnings.warn(
                f"EK-FAC takes {len(self._of.left_out)} trainable weights to be fixed that are of no dense or "
                f"convolutional layer, such as {self._of.left_out[0]!r}",
                GenoliftWarning,
                stacklevel=2,
            )

    def describe(self) -> dict[str, Any]:
        """Return the damping of each layer, and what is left out."""
        told = {"damping": self._damping, "draws": self._draws, "applied_damping": self._applied}
        return {**told, "layers": [one.layer.name for one in self._of.layers], "left_out": self._of.left_out}

    def _drawn(self, block: Block, what: str) -> list[np.ndarray]:
        """Return slopes (B, T) at labels that are drawn, which are the same in blocks of any size."""
        logits = self.subject.logits(block.X)
        numbers = range(block.start, block.rows.stop)
        rows = [stream(self.seed, what, i).random((self._draws, self.subject.tasks)) for i in numbers]
        uniform = np.stack(rows)
        return [self.subject.loss.drawn(logits, uniform[:, draw]) for draw in range(self._draws)]

    def prepare(self) -> None:
        """Take two passes: one for the factors, and one for the eigenvalues."""
        layers = self._of.layers
        begin: Arrays = {f"a{k}": np.zeros((one.rows, one.rows)) for k, one in enumerate(layers)}
        begin |= {f"g{k}": np.zeros((one.columns, one.columns)) for k, one in enumerate(layers)}

        def add_factors(sums: Arrays, block: Block) -> None:
            for slopes in self._drawn(block, "labels for factors"):
                for k, (a, g) in enumerate(zip(*self._of.factors(block.X, slopes), strict=True)):
                    sums[f"a{k}"] += a
                    sums[f"g{k}"] += g

        sums = self.steps.passed("factors", self.data, self.size, begin, add_factors, "summing factors")
        self._bases = [(_basis(sums[f"a{k}"]), _basis(sums[f"g{k}"])) for k in range(len(layers))]
        begin = {f"{k}": np.zeros((one.rows, one.columns)) for k, one in enumerate(layers)}

        def add_eigenvalues(sums: Arrays, block: Block) -> None:
            for slopes in self._drawn(block, "labels for eigenvalues"):
                for k, gradients in enumerate(self._of.gradients(block.X, slopes)):
                    sums[f"{k}"] += (self._turned(k, gradients) ** 2).sum(axis=0)

        sums = self.steps.passed("eigenvalues", self.data, self.size, begin, add_eigenvalues, "correcting eigenvalues")
        count = len(self.data) * self._draws
        self._eigenvalues, self._applied = [], []
        for k, one in enumerate(layers):
            values = sums[f"{k}"] / count
            damping = RELATIVE_DAMPING * float(values.mean()) if self._damping is None else self._damping
            if (values + damping).min() <= 1e-13 * values.max():
                raise singular(f"the layer {one.layer.name!r}")
            self._eigenvalues.append(values + damping)
            self._applied.append(damping)

    def _turned(self, k: int, gradients: np.ndarray) -> np.ndarray:
        """Return gradients (B, rows, columns) of layer ``k`` in its eigenbasis."""
        left, right = self._bases[k]
        return left.T @ gradients.astype(np.float64) @ right

    def _solved(self, k: int, gradients: np.ndarray) -> np.ndarray:
        left, right = self._bases[k]
        return left @ (self._turned(k, gradients) / self._eigenvalues[k]) @ right.T

    def _block_gradients(self, block: Block) -> list[np.ndarray]:
        slopes = self.subject.loss.slopes(self.subject.logits(block.X), block.labels)
        return self._of.gradients(block.X, slopes)

    def scores(self, queries: Queries) -> np.ndarray:
        """Return −(1/n) ∇mᵀ (F + λI)⁻¹ ∇Lᵢ, summed over the layers, (Q, N)."""
        found = np.empty((len(queries), len(self.data)), np.float32)
        for group, rows in enumerate(self.grouped(queries, 4 * sum(self._of.sizes))):
            part = queries.part(rows)
            solved: list[np.ndarray] = []
            for start in range(0, len(part), self.size):
                some = part.part(slice(start, start + self.size))
                each = [self._solved(k, g) for k, g in enumerate(self._of.gradients(some.X, some.slopes))]
                flat = np.concatenate([one.reshape(len(one), -1) for one in each], axis=1)
                solved.append(flat.astype(np.float32))
            directions = np.concatenate(solved)

            def products(block: Block, directions: np.ndarray = directions) -> np.ndarray:
                each = self._block_gradients(block)
                flat = np.concatenate([one.reshape(len(one), -1) for one in each], axis=1)
                return flat @ directions.T

            name = f"scores-{group}"
            along = self.steps.rows(name, self.data, self.size, len(part), products, "computing influences")
            found[rows] = -along.T / len(self.data)
        return found

    def suspicion(self) -> np.ndarray:
        """Return (1/n) ∇Lᵢᵀ (F + λI)⁻¹ ∇Lᵢ, (N,)."""

        def own(block: Block) -> np.ndarray:
            each = [
                (self._turned(k, g) ** 2 / self._eigenvalues[k]).sum(axis=(1, 2))
                for k, g in enumerate(self._block_gradients(block))
            ]
            return np.sum(each, axis=0)[:, None]

        return self.steps.rows("own", self.data, self.size, 1, own, "computing suspicion", "float64")[:, 0] / len(
            self.data
        )


def _basis(factor: np.ndarray) -> np.ndarray:
    """Return the eigenvectors of a factor as columns."""
    return np.linalg.eigh(factor)[1]
