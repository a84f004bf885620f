"""Generative networks from files, told apart by their names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genolift.models.generative import autoregressive, vae
from genolift.models.loading import load_model
from genolift.support.errors import InputError, Remedy

#: What each kind is called on the command line, by the name of its network.
KINDS = {autoregressive.NAME: "autoregressive", vae.NAME: "vae"}


def load_density(path: Path) -> Any:
    """Return the autoregressive network of a file, see :func:`load_kind`."""
    return load_kind(path, autoregressive.NAME)


def load_generator(path: Path) -> Any:
    """Return the decoder of the variational autoencoder of a file, from codes to logits; see :func:`load_kind`."""
    return load_kind(path, vae.NAME).get_layer("decoder")


def load_kind(path: Path, name: str) -> Any:
    """Return the generative network of a file. Nothing in the file is executed.

    Raises
    ------
    InputError
        If it is another network.
    FileProblem
        If the file cannot be read.
    """
    model = load_model(path)
    if getattr(model, "name", None) != name:
        is_other = KINDS.get(getattr(model, "name", ""))
        told = f"a generator of the kind {is_other!r}" if is_other else "no generator of genolift's"
        kind = KINDS[name]
        raise InputError(
            f"{path} holds {told}, and one of the kind {kind!r} is needed",
            Remedy(
                f"train one with genolift.models.generative.fitting.fit_generator({kind!r}, sequences)",
                f"train one with genolift train --generator {kind} SEQUENCES.fa --out FILE.keras",
            ),
        )
    return model
