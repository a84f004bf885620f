"""The steps of a long computation, each kept in a folder as it is done, so that a killed run continues."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np

from genolift.influence.data import Block, TrainingSet
from genolift.support import progress as display
from genolift.support.files import whole

#: Arrays by their names.
Arrays: TypeAlias = dict[str, np.ndarray]

_EVERY = 20.0  # Seconds after which a pass that is not finished is kept.


class Steps:
    """Computes steps, or takes them from where they were kept.

    Parameters
    ----------
    folder
        Where steps are kept. With ``None`` none is, and what is too large for memory goes to a temporary folder.
    progress
        Whether progress is shown; ``None`` where the user did not say.
    """

    def __init__(self, folder: Path | None = None, progress: bool | None = None):
        self._folder, self.progress = folder, progress
        self._temporary: tempfile.TemporaryDirectory | None = None

    def use(self, folder: Path) -> None:
        """Keep steps in a folder from now on."""
        self._folder = folder

    @property
    def folder(self) -> Path:
        """A folder for files that are too large for memory."""
        if self._folder is not None:
            return self._folder
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="genolift-influence-")
        return Path(self._temporary.name)

    def kept(self, name: str) -> Arrays | None:
        """Return what a step gave, if it was kept."""
        path = None if self._folder is None else self._folder / f"{name}.npz"
        if path is None or not path.exists():
            return None
        with np.load(path, allow_pickle=False) as held:
            return dict(held)

    def keep(self, name: str, arrays: Arrays) -> Arrays:
        """Keep what a step gave, and return it."""
        if self._folder is not None:
            with whole(self._folder / f"{name}.npz") as part, part.open("wb") as handle:
                np.savez(handle, **arrays)  # type: ignore[arg-type]
        return arrays

    def forget(self, name: str) -> None:
        """Remove what was kept of a step."""
        if self._folder is not None:
            (self._folder / f"{name}.npz").unlink(missing_ok=True)

    def once(self, name: str, make: Callable[[], Arrays]) -> Arrays:
        """Return what a step gives, which is made if it was not kept."""
        there = self.kept(name)
        return self.keep(name, make()) if there is None else there

    def passed(
        self, name: str, data: TrainingSet, size: int, sums: Arrays, add: Callable[[Arrays, Block], None], label: str
    ) -> Arrays:
        """Return sums over all training sequences, and keep them now and then while the pass lasts.

        Parameters
        ----------
        name
            The name of the step.
        data, size
            The training sequences, and how many are in a block.
        sums
            The sums before the first sequence.
        add
            Adds what a block gives to the sums.
        label
            What is being done, for the progress.
        """
        there = self.kept(name)
        if there is not None:
            return there
        begun = self.kept(f"{name}-begun")
        first = 0
        if begun is not None and int(begun.pop("size")) == size:
            first, sums = int(begun.pop("first")), begun
        since = time.monotonic()
        with display.bar(len(data), label, "sequences", self.progress, long=len(data) > 2000) as bar:
            bar.update(first)
            for block in data.blocks(size, first):
                add(sums, block)
                first = block.rows.stop
                bar.update(len(block.X))
                if time.monotonic() - since > _EVERY and first < len(data):
                    self.keep(f"{name}-begun", {**sums, "first": np.array(first), "size": np.array(size)})
                    since = time.monotonic()
        self.keep(name, sums)
        self.forget(f"{name}-begun")
        return sums

    def rows(
        self,
        name: str,
        data: TrainingSet,
        size: int,
        width: int,
        compute: Callable[[Block], np.ndarray],
        label: str,
        dtype: str = "float32",
    ) -> np.ndarray:
        """Return a row of numbers for each training sequence, (N, width), which stays on the disk.

        Parameters
        ----------
        name
            The name of the step.
        data, size
            The training sequences, and how many are in a block.
        width
            How many numbers each of them gets.
        compute
            Gives the numbers (B, width) of a block.
        label
            What is being done, for the progress.
        dtype
            The type of the numbers.
        """
        path = self.folder / f"{name}.npy"
        done = self.kept(f"{name}-rows")
        first = 0 if done is None or not path.exists() else int(done["first"])
        make = {"mode": "r+"} if first else {"mode": "w+", "dtype": dtype, "shape": (len(data), width)}
        held = np.lib.format.open_memmap(path, **make)  # type: ignore[arg-type]
        since = time.monotonic()
        with display.bar(len(data), label, "sequences", self.progress, long=len(data) > 2000) as bar:
            bar.update(first)
            for block in data.blocks(size, first) if first < len(data) else ():
                held[block.rows] = compute(block)
                first = block.rows.stop
                bar.update(len(block.X))
                if time.monotonic() - since > _EVERY or first == len(data):
                    held.flush()
                    self.keep(f"{name}-rows", {"first": np.array(first)})
                    since = time.monotonic()
        return held
