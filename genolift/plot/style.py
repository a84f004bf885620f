"""One look for all pictures, and how they are saved: always the same bytes, no global state left changed."""

import io
from contextlib import contextmanager
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from genolift.support.errors import InputError
from genolift.support.files import write_whole

BASES = {"A": "#109648", "C": "#255c99", "G": "#f0a30a", "T": "#d62839", "N": "#8a8f98"}
# Okabe and Ito's colours, which colour-blind readers can tell apart.
PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6a3d9a"]
QUIET, INK = "#b5b9c0", "#22262b"
_STYLE = {
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
    "axes.labelcolor": INK,
    "svg.hashsalt": "genolift",
}
_METADATA = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
KINDS = tuple(_METADATA)
_WORDS = {
    "deeplift": "DeepLIFT",
    "revealcancel": "RevealCancel",
    "x": "×",
    "lrp": "LRP",
    "shap": "SHAP",
    "lime": "LIME",
}


class Picture(Figure):
    """A figure without pyplot that notebooks show all the same."""

    def _repr_png_(self) -> bytes:
        return render(self, "png")


@contextmanager
def drawing():
    """Matplotlib's defaults with our style inside, the user's settings again outside."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def render(figure: Figure, kind: str, dpi: int = 150) -> bytes:
    """A figure as the bytes of a PNG, SVG or PDF file, the same for the same figure."""
    if kind not in KINDS:
        raise InputError(f"pictures are written as {', '.join(KINDS)}, not as {kind or 'a file without suffix'!r}")
    buffer = io.BytesIO()
    with drawing():
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=_METADATA[kind], facecolor="white")
    return buffer.getvalue()


def save_figure(figure: Figure, *paths, dpi: int = 150) -> None:
    """Write a figure to files whose suffixes (.png, .svg, .pdf) say how; each appears whole or not at all."""
    for path in map(Path, paths):
        write_whole(path, render(figure, path.suffix.lower().lstrip("."), dpi))


def method_label(name: str) -> str:
    """A method's name for people: ``deeplift-rescale`` becomes ``DeepLIFT rescale``."""
    words = [_WORDS.get(word, word) for word in name.split("-")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])
