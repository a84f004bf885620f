"""The search: many starts climb at once, by Adam, and continue where they were stopped."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genolift.dreaming.densities import Density
from genolift.dreaming.spaces import Space
from genolift.dreaming.subject import Subject
from genolift.methods.common.blocks import pad
from genolift.support import progress as display
from genolift.support.errors import FileProblem, InputError, Remedy, setting
from genolift.support.files import whole
from genolift.support.memory import check_fits
from genolift.support.precision import exact_float32
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

tf = quiet_tensorflow()

#: What is recorded of each step: the number that is maximised, the log-density of the expert, and the penalty.
PARTS = ("value", "log_density", "penalty")
_SECONDS = 20  # The state is kept so often.


@dataclass(frozen=True)
class Climbing:
    """How the starts climb.

    The objective is f(x) + ``weight`` · log p(x) − ``strength`` · penalty. Adam maximises it, at a learning rate that
    falls from ``rate`` to nothing along a cosine. The two factors grow from nothing to their full size over the first
    ``growth`` of the steps. Where the slopes of f are small until some positions are settled, as in networks that
    average over positions, they would otherwise decide about every position before f has found anything.

    Parameters
    ----------
    steps
        The number of steps.
    rate
        The learning rate at the beginning.
    weight
        The factor of the expert's log-density.
    strength
        The factor of the penalty.
    growth
        The share of the steps over which the two factors grow; with 0 they have their full size from the beginning.
    typical
        The mean m and the standard deviation s of log p of real sequences, to add −(log p(x) − m)² / (2 s²) in the
        place of log p(x). None adds log p(x).
    """

    steps: int = 500
    rate: float = 0.1
    weight: float = 1.0
    strength: float = 0.0
    growth: float = 0.6
    typical: tuple[float, float] | None = None

    def share(self, step: int) -> float:
        """Return the share of their full size that the two factors have at a step."""
        return min(1.0, step / (self.growth * self.steps)) if self.growth else 1.0

    def check(self) -> None:
        """Raise :class:`InputError` for numbers that are none."""
        if not isinstance(self.steps, int) or isinstance(self.steps, bool) or self.steps < 1:
            raise InputError(f"steps={self.steps!r} is not a whole number of at least 1")
        if not (np.isfinite(self.rate) and self.rate > 0):
            raise InputError(f"rate={self.rate!r} is not a positive number")
        for name, value in (("weight", self.weight), ("strength", self.strength)):
            if not (np.isfinite(value) and value >= 0):
                raise InputError(f"{name}={value!r} is not a number of at least 0")
        if not 0 <= self.growth <= 1:
            raise InputError(f"growth={self.growth!r} is not a share from 0 to 1")


class Climb:
    """The search of many starts in a space.

    Parameters
    ----------
    subject
        What is maximised.
    space
        Where it is searched.
    density
        The expert, if there is one.
    climbing
        How the starts climb.
    memory
        The budget in bytes for what is computed at a time. Starts are independent of each other, so it changes nothing
        but the rounding.
    """

    def __init__(self, subject: Subject, space: Space, density: Density | None, climbing: Climbing, memory: int):
        climbing.check()
        self.subject, self.space, self.density, self.climbing = subject, space, density, climbing
        rows = subject.rows_at_once(memory)
        if density is not None:
            density.check(subject.length)
            check_fits(density.bytes(subject.length), memory, "start under this density")
            rows = min(rows, memory // max(1, density.bytes(subject.length)))
        self.size = int(max(1, rows))
        self._slopes = compiled(self._with_slopes, reduce_retracing=True)
        self._open = compiled(lambda points: space.opened(points)[0], reduce_retracing=True)

    def run(
        self, points: np.ndarray, state: Path | None = None, progress: bool | None = None
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return where the starts arrive, and what happened on the way.

        Parameters
        ----------
        points
            Where they begin, (S, ...).
        state
            A file that keeps how far they have come, to continue from. It is left for the caller to remove.
        progress
            Whether progress is shown; None shows it where the work is long.

        Returns
        -------
        points : np.ndarray
            Where they arrive, (S, ...) float32.
        history : dict of str to np.ndarray
            The parts of the objective before each step and at the end, (steps + 1, S) float32 each.

        Raises
        ------
        InputError
            If no start has a slope to follow, or the objective is no finite number.
        FileProblem
            If the state is of another search, or damaged.
        """
        import keras

        steps = self.climbing.steps
        variable = keras.Variable(points.astype(np.float32), name="points")
        schedule = keras.optimizers.schedules.CosineDecay(self.climbing.rate, steps)
        adam = keras.optimizers.Adam(schedule)
        adam.build([variable])
        apply = compiled(lambda slopes: adam.apply([slopes], [variable]), reduce_retracing=True)
        history = np.full((len(PARTS), steps + 1, len(points)), np.nan, np.float32)
        held = _Held(state, variable, adam, history, {"climbing": asdict(self.climbing), "shape": list(points.shape)})
        begin, kept = held.read(), time.monotonic()
        with exact_float32, display.bar(steps, "dreaming", "steps", show=progress, long=steps >= 100) as bar:
            bar.update(begin)
            for step in range(begin, steps):
                parts, slopes = self._at(variable.numpy(), step)
                self._check(parts, slopes, step)
                history[:, step] = parts
                apply(tf.constant(-slopes))
                if time.monotonic() - kept > _SECONDS:
                    held.write(step + 1)
                    kept = time.monotonic()
                bar.update(1)
            history[:, steps], _ = self._at(variable.numpy(), steps)
        held.write(steps)
        return variable.numpy(), dict(zip(PARTS, history, strict=True))

    def opened(self, points: np.ndarray) -> np.ndarray:
        """Return the relaxed sequences (S, L, 4) of points."""
        return np.concatenate([self._open(tf.constant(one)).numpy()[:kept] for kept, one in self._batches(points)])

    def _batches(self, points: np.ndarray) -> list[tuple[int, np.ndarray]]:
        size = min(self.size, len(points))
        parts = [points[start : start + size] for start in range(0, len(points), size)]
        return [(len(part), pad(part, size)) for part in parts]

    def _at(self, points: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the parts of the objective (3, S), and the slopes (S, ...)."""
        share = tf.constant(self.climbing.share(step), tf.float32)
        found = []
        for kept, some in self._batches(points):
            parts, slopes = self._slopes(tf.constant(some), share)
            found.append((parts.numpy()[:, :kept], slopes.numpy()[:kept]))
        parts, slopes = zip(*found, strict=True)
        return np.concatenate(parts, axis=1), np.concatenate(slopes)

    def _with_slopes(self, points: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
        x, penalty = self.space.opened(points)
        value = self.subject.values(x)
        log_density = tf.zeros_like(value) if self.density is None else self.density.log_prob(x)
        pull = log_density
        if self.climbing.typical is not None:
            mean, deviation = self.climbing.typical
            pull = -((log_density - mean) ** 2) / (2 * deviation**2)
        total = value + share * (self.climbing.weight * pull - self.climbing.strength * penalty)
        (slopes,) = tf.gradients(total, [points], unconnected_gradients="zero")
        return tf.stack([value, log_density, penalty]), slopes

    def _check(self, parts: np.ndarray, slopes: np.ndarray, step: int) -> None:
        if not (np.isfinite(parts).all() and np.isfinite(slopes).all()):
            lower = Remedy.naming("try {}", setting("rate", float(f"{self.climbing.rate / 10:g}")))
            raise InputError(f"the objective or its slope is not a finite number at step {step}", lower)
        if step == 0 and not slopes.any():
            raise InputError(
                f"{self.subject.name} has no slope at any of the starts, so there is nothing to climb",
                Remedy.naming("try another {}, or more starts", setting("seed")),
            )


class _Held:
    """The state of a search in a file."""

    def __init__(
        self, path: Path | None, variable: Any, adam: Any, history: np.ndarray, request: Mapping[str, Any]
    ) -> None:
        self._path, self._history = path, history
        self._variables = [variable, *adam.variables]
        self._request = json.dumps(request, sort_keys=True)

    def read(self) -> int:
        """Take the state out of the file, if there is one, and return the number of steps that are done."""
        if self._path is None or not self._path.exists():
            return 0
        try:
            with np.load(self._path, allow_pickle=False) as held:
                if str(held["request"]) != self._request:
                    raise FileProblem(f"{self._path} keeps another search; give another file, or remove it")
                for i, variable in enumerate(self._variables):
                    variable.assign(held[f"variable_{i}"])
                self._history[:] = held["history"]
                return int(held["step"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as problem:
            if isinstance(problem, FileProblem):
                raise
            raise FileProblem(f"{self._path} does not keep a search, or is damaged; remove it") from None

    def write(self, step: int) -> None:
        """Keep the state after so many steps."""
        if self._path is None:
            return
        arrays = {f"variable_{i}": variable.numpy() for i, variable in enumerate(self._variables)}
        with whole(self._path) as part, part.open("wb") as handle:
            np.savez(handle, request=self._request, step=step, history=self._history, **arrays)  # type: ignore[arg-type]
