"""FASTA files for the tests of the command line."""

import numpy as np

LENGTH = 60


def fasta(path, sequences: dict[str, str]):
    path.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in sequences.items()))
    return path


def random_sequences(count: int, length: int = LENGTH, seed: int = 0) -> dict[str, str]:
    rng = np.random.default_rng(seed)
    return {f"s{i}": "".join(rng.choice(list("ACGT"), length)) for i in range(count)}
