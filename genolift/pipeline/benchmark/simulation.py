"""Draw a simulated data set into a directory."""

import tempfile
from pathlib import Path

from genolift.pipeline.common.places import check_directory
from genolift.simulate.dataset import FILES, Dataset
from genolift.simulate.generate import simulate
from genolift.simulate.spec import load_spec
from genolift.support.errors import FORCE, FileProblem, InputError, Remedy


def draw_dataset(spec, out, seed: int | None = None, n: int | None = None, force: bool = False) -> tuple[Dataset, bool]:
    """Write the data set of ``spec`` to the directory ``out``; returns it, and whether it was there already.

    The same configuration gives the same bytes, so what is there is compared with what would be written: files that
    agree stay, missing ones are added, and others are an error unless ``force`` is given.
    """
    out = Path(out)
    check_directory(out)
    dataset = simulate(load_spec(spec), seed, n)
    with tempfile.TemporaryDirectory() as aside:
        dataset.save(aside)
        new = {name: (Path(aside) / name).read_bytes() for name in FILES}
    there = {name: (out / name).read_bytes() for name in FILES if (out / name).is_file()}
    if there == new:
        return dataset, True
    if not force:
        for name, content in there.items():
            if content != new[name]:
                another = Remedy.naming("give another directory, or {} to replace it", FORCE)
                raise InputError(f"{out / name} is not what this configuration and seed give", another)
        if not there and out.is_dir() and any(out.iterdir()):
            another = Remedy.naming("give a new or an empty directory, or {}", FORCE)
            raise FileProblem(f"{out} holds other files", another)
    dataset.save(out)
    return dataset, False
