"""When a user hears that a block of sequences is explained and kept."""

import numpy as np
import pytest

from genolift.pipeline.scoring import scoring


class Writer:
    def write(self, number, explanation):
        self.told.append(f"written {number}")


@pytest.mark.parametrize("slow", [True, False])
def test_a_slow_block_is_told_before_the_next_one_begins(monkeypatch, slow):
    monkeypatch.setattr(scoring, "_SLOW", 0 if slow else 1e9)
    told = Writer.told = []

    def explaining(sequences, records):
        told.append(f"explaining {sequences[0]}")
        return sequences

    blocks = ((number, [str(number)], np.array([number])) for number in range(3))
    for size in scoring._here(Writer(), explaining, blocks):
        assert size == 1
        told.append("told")
    assert told.count("told") == 3
    if slow:
        assert told == [one for k in range(3) for one in (f"explaining {k}", f"written {k}", "told")]
    else:
        assert told.index("explaining 1") < told.index("told")
