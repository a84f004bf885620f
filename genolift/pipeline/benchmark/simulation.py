"""Draw a simulated data set into a directory."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import numpy as np

from genolift.pipeline.keeping.places import check_directory
from genolift.simulate.dataset import Dataset, files_of
from genolift.simulate.drawing.generate import simulate
from genolift.simulate.spec import Spec, load_spec
from genolift.support.errors import FORCE, FileProblem, InputError, Remedy

log = logging.getLogger("genolift")

_ROUNDING = 1e-9


def drawn(spec: Spec, seed: int | None = None, n: int | None = None) -> Dataset:
    """Return the data set of a configuration, of which something can be learnt.

    Where fewer sequences are drawn than the configuration has, a label that is the same for all of them is only warned
    of.

    Raises
    ------
    InputError
        If what is expected of a label, without noise, is the same for all sequences. The message names the key.
    """
    dataset = simulate(spec, seed, n)
    if dataset.importance is None or len(dataset) < 2:
        return dataset
    rows = [one.sequence_index for one in dataset.embeddings]
    for t, (outcome, values) in enumerate(zip(spec.outcomes, dataset.importance.T, strict=True)):
        # The values of a sequence sum to what is expected of it, less what is expected where nothing is embedded.
        expected = np.bincount(rows, values, len(dataset))
        if np.ptp(expected) > _ROUNDING * np.abs(values).max(initial=0.0):
            continue
        if dataset.expected is not None and np.ptp(dataset.expected[:, :, t], axis=0).max() > _ROUNDING:
            continue  # Where reads lie can be learnt, though there are as many of them in all sequences.
        told = (
            f"labels.{outcome.key}: {outcome.expression.text!r} is the same for all {len(dataset):,} sequences, so "
            "there is nothing to learn"
        )
        if len(dataset) >= spec.total:
            raise InputError(f"{told}; change the expression, or what the groups embed")
        log.warning("%s from so few; draw more", told)
    return dataset


def check_learnable(spec: Spec, n: int | None = None) -> None:
    """Raise :class:`InputError`, naming the key, where networks cannot learn a configuration, or none is explained.

    Parameters
    ----------
    spec
        The configuration.
    n
        The number of sequences, if another than that of the configuration.
    """
    if spec.length.min != spec.length.max:
        raise InputError(
            f"{spec.name}: length: the networks take sequences of one length, and these have {spec.length.min} to "
            f"{spec.length.max}; give one number"
        )
    total = n or spec.total
    for split, size in spec.splits.sizes(total, spec.total).items():
        least = 2 if split == "test" else 1
        if size < least:
            raise InputError(
                f"{spec.name}: splits.{split}: {size} of {total:,} sequences are kept back, and at least {least} "
                f"{'are explained' if split == 'test' else 'tells when to stop training'}; write for example "
                f"{split} = 0.2 under [splits], or draw more"
            )


def draw_dataset(
    spec: str, out: Path, seed: int | None = None, n: int | None = None, force: bool = False
) -> tuple[Dataset, bool]:
    """Write a data set to a directory; return it, and whether it was there already.

    The same configuration gives the same bytes, so what is there is compared with what would be written: files that
    agree stay, missing ones are added, and others are an error unless ``force`` is given.

    Parameters
    ----------
    spec
        A configuration, by its path or by the name of one that comes with genolift.
    out
        The directory.
    seed, n
        The seed and the number of sequences, if others than those of the configuration.
    force
        Whether files that are there give way.
    """
    check_directory(out)
    dataset = drawn(load_spec(spec), seed, n)
    with tempfile.TemporaryDirectory() as aside:
        dataset.save(aside)
        new = {name: (Path(aside) / name).read_bytes() for name in files_of(dataset.kind)}
    there = {name: (out / name).read_bytes() for name in files_of("profile") if (out / name).is_file()}
    if there == new:
        return dataset, True
    if not force:
        for name, content in there.items():
            if content != new.get(name):
                another = Remedy.naming("give another directory, or {} to replace it", FORCE)
                raise InputError(f"{out / name} is not what this configuration and seed give", another)
        if not there and out.is_dir() and any(out.iterdir()):
            another = Remedy.naming("give a new or an empty directory, or {}", FORCE)
            raise FileProblem(f"{out} holds other files", another)
    dataset.save(out)
    return dataset, False
