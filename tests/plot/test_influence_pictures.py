"""The picture of a query beside training sequences: what its marks are called, and their colours."""

import itertools

import numpy as np
from matplotlib.colors import to_hex

from genolift.evaluate.discovery.shared import Explained, Shared
from genolift.plot.influence.influences import plot_shared

LENGTH = 200


def explained(name):
    rng = np.random.default_rng(len(name))
    return Explained(name, rng.integers(0, 4, LENGTH), rng.normal(size=LENGTH))


def shared(number, start, width, bases):
    return Shared(number, start, start + width, start, start + width, "+", bases, 1.0, 0.001, 0.001)


def test_a_motif_has_one_colour_in_all_rows_and_labels_do_not_overlap():
    both = [
        *(
            shared(0, 40, 10, "GCTGATTACG"),
            shared(0, 55, 10, "AAC"),
            shared(0, 165, 18, "GATA"),
            shared(0, 184, 5, "T"),
        ),
        *(shared(1, 90, 10, "GATA"), shared(1, 120, 10, "AAC")),
        shared(2, 90, 10, "AAC"),
    ]
    labels = ["GCTGATTACG", "TAL1_known1", "GATA_disc1", "GAATA", "GATA_disc1", "TAL1_known1", "TAL1_known1"]
    others = [(explained(name), name) for name in ("one", "other", "a third")]
    figure = plot_shared(explained("query"), others, both, "0", labels)
    figure.draw_without_rendering()
    colours = {}
    for ax in figure.axes:
        boxes = [(text, text.get_window_extent()) for text in ax.texts]
        for (_, first), (_, second) in itertools.combinations(boxes, 2):
            assert not first.overlaps(second)
        here = {}
        for text, _ in boxes:
            here.setdefault(text.get_text().removesuffix(" \u25b6"), to_hex(text.get_color()))
        assert len(set(here.values())) == len(here)
        for label, colour in here.items():
            colours.setdefault(label, set()).add(colour)
    assert set(colours) == set(labels)
    assert all(len(found) == 1 for found in colours.values())
