"""The sequences to be scored: a whole FASTA file, streamed, or regions of one."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from genolift.pipeline.digest import RecordDigest
from genolift.sequence.alphabet import count_unknown
from genolift.sequence.fasta import Fasta, read_fasta
from genolift.sequence.regions import Regions
from genolift.support.errors import FileProblem, InputError


class Source:
    """N named sequences: ``names``, ``lengths`` (N,), ``unknown`` bases in all, ``digest``, ``regions`` or ``None``.

    ``longest`` is the text of one of the longest, on which a job can be tried before anything is written.
    """

    regions: Regions | None = None

    def __init__(self, records: Iterable[tuple[str, str]]):
        self.names: list[str] = []
        lengths, digest = [], RecordDigest()
        self.unknown, self.longest = 0, ""
        for name, sequence in records:
            self.names.append(name)
            lengths.append(len(sequence))
            digest.add(name, sequence)
            self.unknown += count_unknown(sequence)
            if len(sequence) > len(self.longest):
                self.longest = sequence
        self.lengths = np.array(lengths, dtype=np.int64)
        self.digest = digest.hexdigest()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def mixed(self) -> bool:
        """Whether the sequences differ in length."""
        return bool((self.lengths != self.lengths[0]).any())

    def blocks(self, wanted: list[tuple[int, int]]) -> Iterator[list[str]]:
        """The sequences of half-open ranges, which come in order."""
        raise NotImplementedError


class FastaSource(Source):
    """All records of a FASTA file; read once to check it and once to score it, never held in memory."""

    def __init__(self, path):
        self.path = Path(path)
        if self.path.exists() and not self.path.is_file() and not self.path.is_dir():
            raise InputError(f"{path} is not a regular file, and it has to be read twice; write it to a file first")
        super().__init__(read_fasta(path))

    def blocks(self, wanted):
        records = enumerate(read_fasta(self.path))
        for start, stop in wanted:
            block = []
            for i, (name, sequence) in records:
                if i >= len(self) or name != self.names[i] or len(sequence) != self.lengths[i]:
                    raise FileProblem(f"{self.path} was changed while it was being read; start again")
                if i >= start:
                    block.append(sequence)
                if i == stop - 1:
                    break
            if len(block) != stop - start:
                raise FileProblem(f"{self.path} was changed while it was being read; start again")
            yield block


class RegionSource(Source):
    """The regions of a BED or narrowPeak file, cut out of a FASTA file; ``width`` as in ``Fasta.regions``."""

    def __init__(self, fasta, regions, width: int | None):
        self.regions = Fasta(fasta).regions(regions, width)
        super().__init__(zip(self.regions.names, self.regions.sequences, strict=True))

    def blocks(self, wanted):
        for start, stop in wanted:
            yield self.regions.sequences[start:stop]
