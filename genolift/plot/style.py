"""The style of all pictures, and how they are saved.

The same picture always gives the same bytes, and Matplotlib's global settings are left as they were.
"""

from __future__ import annotations

import io
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure

from genolift.support.errors import InputError, Remedy, setting
from genolift.support.files import write_whole

BASES = {"A": "#109648", "C": "#255c99", "G": "#f0a30a", "T": "#d62839", "N": "#8a8f98"}
# Okabe and Ito's colours, which colour-blind readers can tell apart.
PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6a3d9a"]
QUIET, INK = "#b5b9c0", "#22262b"
#: In every picture and page blue raises or is positive, and orange lowers or is negative.
RAISES, LOWERS = PALETTE[:2]
#: The colours of heat maps with signs, white at 0 where the limits are as far below 0 as above.
SIGNED = LinearSegmentedColormap.from_list("signed", [LOWERS, "white", RAISES])
#: The colours of heat maps of numbers that are never negative.
UNSIGNED = LinearSegmentedColormap.from_list("unsigned", ["white", RAISES])
#: The label of an axis that does not show places of the genome, which count from 1 as in VCF.
POSITION = "bp from the start of the sequence (0-based)"
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "text.color": INK,
    "text.parse_math": False,  # A name with dollar signs is a name, and not mathematics.
    "axes.labelcolor": INK,
    "svg.hashsalt": "genolift",
    "pdf.fonttype": 42,  # Letters stay text that can be edited, and the font is in the file.
}
_METADATA = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
KINDS = tuple(_METADATA)
_GROWING = 12  # times that a picture grows, to fifteen times its size at most
_COLLAPSED = "constrained_layout not applied"  # how Matplotlib's warning begins
_WORDS = {
    "deeplift": "DeepLIFT",
    "revealcancel": "RevealCancel",
    "x": "×",
    "lrp": "LRP",
    "shap": "SHAP",
    "lime": "LIME",
    "ism": "ISM",
    "sis": "SIS",
    "cam": "CAM",
    "grad-cam": "Grad-CAM",
    "smoothgrad": "SmoothGrad",
    "deconvnet": "DeconvNet",
    "patternnet": "PatternNet",
}


class Picture(Figure):
    """A figure that is made without pyplot and still shown by notebooks."""

    #: Whether the user gave its size. A picture of another size grows until there is room for the words around it.
    has_given_size = False

    def _repr_png_(self) -> bytes:
        return render(self, "png")


@contextmanager
def drawing() -> Iterator[None]:
    """Use Matplotlib's defaults with our style for a while, and restore the user's settings afterwards."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def render(figure: Figure, kind: str, dpi: int = 150) -> bytes:
    """Return a figure as the bytes of a file, which are the same for the same figure.

    Parameters
    ----------
    figure
        The figure.
    kind
        The kind of file: ``"png"``, ``"svg"`` or ``"pdf"``.
    dpi
        The resolution in dots per inch; 150 by default.

    Raises
    ------
    InputError
        For another kind of file, or if the user gave a size that is too small for the words around the axes.
    """
    if kind not in KINDS:
        raise InputError(f"pictures are written as {', '.join(KINDS)}, not as {kind or 'a file without suffix'!r}")
    for _ in range(_GROWING):
        try:
            return _rendered(figure, kind, dpi)
        except UserWarning as problem:
            if not str(problem).startswith(_COLLAPSED):
                raise
        if getattr(figure, "has_given_size", True):
            sizes = map(setting, ("width", "row_height"))
            raise InputError(
                "the picture is too small for the words around it", Remedy.naming("give more {} or {}", *sizes)
            )
        width, height = figure.get_size_inches()
        figure.set_size_inches(1.25 * width, 1.25 * height)
    return _rendered(figure, kind, dpi, "ignore")  # The words are longer than any picture, and overlap.


def _rendered(figure: Figure, kind: str, dpi: int, without_room: Literal["error", "ignore"] = "error") -> bytes:
    """Return a figure as the bytes of a file. Matplotlib warns if the words around the axes leave them no room."""
    buffer = io.BytesIO()
    with drawing(), warnings.catch_warnings():
        warnings.filterwarnings(without_room, _COLLAPSED, UserWarning)
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=_METADATA[kind], facecolor="white")
    return buffer.getvalue()


def save_figure(figure: Figure, *paths: str | os.PathLike, dpi: int = 150) -> None:
    """Write a figure to files, each of which appears whole or not at all.

    Parameters
    ----------
    figure
        The figure.
    *paths
        The files, whose suffixes (.png, .svg, .pdf) say in which form it is written.
    dpi
        The resolution in dots per inch; 150 by default.

    Raises
    ------
    InputError
        For another suffix.
    FileProblem
        If a file cannot be written.
    """
    for path in map(Path, paths):
        write_whole(path, render(figure, path.suffix.lower().lstrip("."), dpi))


def by_sign(values: np.ndarray) -> np.ndarray:
    """Return a colour for each number: orange where it is negative, and blue elsewhere."""
    return np.where(np.asarray(values) < 0, LOWERS, RAISES)


def ink_on(colour: Any) -> str:
    """Return the colour of text, dark or white, that has more contrast with a background."""
    light, dark = _luminance(colour), _luminance(INK)
    return "white" if 1.05 / (light + 0.05) > (light + 0.05) / (dark + 0.05) else INK


def _luminance(colour: Any) -> float:
    """Return the relative luminance of a colour as WCAG 2 defines it."""
    rgb = np.array(to_rgb(colour))
    return float(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])


def method_label(name: str) -> str:
    """Return the name of a method as people write it: ``deeplift-rescale`` becomes ``DeepLIFT rescale``."""
    words = [_WORDS.get(word, word) for word in re.split("-(?!cam)", name)]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])
