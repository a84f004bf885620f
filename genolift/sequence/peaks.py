"""Summits of peaks: which column of a BED file holds them, decided by what the file holds and not by its width."""

from __future__ import annotations

import re
from collections.abc import Sequence

from genolift.support.errors import InputError, Remedy, setting

_COLUMN = 9  # column 10 of narrowPeak
_WHOLE = re.compile(r"-?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?inf(inity)?|nan", re.IGNORECASE)
_LIST = re.compile(r"(-?\d+,)*-?\d+,?")
#: How many lines are looked at before the column is decided.
LOOKED_AT = 1000
# A file of summits may hold a few lines that are malformed. Where more of them contradict, it holds something else.
_MALFORMED = 0.1


def check_choice(summits: str) -> None:
    """Raise :class:`InputError` unless ``summits`` is ``auto``, ``none`` or the number of a column from 4 on."""
    if summits not in ("auto", "none") and not (summits.isdecimal() and int(summits) > 3):
        raise InputError(f"summits are 'auto', 'none' or the number of a column from 4 on, not {summits!r}")


def summit_column(lines: Sequence[Sequence[str]], path: object, summits: str = "auto") -> int | None:
    """Return the index of the column that holds summits, as offsets from the start; ``None`` for no such column.

    Lines are narrowPeak if they have the columns of that format, however many follow: a strand, three numbers, and an
    offset that lies inside the region. The blocks of BED12 are no summits.

    Parameters
    ----------
    lines
        The fields of the first lines of the file, up to ``LOOKED_AT``.
    path
        The file, for messages.
    summits
        ``"auto"`` decides by the content, ``"none"`` says that there are no summits, and a number names the column.

    Raises
    ------
    InputError
        If column 10 may hold summits or something else, such as the distance that ``bedtools closest`` writes.
    """
    check_choice(summits)
    if summits == "none":
        return None
    if summits != "auto":
        column = int(summits) - 1
        if not any(len(fields) > column for fields in lines):
            raise InputError(f"{path} has no column {summits}, which was named for summits")
        return column
    # Lines with fewer columns are regions without a summit.
    regions = [fields for fields in lines if _is_region(fields) and len(fields) > _COLUMN and fields[_COLUMN].strip()]
    shaped = [fields for fields in regions if _has_shape(fields)]
    if all(int(fields[_COLUMN]) == -1 for fields in shaped):
        return None
    others = len(regions) - len(shaped)
    if others > 1 and others > _MALFORMED * len(regions):
        raise _unclear(path, f"{len(shaped):,} of {len(regions):,} lines look like narrowPeak, and the others do not")
    outside = [fields for fields in shaped if not _inside(fields)]
    if len(outside) > 1 and len(outside) > _MALFORMED * len(shaped):
        told = f"in {len(outside):,} of {len(shaped):,} lines it lies outside the region, such as {outside[0][_COLUMN]}"
        raise _unclear(path, told)
    if _is_named_so(path):
        return _COLUMN
    if all(_is_interval(fields) for fields in shaped):
        raise _unclear(path, "columns 7 to 9 look like a second region, so that it may be a distance")
    if all(_is_thick(fields) for fields in shaped):
        raise _unclear(path, "columns 7 to 9 look like those of BED9")
    if len(shaped) > 1 and all(int(fields[_COLUMN]) < 1 for fields in shaped):
        raise _unclear(path, "it is 0 or -1 in every line, so that it may be a distance")
    return _COLUMN


def offset_of(fields: Sequence[str], column: int | None, size: int) -> int:
    """Return the offset of a line's summit from its start; -1 if there is none.

    Raises
    ------
    InputError
        If the column does not hold an offset within the ``size`` bases of the region.
    """
    if column is None:
        return -1
    what = f"summit (column {column + 1})"
    text = fields[column].strip() if column < len(fields) else ""
    if not text:
        return -1
    if not _WHOLE.fullmatch(text):
        raise InputError(f"{what} is {text!r}, not a whole number", _naming(column))
    if not -1 <= int(text) < size:
        raise InputError(f"{what} is {text}, outside the region of {size} bases", _naming(column))
    return int(text)


def _naming(column: int) -> Remedy:
    text = f"{{}} centres on the middle, where column {column + 1} holds something else"
    return Remedy.naming(text, setting("summits", "none"))


def _unclear(path: object, told: str) -> InputError:
    decide = Remedy.naming(
        "{} takes column 10 as summits, {} centres on the middle", setting("summits", "10"), setting("summits", "none")
    )
    return InputError(f"{path}: it is not clear whether column 10 holds summits; {told}", decide)


def _is_named_so(path: object) -> bool:
    return str(path).lower().removesuffix(".gz").removesuffix(".bgz").endswith(".narrowpeak")


def _is_region(fields: Sequence[str]) -> bool:
    return len(fields) > 2 and all(_WHOLE.fullmatch(field.strip()) for field in fields[1:3])


def _has_shape(fields: Sequence[str]) -> bool:
    """Return whether a line has the columns of narrowPeak. A point stands for what is not known."""
    texts = [field.strip() for field in fields]
    if len(texts) <= _COLUMN or texts[5] not in ("+", "-", ".") or not _WHOLE.fullmatch(texts[_COLUMN]):
        return False
    if not all(text == "." or _FLOAT.fullmatch(text) for text in (texts[4], *texts[6:9])):
        return False
    return not (len(texts) > 11 and _is_blocks(texts))


def _is_blocks(texts: Sequence[str]) -> bool:
    """Return whether columns 10 to 12 are the blocks of BED12: their number, sizes and starts."""
    sizes, starts = texts[10], texts[11]
    count = int(texts[_COLUMN])
    return (
        all(_LIST.fullmatch(text) and len(text.rstrip(",").split(",")) == count for text in (sizes, starts))
        and starts.split(",")[0] == "0"
    )


def _inside(fields: Sequence[str]) -> bool:
    return -1 <= int(fields[_COLUMN]) < int(fields[2]) - int(fields[1])


def _is_interval(fields: Sequence[str]) -> bool:
    """Return whether columns 7 to 9 are a chromosome, whose name is a number, with a start and an end, or none."""
    chrom, start, end = (field.strip() for field in fields[6:9])
    if (chrom, start, end) == (".", "-1", "-1"):
        return True
    if not all(_WHOLE.fullmatch(text) for text in (chrom, start, end)):
        return False
    return chrom == fields[0].strip() and 0 <= int(start) < int(end)


def _is_thick(fields: Sequence[str]) -> bool:
    """Return whether columns 7 to 9 are the thick part and the colour of BED9."""
    first, last = (field.strip() for field in fields[6:8])
    if not (_WHOLE.fullmatch(first) and _WHOLE.fullmatch(last)):
        return False
    return int(fields[1]) <= int(first) <= int(last) <= int(fields[2]) and int(last) > 0
