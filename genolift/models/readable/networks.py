"""Architectures that can be read: a scan for motifs, and a last layer whose sum over places is the logit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from genolift.simulate.motifs import Motif, read_motifs
from genolift.simulate.spec import shipped_motifs
from genolift.support.errors import InputError
from genolift.support.tensorflow import quiet_tensorflow

_UNIFORM = np.full(4, 0.25)
_SIGNS = {"free": 0, "up": 1, "down": -1}


def attention_pool(
    length: int = 200, tasks: int = 1, filters: int = 32, width: int = 15, output: str = "sigmoid"
) -> Any:
    """Return a network of filters and attention pooling over the places (Ilse et al. 2018).

    Parameters
    ----------
    length
        The length of the sequences.
    tasks
        The number of tasks, each with an attention of its own.
    filters, width
        The number and the width of the filters.
    output
        The last activation: ``"sigmoid"`` (the default), ``"softmax"`` for classes, ``"linear"`` for real values.

    Returns
    -------
    keras.Model
        The network. Its output "tasks" is (N, tasks).
    """
    from genolift.models.readable.heads import AttentionPool
    from genolift.models.readable.scan import MotifScan

    scan = MotifScan(filters, width, name="scan")
    return _network("attention_pool", length, scan, AttentionPool(tasks, name="logits"), output)


def exponential(length: int = 200, tasks: int = 1, filters: int = 32, width: int = 15, output: str = "sigmoid") -> Any:
    """Return a network whose filters have exponential activations (Koo & Ploenzke 2021).

    Each filter counts by its strongest site and by the mean over all of its sites.

    Parameters
    ----------
    length
        The length of the sequences.
    tasks
        The number of tasks.
    filters, width
        The number and the width of the filters.
    output
        The last activation: ``"sigmoid"`` (the default), ``"softmax"`` for classes, ``"linear"`` for real values.

    Returns
    -------
    keras.Model
        The network. Its output "tasks" is (N, tasks).
    """
    from genolift.models.readable.heads import StrongestSites
    from genolift.models.readable.scan import MotifScan

    scan = MotifScan(filters, width, activation="exponential", name="scan")
    return _network("exponential", length, scan, StrongestSites(tasks, name="logits"), output)


def additive(
    length: int = 200, tasks: int = 1, filters: int = 32, width: int = 15, hidden: int = 4, output: str = "sigmoid"
) -> Any:
    """Return an additive model of filters, like ExplaiNN (Novakovsky et al. 2023).

    Each filter has a small network of its own, and the outputs are sums over filters and places.

    Parameters
    ----------
    length
        The length of the sequences.
    tasks
        The number of tasks.
    filters, width
        The number and the width of the filters.
    hidden
        The number of rectifiers of each filter's network.
    output
        The last activation: ``"sigmoid"`` (the default), ``"softmax"`` for classes, ``"linear"`` for real values.

    Returns
    -------
    keras.Model
        The network. Its output "tasks" is (N, tasks).
    """
    from genolift.models.readable.heads import SumOfUnits
    from genolift.models.readable.scan import MotifScan

    scan = MotifScan(filters, width, name="scan")
    return _network("additive", length, scan, SumOfUnits(tasks, hidden, name="logits"), output)


def pwm(length: int = 200, tasks: int = 1, motifs: str | os.PathLike | None = None, output: str = "sigmoid") -> Any:
    """Return a network whose filters are the motifs of a file, on both strands, and stay as they are.

    Parameters
    ----------
    length
        The length of the sequences.
    tasks
        The number of tasks.
    motifs
        The file of motifs (MEME, JASPAR, TRANSFAC or HOMER). By default it is that of genolift's simulations.
    output
        The last activation: ``"sigmoid"`` (the default), ``"softmax"`` for classes, ``"linear"`` for real values.

    Returns
    -------
    keras.Model
        The network. Its output "tasks" is (N, tasks).
    """
    return _of_motifs("pwm", "fixed", length, tasks, motifs, output)


def pwm_tied(
    length: int = 200,
    tasks: int = 1,
    motifs: str | os.PathLike | None = None,
    tie: float = 1.0,
    output: str = "sigmoid",
) -> Any:
    """Return a network whose filters begin as the motifs of a file, on both strands, and are held near them.

    Parameters
    ----------
    length
        The length of the sequences.
    tasks
        The number of tasks.
    motifs
        The file of motifs (MEME, JASPAR, TRANSFAC or HOMER). By default it is that of genolift's simulations.
    tie
        What the mean squared deviation of the filters' log-odds from those of the motifs is multiplied by in the loss.
    output
        The last activation: ``"sigmoid"`` (the default), ``"softmax"`` for classes, ``"linear"`` for real values.

    Returns
    -------
    keras.Model
        The network. Its output "tasks" is (N, tasks).
    """
    if not isinstance(tie, int | float) or isinstance(tie, bool) or not 0 < tie < float("inf"):
        raise InputError(f"architecture 'pwm_tied': tie={tie!r} is not a positive number")
    return _of_motifs("pwm_tied", float(tie), length, tasks, motifs, output)


def lattice(
    length: int = 200,
    tasks: int = 1,
    motifs: str | os.PathLike | None = None,
    signs: str = "free",
    shape: str = "free",
    output: str = "sigmoid",
) -> Any:
    """Return a network that counts the sites of motifs and puts the counts into a calibrated lattice.

    Each logit is monotone in the count of each motif, all else being as it is.

    Parameters
    ----------
    length
        The length of the sequences.
    tasks
        The number of tasks.
    motifs
        The file of motifs (MEME, JASPAR, TRANSFAC or HOMER), 8 at most. By default it is that of genolift's
        simulations.
    signs
        ``"up"`` if more sites never lower a logit, ``"down"`` if they never raise it, ``"free"`` for either; one for
        all motifs, or one for each, separated by commas.
    shape
        ``"concave"``, ``"convex"`` or ``"free"``: how a further site counts beside those that are there.
    output
        The last activation: ``"sigmoid"`` (the default), ``"softmax"`` for classes, ``"linear"`` for real values.

    Returns
    -------
    keras.Model
        The network. Its output "tasks" is (N, tasks).
    """
    from genolift.models.readable.lattice import MOST, Lattice

    held = _motifs(motifs)
    if len(held) > MOST:
        raise InputError(
            f"architecture 'lattice' takes {MOST} motifs at most, and there are {len(held)}; give a file of few"
        )
    words = signs.split(",") if isinstance(signs, str) else []
    if len(words) not in (1, len(held)) or not set(words) <= set(_SIGNS):
        raise InputError(
            f"architecture 'lattice': signs={signs!r} are not one of {', '.join(_SIGNS)} for all {len(held)} motifs, "
            "or one for each"
        )
    numbers = [_SIGNS[word] for word in words] * (len(held) if len(words) == 1 else 1)
    head = Lattice(tasks, numbers, shape, name="logits")
    scan = _scan(held, "fixed", "sigmoid")
    return _network("lattice", length, scan, head, output, held)


def _of_motifs(
    name: str, tie: str | float, length: int, tasks: int, motifs: str | os.PathLike | None, output: str
) -> Any:
    from genolift.models.readable.heads import StrongestSites

    held = _motifs(motifs)
    scan = _scan(held, tie, "relu")
    return _network(name, length, scan, StrongestSites(tasks, name="logits"), output, held)


def _motifs(path: str | os.PathLike | None) -> dict[str, Motif]:
    """Return the motifs of a file, each once."""
    found: dict[str, Motif] = {}
    for name, motif in read_motifs(Path(shipped_motifs() if path is None else path)).items():
        if not any(np.array_equal(motif.matrix, other.matrix) for other in found.values()):
            found[name] = motif
    return found


def _scan(held: dict[str, Motif], tie: str | float, activation: str) -> Any:
    from genolift.models.readable.scan import MotifScan

    widest = max(motif.width for motif in held.values())
    return MotifScan(len(held), widest, activation, both_strands=True, tie=tie, motifs=list(held), name="scan")


def _network(name: str, length: int, scan: Any, head: Any, output: str, held: dict[str, Motif] | None = None) -> Any:
    quiet_tensorflow()
    import keras

    if length < scan.width:
        raise InputError(f"architecture {name!r} cannot take sequences of {length}; {scan.width} is the shortest")
    sequence = keras.Input((length, 4), name="sequence")
    logits = head(scan(sequence))
    if held is not None:
        scan.hold({name: motif.matrix for name, motif in held.items()}, _UNIFORM)
    return keras.Model(sequence, keras.layers.Activation(output, name="tasks")(logits), name=name)
