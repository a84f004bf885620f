"""Real sequences of a FASTA file, and what tells them from others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from genolift.pipeline.keeping.digest import RecordDigest
from genolift.sequence.fasta import read_fasta
from genolift.support.errors import InputError


def read_records(path: Path) -> list[tuple[str, str]]:
    """Return the names and sequences of a FASTA file; raise :class:`InputError` where it holds none."""
    records = list(read_fasta(path))
    if not records:
        raise InputError(f"{path} holds no sequences")
    return records


def digest_records(records: Sequence[tuple[str, str]]) -> str:
    """Return what tells these sequences from others."""
    digest = RecordDigest()
    for name, sequence in records:
        digest.add(name, sequence)
    return digest.hexdigest()
