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


def subjects() -> list[dict]:
    """Return the subjects of `errors.toml`."""
    with open(HERE / "errors.toml", "rb") as file:
        return tomllib.load(file)["subject"]


def sorted_out(found: list[Message], known: list[dict]) -> dict[str, dict[str, list[str]]]:
    """Return the texts by the title of their subject and their class; a module in no subject is in that of ""."""
    out: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in found:
        exact = [subject for subject in known if one.module in subject["modules"]]
        titles = exact or [subject for subject in known if any(fnmatch(one.module, p) for p in subject["modules"])]
        texts = out[titles[0]["title"] if titles else ""][one.kind]
        if one.text not in texts:
            texts.append(one.text)
    return out


def page() -> Iterator[str]:
    """Yield the parts of the page."""
    known = subjects()
    found = sorted_out(messages(), known)
    yield _INTRODUCTION.rstrip()
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
