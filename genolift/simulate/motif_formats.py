"""The text formats of motif collections, read strictly: every motif with its line, and what is wrong with it.

No library reads these formats as strictly as that. Biopython 1.85 rounds the probabilities of MEME's format to counts,
ends a matrix at the first line that it does not understand, and names neither line nor motif.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from genolift.sequence.alphabet import BASES
from genolift.simulate.motif_rows import read_rows
from genolift.simulate.motif_values import Entry, Line, numbers, probabilities_of
from genolift.support.errors import InputError

FORMATS = ("meme", "jaspar", "transfac", "homer")
# The field of a matrix line as MEME writes it: w= 7, nsites=20.
_FIELD = re.compile(r"(\w+)\s*=\s*(\S+)")
_MATRIX, _LOG_ODDS = "letter-probability matrix:", "log-odds matrix:"


def parse(text: str, form: str | None = None) -> list[Entry]:
    """Return the motifs of a text in their order, those that cannot be used with the reason.

    Parameters
    ----------
    text
        The text of the file.
    form
        One of ``FORMATS``. ``None`` (the default) recognises it by the content.

    Raises
    ------
    InputError
        If the whole text cannot be used: its alphabet is another one, or it may mean two things.
    """
    if form is not None and form not in FORMATS:
        raise InputError(f"{form!r} is no format of motifs; there are {', '.join(FORMATS)}")
    lines = [Line(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    first = next((line.text for line in lines if line.text), "")
    if form is None and first.startswith("<"):
        raise InputError("it is HTML or XML; the same motifs stand in the text output of the program, such as meme.txt")
    form = form or _recognised(lines)
    if form == "meme":
        return list(_meme(lines))
    if form == "transfac":
        return list(_transfac(lines))
    return read_rows(lines, form)


def _recognised(lines: list[Line]) -> str | None:
    """Return the format that the content shows; ``None`` is a row of numbers per base or per position."""
    if any(line.text.startswith(("MEME version", _MATRIX)) for line in lines):
        return "meme"
    return "transfac" if any(re.match(r"P[0O]\s", line.text) for line in lines) else None


@dataclass
class _Block:
    """The lines that follow the name of a motif in MEME's format."""

    names: tuple[str, ...]
    line: int
    lines: list[Line]


def _meme(lines: list[Line]) -> Iterator[Entry]:
    _check_alphabet(lines)
    for block in _blocks(lines):
        entry = Entry(block.names, block.line)
        if not block.names:
            yield replace(entry, names=("",), fault="the line MOTIF has no name behind it")
            continue
        starts = [i for i, line in enumerate(block.lines) if line.text.startswith(_MATRIX)]
        if len(starts) != 1:
            yield replace(entry, fault=_without_matrix(block, len(starts)))
            continue
        try:
            yield replace(entry, matrix=_meme_matrix(block.lines[starts[0]], block.lines[starts[0] + 1 :]))
        except InputError as problem:
            yield replace(entry, fault=str(problem))


def _blocks(lines: list[Line]) -> Iterator[_Block]:
    block = None
    for line in lines:
        if re.match(r"MOTIF(\s|$)", line.text):
            if block is not None:
                yield block
            block = _Block(tuple(line.text.split()[1:3]), line.number, [])
        elif block is not None:
            block.lines.append(line)
        elif line.text.startswith(_MATRIX):
            raise InputError(f"line {line.number}: a matrix stands here without a line MOTIF that names it")
    if block is not None:
        yield block


def _without_matrix(block: _Block, count: int) -> str:
    if count:
        return f"it has {count} letter-probability matrices"
    if any(line.text.startswith(_LOG_ODDS) for line in block.lines):
        return "it has a log-odds matrix and no letter-probability matrix; probabilities are needed"
    return "it has no letter-probability matrix"


def _meme_matrix(head: Line, lines: list[Line]) -> np.ndarray:
    """Return the probabilities that follow the line which begins a matrix."""
    told = dict(_FIELD.findall(head.text))
    if told.get("alength", "4") != "4":
        raise InputError(f"line {head.number}: alength= is {told['alength']}; DNA has 4 letters")
    width = told.get("w")
    if width is not None and (not width.isdecimal() or int(width) == 0):
        raise InputError(f"line {head.number}: w= is {width}, which is no number of positions")
    if not re.fullmatch(r"[-+.\deE]+", told.get("nsites", "0")) or numbers([told.get("nsites", "0")]) is None:
        raise InputError(f"line {head.number}: nsites= is {told['nsites']}, which is no number of sites")
    rows = _rows_after(head, lines, None if width is None else int(width))
    return probabilities_of(
        np.array([numbers(line.text.split()) for line in rows]), rows, "MEME's format holds probabilities"
    )


def _rows_after(head: Line, lines: list[Line], width: int | None) -> list[Line]:
    """Return the lines of a matrix: as many as its header promises, or else all up to a blank line or another part."""
    rows: list[Line] = []
    for line in lines:
        if len(rows) == width:
            if numbers(line.text.split()):
                raise InputError(f"line {line.number}: there are more rows than w= {width} in line {head.number}")
            if line.text:
                break
            continue
        if re.match(r"URL(\s|$)|-{5}|\*{5}", line.text) or (not line.text and rows and width is None):
            break
        if line.text and len(numbers(line.text.split()) or []) != 4:
            raise InputError(f"line {line.number}: {line.text!r} is not four numbers")
        if line.text:
            rows.append(line)
    if not rows or (width is not None and len(rows) < width):
        promised = "" if width is None else f", and w= {width} in line {head.number}"
        raise InputError(f"its matrix has {len(rows)} rows{promised}")
    return rows


def _check_alphabet(lines: list[Line]) -> None:
    """Raise unless the alphabet is that of DNA: no protein, no RNA, and no letters for modified bases."""
    for i, line in enumerate(lines):
        if not line.text.startswith("ALPHABET"):
            continue
        rest = line.text.removeprefix("ALPHABET").strip()
        if rest.startswith("="):
            letters = rest[1:].strip()
            if letters != BASES:
                raise InputError(f"line {line.number}: its alphabet is {letters}, not {BASES}")
            return
        # A block gives a letter in each line, as: A "Adenine" CC0000 ~ T "Thymine" 0000CC. Lines with = are ambiguous.
        core: set[str] = set()
        for other in lines[i + 1 :]:
            if other.text.startswith("END ALPHABET"):
                break
            if other.text.startswith(("MOTIF", _MATRIX)):
                raise InputError(f"line {line.number}: ALPHABET begins here, and no END ALPHABET follows")
            plain = re.sub(r'"[^"]*"', "", other.text)
            if plain and not plain.startswith("#") and "=" not in plain:
                core |= {part.split()[0] for part in plain.split("~") if part.split()}
        if core and core != set(BASES):
            strange = ", ".join(sorted(core ^ set(BASES)))
            raise InputError(
                f"line {line.number}: its alphabet {rest} is not {BASES}; the difference is {strange}. "
                "Motifs of modified bases cannot be used"
            )
        if not core and not rest.startswith('"DNA"'):
            raise InputError(f"line {line.number}: its alphabet is {rest}, not {BASES}")
        return


def _transfac(lines: list[Line]) -> Iterator[Entry]:
    """Read TRANSFAC's format, where each line begins with a key and ``//`` ends a motif."""
    names, rows, head, begun = dict[str, str](), list[Line](), None, 0
    for line in [*lines, Line(len(lines) + 1, "//")]:
        key, _, value = line.text.partition(" ") if "\t" not in line.text else line.text.partition("\t")
        if key == "//":
            if head is not None or {"AC", "ID", "NA"} & names.keys():
                yield _transfac_entry(names, begun, head, rows)
            names, rows, head, begun = {}, [], None, 0
        elif key in ("AC", "ID", "NA"):
            names.setdefault(key, value.strip())
            begun = begun or line.number
        elif key in ("P0", "PO"):
            head, begun = line, begun or line.number
        elif key.isdecimal() and head is not None:
            rows.append(line)


def _transfac_entry(names: dict[str, str], begun: int, head: Line | None, rows: list[Line]) -> Entry:
    entry = Entry(tuple(names[key] for key in ("AC", "ID", "NA") if names.get(key)) or ("",), begun)
    try:
        if head is None or not rows:
            raise InputError("it has no matrix")
        letters = head.text.split()[1:5]
        if sorted(letters) != sorted(BASES):
            raise InputError(f"line {head.number}: the columns are {' '.join(letters)}, not A C G T")
        first, matrix = int(rows[0].text.split()[0]), []
        for i, line in enumerate(rows):
            place, *fields = line.text.split()
            if first > 1 or int(place) != first + i:
                raise InputError(f"line {line.number}: position {place} stands where {first % 2 + i} was expected")
            row = numbers(fields[:4])
            if row is None or len(row) != 4 or len(fields) > 5:
                raise InputError(f"line {line.number}: {line.text!r} is not a position and four numbers")
            matrix.append([row[letters.index(base)] for base in BASES])
        return replace(entry, matrix=probabilities_of(np.array(matrix), rows))
    except InputError as problem:
        return replace(entry, fault=str(problem))
