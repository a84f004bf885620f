"""Write reference/errors.md: every error and warning, with its cause and its cure.

The messages are read off the package by `messages.py`, so that none is missing. Causes and cures stand in `errors.toml`.
The build of the site makes the page, which is not committed: a message has its only place in the code.
"""

from __future__ import annotations

import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE)]

from messages import Message, messages  # noqa: E402
from script_messages import script_messages  # noqa: E402

#: What each class of error is called on the page.
CLASSES = {
    "InputError": "what was given cannot be used",
    "ConfigError": "a configuration cannot be used",
    "FileProblem": "a file is in the way",
    "UnsupportedModel": "the model cannot be explained like this",
    "UndeclaredInputs": "the model does not declare its inputs",
    "NotFinite": "a prediction is not finite",
    "Undefined": "a field is not there",
    "UsageError": "options are missing or contradict each other",
    "GenoliftWarning": "a warning",
    "record": "why a record or line is not used",
    "page": "what the page itself says",
}

_INTRODUCTION = """# Errors and warnings

This page has every message of genolift with its cause and its cure. It is made by `docs/make_errors.py`; do not edit it.
Search the page for a few words of your message. Words in capitals stand for what differs from case to case, such as a
path or a number.

An error on the command line is one line on standard error, and the exit code is 2. In Python it is an exception: all of
these derive from `genolift.support.errors.GenoliftError`, and most are a `ValueError`, `TypeError` or `OSError` too.
Behind a semicolon stands the remedy, here in the words of the command line; in Python, `--force` is `force=True`. A
warning does not stop anything.

If you see a message that is not here, it comes from a library below genolift, such as TensorFlow or Keras.
"""


_FRAMES = """## Messages about one record or line

Where one record of a file cannot be used, the message begins with the file and the place of the record in it: the number
of the line, or of the record, both from 1. Behind that stands the reason. So

    peaks.bed, line 12: start 900 and end 300 are not a region: 0 <= start < end is needed

is the reason `start START and end END are not a region: 0 <= start < end is needed` of line 12. **Search this page for the
reason**, which is listed as it is, with its cause and its cure. The reasons stand below “why a record or line is not used”,
and below the errors of regions. Around them there can be the following, where UNIT is `line` or `record`:"""


def all_messages() -> list[Message]:
    """Return the messages of the package, and of the scripts of its pages."""
    return [*messages(), *script_messages()]


def subjects() -> list[dict]:
    """Return the subjects of `errors.toml`."""
    with open(HERE / "errors.toml", "rb") as file:
        return tomllib.load(file)["subject"]


def sorted_out(found: list[Message], known: list[dict]) -> dict[str, dict[str, list[str]]]:
    """Return the texts by the title of their subject and their class; a module in no subject is in that of ""."""
    out: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in found:
        if one.is_frame:
            continue  # The page explains them once for all.
        exact = [subject for subject in known if one.module in subject["modules"]]
        titles = exact or [subject for subject in known if any(fnmatch(one.module, p) for p in subject["modules"])]
        texts = out[titles[0]["title"] if titles else ""][one.kind]
        if one.text not in texts:
            texts.append(one.text)
    return out


def page() -> Iterator[str]:
    """Yield the parts of the page."""
    known = subjects()
    every = all_messages()
    found = sorted_out(every, known)
    yield _INTRODUCTION.rstrip()
    yield _FRAMES
    yield "\n".join(f"- {_code(text)}" for text in sorted({one.text for one in every if one.is_frame}))
    for subject in known:
        yield f"## {subject['title']}"
        for kind, title in CLASSES.items():
            if texts := found[subject["title"]].get(kind):
                told = subject[kind]
                yield f"### {subject['title']}: {title}"
                yield f"`{kind}`. **Cause.** {told['cause']}\n\n**Cure.** {told['cure']}"
                yield "\n".join(f"- {_code(text)}" for text in sorted(texts))


def _code(text: str) -> str:
    """Return a message as code, also where it holds backticks itself."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def main() -> None:
    """Write the page, unless it is there as it should be."""
    path, text = HERE / "reference" / "errors.md", "\n\n".join(page()) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
