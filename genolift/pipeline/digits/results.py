"""What the comparison on digits leaves: two tables, three pictures and a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from genolift.evaluate.sanity.summary import Estimate, estimate
from genolift.pipeline.digits.images import BUNDLED, CLASSES, DOWNLOAD, Images
from genolift.pipeline.digits.unit import choose_images
from genolift.plot.images.digits import PAIRS, conversion_boxes, conversion_maps, deletions
from genolift.plot.page import Image, Section, Table, data_uri, page_of, render_page
from genolift.plot.style import method_label, render, save_figure
from genolift.support.errors import InputError
from genolift.support.files import write_whole

TABLE, METRICS, PAGE = "digits.csv", "metrics.csv", "index.html"
#: The pictures by their names, without suffix, and what stands below them on the page.
PICTURES = {
    "figure4a": "One image, the scores of its pixels for each class, and the image after deletion. What was deleted is "
    "pale. The numbers are changes in log-odds. The scores of a row share a scale, blue for and orange against.",
    "figure4b": "Changes in log-odds for the paper's four conversions. The line is the median and the dot the mean.",
    "all_pairs": "The mean change for every source and target.",
}
#: In the table, the rows of a method over all pairs.
ALL = "all"
_SUFFIXES = (".png", ".svg")
_SOURCE, _TARGETS = PAIRS[0][0], (PAIRS[0][1], PAIRS[1][1])
_METRICS = {
    "flipping": (
        "Pixel flipping",
        "How much further the log-odds of an image's own digit fall when its pixels of highest score are deleted than "
        "when random ones are, as a mean over 2 to 50 % of the pixels. More is better. It cannot tell a wrong "
        "explanation from pixels that only matter together, and most random pixels hold no ink.",
    ),
    "continuity": (
        "Continuity",
        "The correlation of the scores with those of the image moved by one pixel, pixel by pixel of the image. More "
        "is better. It cannot tell an unsteady explanation from a network that itself reads the moved image "
        "differently, as one with strides does. Images whose ink the shift would cut off do not count.",
    ),
}


class Judged(NamedTuple):
    """What each measure says of the images under one method; see :func:`genolift.pipeline.digits.unit`."""

    change: np.ndarray
    flipping: np.ndarray
    continuity: np.ndarray
    scores: np.ndarray
    seconds: float


def stage_name(entry: str) -> str:
    """Return the name of the stage that judges a method."""
    return f"judge-{_safe(entry)}"


def judged_file(entry: str) -> str:
    """Return the file in the work directory that holds what was measured of a method."""
    return f"judged-{_safe(entry)}.npz"


def _safe(entry: str) -> str:
    """Return an entry's name as a part of a file's name: references may be paths."""
    return "".join(one if one.isalnum() or one in "-@." else f"%{ord(one):x}" for one in entry)


def write(
    work: Path, data: str, images: Images, entries: list[str], most: int, told: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Write tables, pictures and the page into the work directory, and return the names of the files.

    Parameters
    ----------
    work
        The directory with what the stages left.
    data
        The images, as the user named them.
    images
        The images.
    entries
        The names of the methods.
    most
        How many test images of each digit were explained at most.
    told
        What each stage returned, by its name.

    Raises
    ------
    InputError
        If every method was refused.
    """
    shown, labels = choose_images(images, most)
    refused = {name: told[stage_name(name)]["refused"] for name in entries if "refused" in told[stage_name(name)]}
    judged = {
        name: _read(work / judged_file(name), told[stage_name(name)]["seconds"])
        for name in entries
        if name not in refused
    }
    if not judged:
        first = next(iter(refused))
        raise InputError(f"no method explains the digits; {first} says: {refused[first]}")
    table = conversion_table(judged, labels)
    metrics = metric_table(judged)
    for name, frame in ((TABLE, table), (METRICS, metrics)):
        frame.to_csv(work / name, index=False, lineterminator="\n", float_format="%.5g")
    figures = _figures(judged, shown, labels)
    for name, figure in figures.items():
        save_figure(figure, *(work / f"{name}{suffix}" for suffix in _SUFFIXES))
    warned = {name: told[stage_name(name)]["warned"] for name in judged if "warned" in told[stage_name(name)]}
    sections = [
        *_conversions(table, figures),
        *_metrics(metrics),
        _network(told["train"]),
        *_remarks("What was refused", "These methods do not take these images or this network.", refused),
        *_remarks("Warnings", "The first warning of each method that gave any.", warned),
    ]
    source = {BUNDLED: "scikit-learn's 8 × 8 digits", DOWNLOAD: "MNIST"}.get(data, Path(data).name)
    subtitle = f"{source}: {len(labels):,} test images, {len(judged)} methods, references of zeros unless named."
    page = page_of("Which pixels make one digit of another?", subtitle, sections)
    write_whole(work / PAGE, render_page(page).encode())
    return [TABLE, METRICS, *(f"{name}{suffix}" for name in figures for suffix in _SUFFIXES), PAGE]


def conversion_table(judged: Mapping[str, Judged], labels: np.ndarray) -> pd.DataFrame:
    """Return a row for each method and pair of digits: the mean change in log-odds, with its bootstrap interval.

    ``behind``, with an interval of its own, is the change less that of the method whose mean is the largest, on the
    same images. It is empty for this one. The rows whose source and target are ``"all"`` are means over images of each
    image's mean over its nine targets. ``seconds`` is how long the method took to explain all images for all digits.
    """
    pairs = [(source, target) for source in range(CLASSES) for target in range(CLASSES) if source != target]
    places = [(ALL, ALL), *((str(source), str(target)) for source, target in pairs)]
    changes = {
        name: [np.nanmean(one.change, axis=1), *(one.change[labels == source, target] for source, target in pairs)]
        for name, one in judged.items()
    }
    best = [max(changes, key=lambda name: np.nanmean(changes[name][k])) for k in range(len(places))]
    rows = []
    for name, one in judged.items():
        for k, (source, target) in enumerate(places):
            value = changes[name][k]
            found = estimate(value)
            behind = Estimate(np.nan, np.nan, np.nan, 0) if name == best[k] else estimate(value - changes[best[k]][k])
            rows.append(
                {
                    "method": name,
                    "source": source,
                    "target": target,
                    "change": found.value,
                    "low": found.low,
                    "high": found.high,
                    "behind": behind.value,
                    "behind_low": behind.low,
                    "behind_high": behind.high,
                    "n": found.n,
                    "seconds": one.seconds,
                }
            )
    return pd.DataFrame(rows)


def metric_table(judged: Mapping[str, Judged]) -> pd.DataFrame:
    """Return a row for each method and metric, with the mean over images and its bootstrap interval."""
    rows = []
    for name, one in judged.items():
        for metric in _METRICS:
            found = estimate(getattr(one, metric))
            rows.append({"method": name, "metric": metric, "value": found.value, "low": found.low, "high": found.high,
                         "n": found.n})  # fmt: skip
    return pd.DataFrame(rows)


def telling_image(judged: Mapping[str, Judged], labels: np.ndarray) -> int:
    """Return the image that figure 4A shows.

    As in the paper, it is the image of an 8 that other methods than DeepLIFT change most into a 6. Where only DeepLIFT
    is compared, it is the one that this changes most.
    """
    others = [one for name, one in judged.items() if not name.startswith("deeplift")] or list(judged.values())
    best = np.max([one.change[:, _TARGETS[1]] for one in others], axis=0)
    return int(np.where(labels == _SOURCE, best, -np.inf).argmax())


def _read(path: Path, seconds: float) -> Judged:
    with np.load(path) as held:
        return Judged(held["change"], held["flipping"], held["continuity"], held["scores"], seconds)


def _figures(judged: Mapping[str, Judged], images: np.ndarray, labels: np.ndarray) -> dict[str, Figure]:
    i = telling_image(judged, labels)
    changes = {name: one.change for name, one in judged.items()}
    means = {
        name: np.stack([one[labels == digit].mean(axis=0) for digit in range(CLASSES)]) for name, one in changes.items()
    }
    scores = {name: one.scores[i] for name, one in judged.items()}
    drawn = (
        deletions(images[i], scores, _SOURCE, _TARGETS, {name: one[i] for name, one in changes.items()}),
        conversion_boxes(changes, labels, PAIRS),
        conversion_maps(means),
    )
    return dict(zip(PICTURES, drawn, strict=True))


def _conversions(table: pd.DataFrame, figures: Mapping[str, Figure]) -> list[Section]:
    text = (
        "From an image of one digit, the pixels that speak most for it and against another digit are deleted: up to "
        "20 % of the image, and only pixels whose score for the one exceeds that for the other. A good explanation "
        "finds those that move the network most towards the other digit, which is measured by the change in log-odds."
    )
    pairs = [(ALL, ALL), *((str(source), str(target)) for source, target in PAIRS)]
    each = table.set_index(["method", "source", "target"])
    rows = []
    for method in dict.fromkeys(table.method):
        cells = [each.loc[(method, *pair)] for pair in pairs]
        rows.append(
            [
                method_label(method),
                _interval(cells[0].change, cells[0].low, cells[0].high),
                _interval(cells[0].behind, cells[0].behind_low, cells[0].behind_high),
                *(_interval(one.change, one.low, one.high) for one in cells[1:]),
                f"{cells[0].seconds:.2g}",
            ]
        )
    head = [
        "Method",
        "all pairs",
        "less the best\non the same images",
        *(f"{source} → {target}" for source, target in PAIRS),
        "Seconds",
    ]
    caption = (
        "Mean change in log-odds with a bootstrap interval of 95 %. Whether a method is behind the best one is told by "
        f"their differences on the same images, whose interval is narrower. {TABLE} has every pair."
    )
    pictures = [Image(data_uri(render(figure, "png")), PICTURES[name]) for name, figure in figures.items()]
    return [Section("From one digit to another", text, [Table(head, rows, caption)], pictures)]


def _interval(value: float, low: float, high: float) -> str:
    return "" if np.isnan(value) else f"{value:.2f} ({low:.2f} to {high:.2f})"


def _metrics(metrics: pd.DataFrame) -> list[Section]:
    sections = []
    for metric, (title, meaning) in _METRICS.items():
        rows = [
            [method_label(row.method), f"{row.value:.3f}", f"{row.low:.3f} to {row.high:.3f}", f"{row.n:,}"]
            for row in metrics[metrics.metric == metric].itertuples()
        ]
        sections.append(Section(title, meaning, [Table(["Method", "Mean", "Interval of 95 %", "Images"], rows)]))
    return sections


def _network(training: Mapping[str, Any]) -> Section:
    text = (
        f"The network gets {training['test_accuracy']:.1%} of {training['test_images']:,} test images right. It is the "
        f"best of {training['epochs']} epochs by a tenth of the training images that was set aside. Images that it "
        "gets wrong are explained like all others."
    )
    return Section("The network", text)


def _remarks(title: str, text: str, remarks: Mapping[str, str]) -> list[Section]:
    if not remarks:
        return []
    rows = [[method_label(name), reason] for name, reason in remarks.items()]
    return [Section(title, text, [Table(["Method", "In its own words"], rows)])]
