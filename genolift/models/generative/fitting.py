"""Training of a generative network on sequences, with its likelihood on sequences that it never saw."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genolift.models.generative import autoregressive, vae
from genolift.sequence.alphabet import codes_matrix
from genolift.simulate.background import MarkovChain, order_for
from genolift.support import progress as display
from genolift.support.errors import FileProblem, InputError, Remedy, setting
from genolift.support.files import whole
from genolift.support.seeds import stream
from genolift.support.tensorflow import Tensor, compiled, quiet_tensorflow

KINDS = ("autoregressive", "vae")
_LEAST = 100  # A tenth of so many sequences says a little of the likelihood of others.
_SHARES = (0.8, 0.1)  # Of the sequences for training and for early stopping; the others are held out.
_MOST_BOUNDS, _DRAWS = 500, 64  # So many held-out sequences get bounds, with so many draws of a code each.


@dataclass(frozen=True)
class Fitting:
    """How a generative network is trained, by Adam at a learning rate that falls along a cosine.

    Parameters
    ----------
    seed
        The seed of the division of the sequences, the weights, the order and the noise.
    epochs
        The largest number of epochs.
    batch_size
        The number of sequences in a batch.
    patience
        The number of epochs without improvement of the validation loss after which training stops.
    rate
        The learning rate at the beginning.
    beta
        The factor of the divergence of codes from their prior, for a variational autoencoder (Higgins et al. 2017). It
        grows from nothing over the first quarter of the epochs. With 1 the loss is the evidence lower bound, under
        which codes of DNA tend to collapse: a base that cannot be foretold costs as much in the code as it gains.
    """

    seed: int = 0
    epochs: int = 30
    batch_size: int = 64
    patience: int = 5
    rate: float = 2e-3
    beta: float = 0.1

    def check(self) -> None:
        """Raise :class:`InputError` for numbers that are none."""
        for name in ("epochs", "batch_size", "patience"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InputError(f"{name}={value!r} is not a whole number of at least 1")
        for name in ("rate", "beta"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise InputError(f"{name}={value!r} is not a positive number")


def fit_generator(
    kind: str,
    sequences: Sequence[str],
    fitting: Fitting | None = None,
    state: Path | None = None,
    progress: bool | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Return a generative network that was trained on sequences, and a record of it.

    Eight tenths of the different sequences train it and one tenth stops it early. The last tenth is held out, and its
    likelihood is told beside that of Markov chains which were fitted to the same eight tenths.

    Parameters
    ----------
    kind
        ``"autoregressive"`` for a density of sequences, or ``"vae"`` for a generator with a code.
    sequences
        Sequences of one length, as texts. Those with unknown bases are left out.
    fitting
        How it is trained.
    state
        A file that keeps the training after each epoch, to continue from. It is left for the caller to remove.
    progress
        Whether progress is shown.

    Returns
    -------
    tuple of a keras.Model and a dict
        The network with the weights of its best epoch, and what was done and measured, which can be written as JSON.

    Raises
    ------
    InputError
        If the sequences or a number cannot be used, or training diverges.
    FileProblem
        If the state is of another training, or damaged.
    """
    fitting = fitting or Fitting()
    fitting.check()
    if kind not in KINDS:
        raise InputError(f"a generator is {' or '.join(map(repr, KINDS))}, and not {kind!r}")
    began = time.perf_counter()
    parts, left_out = divided(sequences, fitting.seed)
    length = parts[0].shape[1]
    if kind == "vae":
        model = vae.build_vae(length, fitting.seed)
    else:
        model = autoregressive.build_autoregressive(fitting.seed)
    history = _Trainer(kind, model, parts[0], parts[1], fitting).run(state, progress)
    held_out = _held_out(kind, model, parts[2], fitting.seed, progress)
    record = {
        "kind": kind,
        "parameters": int(model.count_params()),
        "recipe": asdict(fitting),
        "sequences": {
            "length": length,
            "train": len(parts[0]),
            "valid": len(parts[1]),
            "held_out": len(parts[2]),
            "left_out": left_out,
        },
        "history": history,
        "best_epoch": min(history, key=lambda epoch: epoch["valid_loss"])["epoch"],
        "held_out": {**held_out, **_chains(parts[0], parts[2])},
        "seconds": round(time.perf_counter() - began, 1),
    }
    return model, record


def divided(sequences: Sequence[str], seed: int) -> tuple[list[np.ndarray], int]:
    """Return the different sequences of known bases as codes (n, L) for training, validation and holding out.

    Parameters
    ----------
    sequences
        The sequences as texts. One that is given several times counts once.
    seed
        The seed of the division.

    Returns
    -------
    parts : list of np.ndarray
        The three parts.
    left_out : int
        How many different sequences have unknown bases.

    Raises
    ------
    InputError
        If there are too few, or they have several lengths.
    """
    different = sorted({one.upper() for one in sequences})
    lengths = sorted({len(one) for one in different})
    if len(lengths) > 1:
        raise InputError(
            f"the sequences have {lengths[0]} to {lengths[-1]} bases; a generator is trained on sequences of one length"
        )
    known = [one for one in different if not set(one) - set("ACGT")]
    if len(known) < _LEAST:
        raise InputError(
            f"{len(known)} different sequences without unknown bases were given; {_LEAST} or more are needed to train "
            "a generator and to measure it"
        )
    codes = codes_matrix(known)[stream(seed, "division of sequences").permutation(len(known))]
    ends = [round(share * len(codes)) for share in np.cumsum(_SHARES)]
    return np.split(codes, ends), len(different) - len(known)


class _Trainer:
    """The training of one network, epoch by epoch."""

    def __init__(self, kind: str, model: Any, train: np.ndarray, valid: np.ndarray, fitting: Fitting):
        quiet_tensorflow()
        import keras

        self._kind, self._model, self._train, self._valid, self._fitting = kind, model, train, valid, fitting
        self._steps = -(-len(train) // fitting.batch_size)
        schedule = keras.optimizers.schedules.CosineDecay(fitting.rate, self._steps * fitting.epochs, alpha=0.01)
        self._adam = keras.optimizers.Adam(schedule)
        self._adam.build(model.trainable_variables)
        self._one_hot = np.eye(4, dtype=np.float32)
        self._code = tuple(model.get_layer("decoder").input_shape[1:]) if kind == "vae" else ()
        self._step = compiled(self._learn, reduce_retracing=True)
        self._measure = compiled(self._losses, reduce_retracing=True)

    def run(self, state: Path | None, progress: bool | None) -> list[dict[str, Any]]:
        """Train the network, which ends with the weights of its best epoch, and return the history by epoch."""
        fitting = self._fitting
        history, best = self._read(state)
        with display.bar(fitting.epochs, f"training {self._kind}", "epochs", show=progress) as bar:
            bar.update(len(history))
            while len(history) < fitting.epochs and not self._is_over(history):
                epoch = len(history) + 1
                loss, valid = self._epoch(epoch), self._validation()
                if not np.isfinite([loss, valid]).all():
                    lower = Remedy.naming("try {}", setting("rate", fitting.rate / 10))
                    raise InputError(f"training diverged in epoch {epoch}: the loss is not a finite number", lower)
                if not history or valid < min(one["valid_loss"] for one in history):
                    best = [variable.numpy() for variable in self._model.trainable_variables]
                history.append({"epoch": epoch, "loss": loss, "valid_loss": valid})
                self._write(state, history, best)
                bar.update(1)
                bar.set_postfix(valid_loss=f"{valid:.4f}", refresh=False)
            bar.total = bar.n
        for variable, value in zip(self._model.trainable_variables, best, strict=True):
            variable.assign(value)
        return history

    def _is_over(self, history: list[dict[str, Any]]) -> bool:
        """Whether the validation loss has not improved for long; while β grows, losses of epochs differ in kind."""
        if not history:
            return False
        best = min(history, key=lambda one: one["valid_loss"])["epoch"]
        return bool(len(history) - best >= self._fitting.patience)

    def _epoch(self, epoch: int) -> float:
        """Train for an epoch, and return the mean loss."""
        order = stream(self._fitting.seed, "order of sequences", epoch).permutation(len(self._train))
        random = stream(self._fitting.seed, "noise of codes", epoch)
        grown = self._fitting.beta * min(1.0, epoch / max(1, self._fitting.epochs / 4))
        total = 0.0
        for start in range(0, len(order), self._fitting.batch_size):
            some = self._train[order[start : start + self._fitting.batch_size]]
            loss = self._step(*self._inputs(some, random), np.float32(grown))
            total += float(loss) * len(some)
        return total / len(order)

    def _validation(self) -> float:
        """Return the mean loss on the sequences for validation, at the full β and with the same noise each time."""
        random = stream(self._fitting.seed, "noise of validation")
        total = 0.0
        for start in range(0, len(self._valid), 256):
            some = self._valid[start : start + 256]
            losses = self._measure(*self._inputs(some, random), np.float32(self._fitting.beta))
            total += float(losses.numpy().sum(dtype=np.float64))
        return total / len(self._valid)

    def _inputs(self, codes: np.ndarray, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        tf = quiet_tensorflow()
        noise = random.standard_normal((len(codes), *self._code), dtype=np.float32)
        return tf.constant(self._one_hot[codes]), tf.constant(noise)

    def _losses(self, x: Tensor, noise: Tensor, beta: Tensor) -> Tensor:
        """Return the loss of each sequence in nats per base, (B,)."""
        length = self._train.shape[1]
        if self._kind == "autoregressive":
            return -autoregressive.log_prob(self._model, x) / length
        reconstruction, divergence = vae.terms(self._model, x, noise)
        return (beta * divergence - reconstruction) / length

    def _learn(self, x: Tensor, noise: Tensor, beta: Tensor) -> Tensor:
        tf = quiet_tensorflow()
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self._losses(x, noise, beta))
        variables = self._model.trainable_variables
        slopes = tape.gradient(loss, [variable.value for variable in variables])
        self._adam.apply(slopes, variables)
        return loss

    def _variables(self) -> list[Any]:
        return [*self._model.trainable_variables, *self._adam.variables]

    def _request(self) -> str:
        return repr((self._kind, asdict(self._fitting), self._train.shape, self._valid.shape))

    def _read(self, state: Path | None) -> tuple[list[dict[str, Any]], list[np.ndarray]]:
        """Take a training out of a file, if there is one, and return its history and the weights of its best epoch."""
        if state is None or not state.exists():
            return [], []
        try:
            with np.load(state, allow_pickle=False) as held:
                if str(held["request"]) != self._request():
                    raise FileProblem(f"{state} keeps another training; give another file, or remove it")
                for i, variable in enumerate(self._variables()):
                    variable.assign(held[f"variable_{i}"])
                best = [held[f"best_{i}"] for i in range(len(self._model.trainable_variables))]
                rows = held["history"].tolist()
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as problem:
            if isinstance(problem, FileProblem):
                raise
            raise FileProblem(f"{state} does not keep a training, or is damaged; remove it") from None
        return [{"epoch": i, "loss": loss, "valid_loss": valid} for i, (loss, valid) in enumerate(rows, 1)], best

    def _write(self, state: Path | None, history: list[dict[str, Any]], best: list[np.ndarray]) -> None:
        if state is None:
            return
        arrays: dict[str, Any] = {f"variable_{i}": one.numpy() for i, one in enumerate(self._variables())}
        arrays |= {f"best_{i}": one for i, one in enumerate(best)}
        arrays["history"] = np.array([[one["loss"], one["valid_loss"]] for one in history])
        with whole(state) as part, part.open("wb") as handle:
            np.savez(handle, request=self._request(), **arrays)


def _held_out(kind: str, model: Any, codes: np.ndarray, seed: int, progress: bool | None) -> dict[str, Any]:
    """Return the likelihood of held-out sequences in nats per base, with standard errors over sequences."""
    length = codes.shape[1]
    if kind == "autoregressive":
        return {"log_p_per_base": _mean(autoregressive.log_probs(model, codes) / length), "is_bound": False}
    some = codes[:_MOST_BOUNDS]
    with display.bar(len(some), "held-out likelihood", "sequences", show=progress) as bar:
        found = vae.bounds(model, some, _DRAWS, seed, bar.update)
    return {
        "elbo_per_base": _mean(found["elbo"] / length),
        "log_p_per_base": _mean(found["iwae"] / length),
        "divergence_per_base": _mean(found["divergence"] / length),
        "is_bound": True,
        "draws": _DRAWS,
        "bounded": len(some),
    }


def _chains(train: np.ndarray, held_out: np.ndarray) -> dict[str, Any]:
    """Return what Markov chains make of the same sequences, of order 0 and of the largest that there are data for."""
    length = held_out.shape[1]
    stretches = list(train)
    found = {}
    for order in dict.fromkeys((0, min(order_for(stretches), length - 1))):
        chain = MarkovChain(stretches, order)
        found[f"markov_{order}_per_base"] = _mean(chain.log_prob(held_out) / length)
    return found


def _mean(values: np.ndarray) -> dict[str, float]:
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return {"mean": float(values.mean()), "standard_error": float(error)}
