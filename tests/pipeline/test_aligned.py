"""Profiles of two alleles are compared base by base of the genome."""

import random

import numpy as np
import pytest

from genolift.pipeline.variants.aligned import aligned
from genolift.support.errors import InputError

LENGTH, MIDDLE = 60, 40


def windows(kind, place, rng):
    """Windows with either allele, and by window the place in the genome of each base; -1 for bases that are new."""
    genome = [(base, i) for i, base in enumerate(rng.choices("ACGT", k=LENGTH + 20))]
    new = [(base, -1) for base in rng.choices("ACGT", k=20)]
    sizes = {"insertion of 7": (0, 7), "deletion of 5": (5, 0), "replacement of 2 by 6": (2, 6), "SNV": (1, 1)}
    before, after = sizes[kind]
    # The first bases of a replacement stand opposite those that they replace.
    inserted = [(base, place + i if i < min(before, after) else -1) for i, (base, _) in enumerate(new[:after])]
    edited = genome[:place] + inserted + genome[place + before :]
    return genome[:LENGTH], edited[:LENGTH]


@pytest.mark.parametrize("kind", ["insertion of 7", "deletion of 5", "replacement of 2 by 6", "SNV"])
@pytest.mark.parametrize("place", [3, 12, 30, 46, 55])
@pytest.mark.parametrize("tracks", [1, 2])
def test_each_base_stands_opposite_itself(kind, place, tracks):
    """A profile that shows where each base is from must be the same for both alleles."""
    for seed in range(99):
        ref, alt = windows(kind, place, random.Random(seed))
        pair = tuple("".join(base for base, _ in window) for window in (ref, alt))
        if pair[0][place] != pair[1][place]:  # or else the change looks like one that begins further on
            break

    def profile(window):
        places = np.array([place for _, place in window], float)[10:50]
        forward = np.repeat(places[:, None], tracks, 1) + np.arange(tracks) / 10
        return np.stack([forward.ravel(), forward[::-1].ravel()])

    mine, theirs = aligned(profile(ref), profile(alt), pair, kind, tracks)
    assert mine.shape == theirs.shape
    if kind == "SNV":
        assert mine.shape == (2, MIDDLE * tracks)
        return
    np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(mine[0], mine[1])
    common = {i for _, i in ref[10:50]} & {i for _, i in alt[10:50]} - {-1}
    assert set(np.floor(mine[0])) == common


def test_profiles_that_are_not_the_middle_of_a_window_are_refused():
    for positions in (41, 62):
        with pytest.raises(InputError, match=f"a profile of {positions} positions is not the middle .* 60 bases"):
            aligned(np.ones((2, positions)), np.ones((2, positions)), ("A" * 60, "C" * 60), "insertion of 3")
