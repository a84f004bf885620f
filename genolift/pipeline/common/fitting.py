"""Methods that are fitted on data, for jobs that name a FASTA file."""

from __future__ import annotations

from pathlib import Path

from genolift.sequence.alphabet import one_hot
from genolift.sequence.fasta import read_fasta
from genolift.support.errors import InputError


def fit(method, path: Path, unknown: str) -> None:
    """Fit ``method`` on the sequences of a FASTA file, which are all of one length."""
    if not hasattr(method, "fit"):
        raise InputError(f"the method {method.name} is not fitted on data; leave out --fit-on")
    sequences = [sequence for _, sequence in read_fasta(path)]
    lengths = sorted({len(sequence) for sequence in sequences})
    if len(lengths) > 1:
        raise InputError(
            f"{path} has sequences of {lengths[0]} to {lengths[-1]} bases; a method is fitted on sequences of one length"
        )
    try:
        method.fit(one_hot(sequences, unknown))
    except InputError as problem:
        raise InputError(f"{method.name} cannot be fitted on {path}: {problem.message}", problem.remedy) from None
