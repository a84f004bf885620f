"""Pictures of designs: which bases are edited, and what that does to the prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from genolift.plot.style import BASES, INK, POSITION, QUIET, Picture, drawing
from genolift.results.explanation import Explanation
from genolift.results.kinds import DesignExplanation
from genolift.support.errors import InputError

# Names of edits stand at so many heights, so that neighbours can be read.
_HEIGHTS = 4


def plot_designs(explanation: Explanation, i: int | str = 0, target: Any = None) -> Figure:
    """Draw the edits of each solution of a sequence, with the prediction before and after.

    Parameters
    ----------
    explanation
        The result of the method minimal-change.
    i
        The sequence, by number or name. The default is the first.
    target
        Which target, if several were explained.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    InputError
        If the explanation is of another method, or there is no such sequence.
    """
    if not isinstance(explanation, DesignExplanation):
        raise InputError("a picture of designs needs the result of the method minimal-change")
    one = explanation[i].for_target(target)
    count = np.asarray(one.reached).shape[1]
    length = np.asarray(one.inputs).shape[1]
    with drawing():
        figure = Picture(figsize=(9.0, 0.7 + 1.15 * count), layout="constrained")
        axes = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
        for k, ax in enumerate(axes):
            ax.axhline(0, color=QUIET, linewidth=3, solid_capstyle="butt")
            for number, edit in enumerate(one.edits(0, k)):
                height = 1 + number % _HEIGHTS
                colour = BASES.get(edit.after, INK)
                ax.plot([edit.position] * 2, [0, height], color=colour, linewidth=1.2)
                label = {"insertion": f"+{edit.after}", "deletion": f"−{edit.before}"}.get(
                    edit.kind, f"{edit.before}→{edit.after}"
                )
                # The stems of the next edits would cross out a label that has no edge.
                edge = [withStroke(linewidth=2.5, foreground="white")]
                style = {"color": colour, "va": "center", "fontsize": 8, "fontweight": "bold", "path_effects": edge}
                ax.text(edit.position, height, f" {label}", zorder=3, **style)
            ax.set_ylim(-0.5, _HEIGHTS + 0.8)
            ax.set_yticks([])
            ax.spines["left"].set_visible(False)
            told = "reached" if np.asarray(one.reached)[0, k] else "not reached"
            before, after, goal = (
                float(value) for value in (one.predictions[0], np.asarray(one.design_predictions)[0, k], one.goal[0])
            )
            edits = int(np.asarray(one.edit_count)[0, k])
            ax.set_title(
                f"solution {k + 1}: {edits} edit{'' if edits == 1 else 's'}, prediction {before:.3g} → {after:.3g} "
                f"(goal {goal:.3g}, {told})",
                loc="left",
            )
        axes[-1].set_xlim(-0.01 * length, 1.03 * length)
        axes[-1].set_xlabel(POSITION)
        figure.suptitle(str(one.names[0]), x=0.01, ha="left", fontsize=10.5)
    return figure
