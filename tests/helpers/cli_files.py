"""FASTA files for the tests of the command line."""

import os
import threading
from contextlib import contextmanager

import numpy as np

LENGTH = 60


def fasta(path, sequences: dict[str, str]):
    path.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in sequences.items()))
    return path


def random_sequences(count: int, length: int = LENGTH, seed: int = 0) -> dict[str, str]:
    rng = np.random.default_rng(seed)
    return {f"s{i}": "".join(rng.choice(list("ACGT"), length)) for i in range(count)}


@contextmanager
def pipes(folder, **contents):
    """Yield named pipes, each of which gives its content to whoever reads it first, and nothing afterwards."""
    paths = [folder / f"{name}.pipe" for name in contents]
    threads = []
    for path, content in zip(paths, contents.values(), strict=True):
        os.mkfifo(path)
        threads.append(threading.Thread(target=path.write_bytes, args=(content,), daemon=True))
        threads[-1].start()
    yield paths
    for path, thread in zip(paths, threads, strict=True):
        thread.join(10)
        assert not thread.is_alive()
        path.unlink()
