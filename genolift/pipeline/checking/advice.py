"""What to do next: the command and the lines of Python that explain this model."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import ClassVar

from genolift.methods.targets import Special, TargetLike
from genolift.pipeline.checking.finding import Finding
from genolift.pipeline.checking.kinds import Kinds
from genolift.pipeline.checking.outputs import text_of
from genolift.pipeline.checking.subject import Subject
from genolift.pipeline.checking.trial import Proof, Trial
from genolift.support.memory import parse_bytes

# Methods to fall back to, the best first.
_OTHERS = ("integrated-gradients", "ism", "gradient-x-input", "occlusion")


@dataclass(frozen=True)
class Source:
    """Where the model came from: its file, the options that it is read with, and sequences to explain, as texts."""

    path: str
    options: tuple[str, ...] = ()
    sequences: str = "sequences.fa"
    python: str = ""

    def read_with(self, layout: str) -> Source:
        """Return the same for a model that is read with a layout."""
        return replace(self, options=(*self.options, "--layout", layout), python=f"{self.python}, layout={layout!r}")


@dataclass(frozen=True)
class Advice(Finding):
    """What to do next, in a sentence or two, as a command and in Python. A command that cannot do it is empty."""

    title: ClassVar[str] = "Next"
    key: ClassVar[str] = "next"
    said: tuple[str, ...]
    command: str
    python: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return what is said, then the command or, where there is none, the lines of Python."""
        return [*self.said, *([self.command] if self.command else self.python)]


def advice(
    subject: Subject,
    source: Source | None,
    target: TargetLike,
    methods: Kinds,
    trial: Trial | None,
    proof: Proof | None,
) -> Advice:
    """Return what to do next with a model.

    Parameters
    ----------
    subject
        The model.
    source
        Its file; None for a model that was given in Python.
    target
        The target.
    methods
        Which methods can take it.
    trial, proof
        DeepLIFT's explanation and what it proves; None where there is none.
    """
    said: list[str] = []
    options: dict[str, str] = {}
    method = "deeplift"
    if trial is not None and trial.fallback:
        said.append("DeepLIFT has no rule for an operation of this model, so it is told to integrate that operation.")
        options["fallback"] = "integrated-gradients"
    if trial is None:
        method = next((name for name in _OTHERS if methods.takes(name)), "")
        if not method:
            return Advice(("No method can take this model as it is; the reasons above say what to change.",), "", ())
        said.append(f"DeepLIFT cannot take this model, but {method} can.")
    elif proof is not None and not proof.holds:
        said.append("Do not rely on these contributions. Step by step, --diagnose shows where the sum is lost.")
    if trial is not None and trial.memory > parse_bytes(None):
        options["memory"] = f"{trial.memory / 1e9:.3g}GB"
    scorable = len(subject.dna) == 1
    command, text = "", text_of(target)
    if source is not None and scorable and text is not None:
        words = ["genolift", "explain", source.path, source.sequences, *source.options]
        if subject.beside is None and len(subject.names) > 1:
            said.append(
                "Give the other inputs by --also: a file with a row for each record as here, a number, or zeros."
            )
            others = [name for i, name in enumerate(subject.names) if i not in subject.dna]
            words += [word for name in others for word in ("--also", f"{name}={name.replace('/', '_')}.npz")]
        words += ["--target", *text.split()]
        words += [] if method == "deeplift" else ["--method", method]
        words += [word for name, value in options.items() for word in (f"--{name}", value)]
        words += ["--diagnose"] if proof is not None and not proof.holds else ["--out", "scores.zarr"]
        command = shlex.join(words)
    elif source is not None and len(subject.dna) > 1:
        said.append("Several inputs have the shape of DNA; --input names the one that the command line scores.")
    elif source is not None and not scorable:
        said.append("The command line explains inputs of DNA. In Python, this model is explained so:")
    return Advice(tuple(said), command, _python(subject, source, target, method, options))


def _python(
    subject: Subject, source: Source | None, target: TargetLike, method: str, options: dict[str, str]
) -> tuple[str, ...]:
    shown = _code(target)
    given = "".join(f", {name}={value!r}" for name, value in options.items())
    if subject.references_in_python is not None:
        given += f", references={subject.references_in_python}"
    inputs = "X" if len(subject.names) == 1 else "{" + ", ".join(f"{name!r}: ..." for name in subject.names) + "}"
    make = "gl.DeepLift(model" if method == "deeplift" else f"gl.method({method!r}, model"
    made = f"{make}, {shown}{given})"
    load = [] if source is None else [f"model = gl.load_model({source.path!r}{source.python})"]
    return ("import genolift as gl", *load, f"result = {made}({inputs})")


def _code(target: TargetLike) -> str:
    """Return a target as it is written in Python."""
    if isinstance(target, list):
        return f"[{', '.join(map(_code, target))}]"
    if isinstance(target, Special):
        return f"gl.targets.{target!r}"
    return target.__name__ if callable(target) else repr(target)
