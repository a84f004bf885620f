"""Errors as the page tells them: by its own fields, and not by arguments of Python or options of a command."""

from __future__ import annotations

import re

from genolift.support.errors import GenoliftError, GenoliftWarning

#: What the page asks for by fields of its own.
_FIELDS = ("target", "method", "references")
#: The other options of `genolift explore`.
_TAKEN = {
    *("fasta", "regions", "motifs", "motif-format", "unknown", "seed", "memory", "port", "browser"),
    *("weights", "layers-from", "layout", "signature", "graph-input", "graph-output", "unsafe"),
}
_OPTION = re.compile(r"--([a-z][a-z-]*)")


def for_page(problem: GenoliftError | GenoliftWarning) -> str:
    """Return the sentence that the page shows of an error or a warning.

    Fields of the page are called so. Of an option that the page does not have, it is said which command takes it.
    """
    text = problem.for_command_line()
    for field in _FIELDS:
        text = re.sub(rf"--{field} (?=\S*[\d:])", f"{field} ", text)  # with a value, as in "target counts:0"
        text = re.sub(rf"--{field}\b", f"the field “{field}”", text)
    others = _OPTION.findall(text)
    if not others:
        return text
    if all(name in _TAKEN for name in others):
        return f"{text} (an option of `genolift explore`, which has to be started again)"
    return f"{text} (an option of `genolift explain`; this page has no field for it)"
