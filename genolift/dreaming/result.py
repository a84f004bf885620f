"""What was dreamt: the relaxed optima, the sequences nearest to them, and what is to be thought of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from genolift.dreaming.realism import Realism
from genolift.sequence.alphabet import letters, one_hot
from genolift.support import drawings


@dataclass(frozen=True, eq=False)
class Dream:
    """The sequences that maximise a target, a unit or a filter, one for each start, the best first.

    Parameters
    ----------
    subject
        What was maximised.
    starts
        The number of each start, (S,).
    relaxed
        The relaxed optima, (S, L, 4): a distribution over A, C, G and T at each position.
    relaxed_values
        What was maximised, at the relaxed optima, (S,).
    codes
        The sequences of the most probable bases, as codes (S, L).
    values
        What was maximised, at these sequences, (S,). They are in falling order.
    outputs
        The model's own numbers at these sequences, (S,), behind a sigmoid, softmax or ReLU that was looked through.
    importance
        The importance of each base of the sequences, (S, L): the slope of what was maximised with respect to the base
        that is there, less the mean slope of the four bases at that position.
    expert
        log p of the sequences under the expert, (S,) in nats; None without an expert.
    realism
        Where the sequences lie among real ones; None without real sequences.
    history
        The parts of the objective before each step and at the end, (steps + 1, S) each.
    position_distances
        The share of positions at which two of the sequences differ, (S, S).
    word_distances
        1 less the Jaccard index of the words of six bases of two of the sequences, (S, S).
    settings
        What was asked for.
    """

    subject: str
    starts: np.ndarray
    relaxed: np.ndarray
    relaxed_values: np.ndarray
    codes: np.ndarray
    values: np.ndarray
    outputs: np.ndarray
    importance: np.ndarray
    expert: np.ndarray | None
    realism: Realism | None
    history: Mapping[str, np.ndarray]
    position_distances: np.ndarray
    word_distances: np.ndarray
    settings: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def sequences(self) -> list[str]:
        """The sequences as texts."""
        return [letters(row) for row in self.codes]

    @property
    def X(self) -> np.ndarray:
        """The sequences as one-hot DNA, (S, L, 4)."""
        return one_hot(self.sequences)

    @property
    def lost(self) -> np.ndarray:
        """What the sequences lack of the relaxed optima's values, (S,); below 0 where they have more."""
        return self.relaxed_values - self.values

    def columns(self) -> dict[str, np.ndarray]:
        """Return the numbers of each start (S,) by their names, as they stand in the table.

        Returns
        -------
        dict of str to np.ndarray
            The columns, in order.
        """
        told = {
            "start": self.starts,
            "relaxed": self.relaxed_values,
            "discrete": self.values,
            "lost": self.lost,
            "output": self.outputs,
        }
        if self.expert is not None:
            told["log_density"] = self.expert
        if self.realism is not None:
            told |= {
                "realism": self.realism.log_density,
                "realism_percentile": self.realism.percentile,
                "realism_p": self.realism.p,
            }
        if len(self) > 1:
            told["positions_apart"] = _mean_of_others(self.position_distances)
            told["words_apart"] = _mean_of_others(self.word_distances)
        return told

    def to_tsv(self) -> str:
        """Return a table with a row for each start.

        Returns
        -------
        str
            The columns of :meth:`columns`, and the sequence.
        """
        columns = self.columns()
        lines = ["\t".join([*columns, "sequence"])]
        for row, sequence in zip(zip(*columns.values(), strict=True), self.sequences, strict=True):
            lines.append("\t".join([*(f"{value:.6g}" for value in row), sequence]))
        return "\n".join(lines) + "\n"

    def to_fasta(self) -> str:
        """Return the sequences in FASTA, named by their starts, with their values.

        Returns
        -------
        str
            The text.
        """
        told = zip(self.starts, self.values, self.sequences, strict=True)
        return "".join(f">dream_{start} {value:.6g}\n{sequence}\n" for start, value, sequence in told)

    def plot(self, i: int = 0, **options: Any) -> Any:
        """Draw a relaxed optimum as a logo, above the sequence nearest to it.

        Parameters
        ----------
        i
            Which of the starts, 0 being the best.
        **options
            The options of :func:`genolift.plot.dreams.optimum.plot_dream`.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.
        """
        return drawings.draw(self, drawings.PLOT, i, **options)

    def plot_starts(self) -> Any:
        """Draw all starts: how they climbed, what discretising lost, how real they are, and how far apart.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.
        """
        return drawings.draw(self, drawings.MAP)


def _mean_of_others(distances: np.ndarray) -> np.ndarray:
    means: np.ndarray = distances.sum(1) / (len(distances) - 1)
    return means
