"""The process that writes a bigWig file. It is run as a script, with the name of the file.

The library ends its process when the disk is full, so it gets a process of its own. Standard input holds a line of JSON
with the chromosomes, [[name, length], ...]. For each stretch, a line [chromosome, start, count] and its float32 values
follow.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from typing import BinaryIO

import numpy as np
import pyBigWig


def main(path: str, stream: BinaryIO) -> int:
    """Write what ``stream`` says, and return 0 if the file then holds all of it, else 1."""
    header = json.loads(stream.readline())
    total, last = 0, None
    with closing(pyBigWig.open(path, "w")) as file:
        file.addHeader([(name, length) for name, length in header])
        while line := stream.readline():
            chrom, start, count = json.loads(line)
            values = np.frombuffer(stream.read(4 * count), dtype=np.float32)
            file.addEntries(chrom, start, values=values, span=1, step=1)
            total, last = total + count, (chrom, start, values)
    return 0 if last is None or _holds(path, total, *last) else 1


def _holds(path: str, total: int, chrom: str, start: int, values: np.ndarray) -> bool:
    with closing(pyBigWig.open(path)) as file:
        there = np.array(file.values(chrom, start, start + len(values)), dtype=np.float32)
        return file.header()["nBasesCovered"] == total and np.array_equal(there, values)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.stdin.buffer))
