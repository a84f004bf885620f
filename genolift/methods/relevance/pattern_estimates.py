"""Patterns from sums over data, and how good a signal they make (Kindermans et al. 2017, sections 4.1 to 4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# A denominator below this share of its terms is nothing but rounding: the unit is dead, or does not vary.
_NOTHING = 1e-6
# A power below this share of the sum of its terms is nothing but rounding.
_ROUNDING = 1e-12
# This share of their mean is added to the variances of patches, so that constant directions do not matter.
_RIDGE = 1e-6
# A regression on patches needs this many samples for each number of a patch.
_ENOUGH = 2

#: Sums over samples, by name: ``count``, ``z``, ``zz``, ``x``, ``xz``, and with a ``+`` those over samples above zero.
#: Layers whose quality is measured have ``patch`` and ``gram`` too, the sums of patches and of their products.
Sums = dict[str, np.ndarray]


@dataclass(frozen=True)
class LayerUnits:
    """The units of a layer.

    Parameters
    ----------
    name
        The name of the layer.
    of
        The number of each weight's unit, in the shape of the weights, and −1 for weights that are never used.
    weights
        The weights themselves, or None where they are not known.
    shift
        The number (u) that was subtracted from z before it was summed.
    """

    name: str
    of: np.ndarray
    weights: np.ndarray | None
    shift: np.ndarray


def added(parts: Sequence[Sums]) -> Sums:
    """Return the sums over the samples of all parts together."""
    return {name: np.asarray(sum(part[name] for part in parts)) for name in parts[0]}


def minus(sums: Sums) -> Sums:
    """Return the sums over samples that are not above zero, under the names without a sign."""
    return {name: sums[name] - sums[f"{name}+"] for name in ("count", "z", "zz", "x", "xz")}


def plus(sums: Sums) -> Sums:
    """Return the sums over samples above zero, under the names without a sign."""
    return {name: sums[f"{name}+"] for name in ("count", "z", "zz", "x", "xz")}


def pattern(sums: Sums, mean: np.ndarray, layer: LayerUnits) -> tuple[np.ndarray, np.ndarray]:
    """Return the patterns of a layer's units, and which units have one.

    A pattern is a = (E[xz] − E[x]·``mean``) / (E[z²] − E[z]·``mean``). The denominator is wᵀ times the numerator, so
    wᵀa = 1.

    Parameters
    ----------
    sums
        The sums over the samples that the pattern is estimated from.
    mean
        E[z] (u) over all samples, whatever the sign of z.
    layer
        The units.

    Returns
    -------
    tuple of np.ndarray
        The patterns in the shape of the weights, and whether each unit has one (u).
    """
    above = mean - layer.shift
    numerator = sums["xz"] - sums["x"] * _at(above, layer.of)
    spread = sums["zz"] - sums["z"] * above
    offset = layer.shift * (sums["z"] - sums["count"] * above)
    whole = spread + offset
    alive = (sums["count"] > 0) & (
        np.abs(whole) > _NOTHING * (np.abs(sums["zz"]) + np.abs(sums["z"] * above) + np.abs(offset))
    )
    inverse = np.where(alive, 1 / np.where(alive, whole, 1), 0)
    return numerator * _at(inverse, layer.of), alive


def mean_of(sums: Sums, layer: LayerUnits) -> np.ndarray:
    """Return E[z] (u) over all samples."""
    return layer.shift + sums["z"] / np.maximum(sums["count"], 1)


def _at(units: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Return the value of each weight's unit, and zero for weights that are never used."""
    return np.where(of >= 0, units.reshape(-1)[of], 0)


class Covariances:
    """The covariances of patches x, of the sums z of U units, and of the parts of z by regime.

    The part z_s is z where it is in regime s, and zero elsewhere. ``patches`` (D, D) are the covariances of x,
    ``cross`` (S, D, U) those of x with z_s, and ``parts`` (S, S, U) those of the z_s with each other.

    Parameters
    ----------
    sums
        The sums over all samples.
    layer
        The units.
    regimes
        The sums over the samples of each regime.
    """

    def __init__(self, sums: Sums, layer: LayerUnits, regimes: list[Sums]):
        count, shift = sums["count"].reshape(-1), layer.shift.reshape(-1)
        self.samples = float(count[0])
        mean = sums["patch"] / self.samples
        self.patches = sums["gram"] / self.samples - np.outer(mean, mean)
        size = len(mean)
        first, second, cross = [], [], []
        for one in regimes:
            n, z, zz = (one[name].reshape(-1) / count for name in ("count", "z", "zz"))
            first.append(z + shift * n)
            second.append(zz + 2 * shift * z + shift**2 * n)
            x, xz = (one[name].reshape(size, -1) / count for name in ("x", "xz"))
            cross.append(xz + shift * x - np.outer(mean, first[-1]))
        self.cross = np.stack(cross)
        # Where z is in one regime, the other parts are zero.
        means = np.stack(first)
        self.parts = np.eye(len(regimes))[:, :, None] * np.stack(second) - means[:, None] * means

    def with_distractor(self, patterns: np.ndarray) -> np.ndarray:
        """Return cov(d, z) (D, U) with d = x − Σ_s a_s·z_s, for ``patterns`` a (S, D, U)."""
        return self.cross.sum(0) - np.einsum("sdu,stu->du", patterns, self.parts)

    def of_z(self) -> np.ndarray:
        """Return the variance of z (U)."""
        return self.parts.sum((0, 1))

    def along(self, v: np.ndarray, patterns: np.ndarray) -> np.ndarray:
        """Return var(vᵀd) (U) for directions ``v`` (D, U) and ``patterns`` (S, D, U)."""
        shares = np.einsum("du,sdu->su", v, patterns)
        crossed = np.einsum("du,sdu->su", v, self.cross)
        return (
            np.einsum("du,du->u", v, self.patches @ v)
            - 2 * (shares * crossed).sum(0)
            + np.einsum("su,stu,tu->u", shares, self.parts, shares)
        )

    def regression(self, patterns: np.ndarray) -> np.ndarray:
        """Return the weights (D, U) of a regression of z on d by least squares, cov(d)⁻¹·cov(d, z).

        cov(d) is the covariance of the patches plus a correction of low rank for each unit. The Woodbury identity
        inverts it.
        """
        regimes, size, units = patterns.shape
        ridge = _RIDGE * np.trace(self.patches) / size
        wanted = self.with_distractor(patterns)
        sides = np.concatenate([patterns, self.cross])  # This is B in cov(d) = cov(x) + B·M·Bᵀ.
        right = np.concatenate([sides, wanted[None]]).transpose(1, 0, 2).reshape(size, -1)
        solved = np.linalg.solve(self.patches + ridge * np.eye(size), right).reshape(size, -1, units)
        inner = np.zeros((units, 2 * regimes, 2 * regimes))
        inner[:, :regimes, regimes:] = inner[:, regimes:, :regimes] = -np.eye(regimes)
        inner[:, regimes:, regimes:] = -np.moveaxis(self.parts, -1, 0)  # This completes M⁻¹.
        inner += np.einsum("rdu,dsu->urs", sides, solved[:, :-1])
        by = np.linalg.solve(inner, np.einsum("rdu,du->ur", sides, solved[:, -1])[..., None])[..., 0]
        return solved[:, -1] - np.einsum("dsu,us->du", solved[:, :-1], by)


def quality(parts: list[Sums], layer: LayerUnits, rectified: bool) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the quality ρ of the estimated signal, and of a signal along the weights.

    ρ = 1 − corr(wᵀx, vᵀ(x − S(x))) (equation 4). It is 1 if the distractor x − S(x) tells nothing about z. As its
    authors do, patterns are estimated on the first part of the samples, v on the second by least squares, and the
    correlation on the third. The signal of a rectified unit has one pattern for sums above zero and one for the others.

    Parameters
    ----------
    parts
        The sums over each of the three parts of the samples.
    layer
        The units.
    rectified
        Whether the units are rectified.

    Returns
    -------
    tuple of np.ndarray or None
        The two qualities (U), or None if there are too few samples.
    """
    split = (lambda sums: [plus(sums), minus(sums)]) if rectified else (lambda sums: [sums])
    first, second, third = parts
    if min(float(part["count"].reshape(-1)[0]) for part in parts) < _ENOUGH * len(first["patch"]):
        return None
    mean, size = mean_of(first, layer), len(first["patch"])
    estimated = np.stack([pattern(one, mean, layer)[0].reshape(size, -1) for one in split(first)])
    assert layer.weights is not None
    w = layer.weights.reshape(size, -1)
    along = (w / np.maximum((w**2).sum(0), np.finfo(float).tiny))[None]
    return (
        _left(Covariances(second, layer, split(second)), Covariances(third, layer, split(third)), estimated),
        _left(Covariances(second, layer, [second]), Covariances(third, layer, [third]), along),
    )


def _left(learned: Covariances, tried: Covariances, patterns: np.ndarray) -> np.ndarray:
    """Return ρ (U) of the signal by ``patterns`` (S, D, U), NaN for a unit that does not vary."""
    v, variance = learned.regression(patterns), tried.of_z()
    power = tried.along(v, patterns)
    covariance = np.abs(np.einsum("du,du->u", v, tried.with_distractor(patterns)))
    # A direction along which only rounding varies tells nothing.
    tells = power > _ROUNDING * np.einsum("du,d->u", v**2, np.diag(tried.patches))
    share = np.where(tells, covariance / np.sqrt(np.where(tells, power * variance, 1)), 0)
    varies = variance > _NOTHING * np.abs(tried.parts).sum((0, 1))
    return np.where(varies, 1 - np.minimum(share, 1), np.nan)
