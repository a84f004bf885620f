"""The values of a program that a description of a target names, and the weights of its linear function of them."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral

import numpy as np

from genolift.engine.layers import layer_outputs
from genolift.engine.operations.table import operation
from genolift.engine.program import Program, Value
from genolift.engine.target import Target, Weights
from genolift.methods.places import at_index, chosen, crossing, one_number
from genolift.methods.targets import Hidden, LogCounts, MeanCentred, Profile, Special, Sum, TargetLike, describe, parse
from genolift.support.errors import InputError, Remedy, Setting, UnsupportedModel, setting
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def resolve(target: TargetLike, program: Program, activation: str = "logit") -> tuple[list[Target], bool]:
    """Return the targets of a program that a description names, and whether the description was a list.

    Parameters
    ----------
    target : TargetLike
        The description; see :mod:`genolift.methods.targets`. It is not a function of the outputs.
    program : Program
        The model, traced.
    activation : str, default "logit"
        ``"logit"`` looks through a final sigmoid or softmax, ``"keep"`` does not.

    Raises
    ------
    InputError
        If the program has no such output, layer or index, or the description is not understood.
    UnsupportedModel
        If the output does not have a known number of axes.
    """
    if activation not in ("logit", "keep"):
        raise InputError(
            f"activation must be 'logit' (look through a final sigmoid or softmax) or 'keep', not {activation!r}"
        )
    if not isinstance(target, list):
        return [_one(target, program, activation)], False
    if not target:
        raise InputError("the list of targets is empty")
    return [_one(item, program, activation) for item in target], True


def counterpart(target: TargetLike, program: Program) -> TargetLike:
    """Return what a target is on the other strand, for averages over both strands.

    A task or class is the same there. So are a profile and its counts, which are sums over all positions and strands.
    A stretch of bins is reversed.

    Parameters
    ----------
    target : TargetLike
        The description.
    program : Program
        The model, traced on the reverse complements.

    Raises
    ------
    InputError
        If the description does not say what it is on the other strand.
    """
    if isinstance(target, list):
        return [counterpart(item, program) for item in target]
    if isinstance(target, str):
        return counterpart(parse(target), program)
    if target is None or isinstance(target, (Integral, Profile, LogCounts, MeanCentred)):
        return target
    if isinstance(target, Sum):
        if target.bins is None:
            return target
        size = _sizes(_output(program, target.output, "keep"), _name(program, target.output))[0]
        last = -1 if size is None else size - 1
        return replace(target, bins=[last - i for i in chosen(target.bins, size, "bins")])
    if isinstance(target, tuple) and len(target) - isinstance(target[0], str) <= 1:
        return target
    raise InputError(
        f"target {describe(target)!r} does not tell what it is on the other strand",
        Remedy(
            "use a task, a profile, log-counts or Sum(bins, tracks), give a function target the attribute "
            "reverse_complement, or leave rc_average off",
            "use a task, a profile, log-counts or a sum of bins, or leave --rc-average out",
        ),
    )


def _linear(value: Value, weights: Weights, name: str) -> Target:
    return Target(((value, weights),), name)


def _one(target: TargetLike, program: Program, activation: str) -> Target:
    if target is None:
        target = _only(program)
    if isinstance(target, str):
        target = parse(target)
    if isinstance(target, Special):
        return _special(target, program, activation)
    if isinstance(target, Integral) and not isinstance(target, bool):
        target = (int(target),)
    if not isinstance(target, tuple):
        raise InputError(f"target {target!r} is not understood; give an index, a tuple, or (output name, index)")
    output, index = (target[0], target[1:]) if target and isinstance(target[0], str) else (None, target)
    value = _output(program, output, activation)
    return _linear(value, _at(value, index, _name(program, output)), repr(target))


def _only(program: Program) -> tuple:
    """Return the place of the only number that the model returns, or raise an error that lists its outputs."""
    if len(program.outputs) == 1:
        sizes = _sizes(program.outputs[0], program.output_names[0])
        if all(size == 1 for size in sizes):
            return (0,) * len(sizes)
    choose = Remedy.naming("choose one by {}", setting("target"))
    raise InputError(f"the model has several outputs to explain: {_listing(program)}", choose)


def _listing(program: Program) -> str:
    return "; ".join(
        f"{name!r} of shape ({', '.join('N' if i == 0 else str(d) for i, d in enumerate(value.shape or ()))})"
        for name, value in zip(program.output_names, program.outputs, strict=True)
    )


def _name(program: Program, output: str | None) -> str:
    return program.output_names[0] if output is None else output


def _sizes(value: Value, name: str) -> tuple[int | None, ...]:
    """Return the lengths of the axes of an output after the batch, None where one is free."""
    if value.shape is None:
        raise UnsupportedModel(
            f"the number of axes of output {name!r} is known only when the model runs; fix its shape in the model, for "
            "example with tf.ensure_shape"
        )
    return value.shape[1:]


def _output(program: Program, output: str | None, activation: str, target: Special | None = None) -> Value:
    """Return an output of the model, or its logits, after checking that it can be explained.

    ``target`` is the target whose output it is, if it has a class of its own.
    """
    if output is None:
        if len(program.outputs) > 1:
            raise InputError(f"the model has several outputs: {_listing(program)}", _named(program, target))
        value = program.outputs[0]
    elif output in program.output_names:
        value = program.outputs[program.output_names.index(output)]
    else:
        raise InputError(f"the model has no output named {output!r}; it has {_listing(program)}")
    if not value.active:
        raise InputError(
            f"output {_name(program, output)!r} ({value.dtype}) does not depend on the explained input, or only in "
            "steps",
            Remedy(
                "explain what it is made of, as in target=genolift.targets.Hidden('layer')",
                "explain what it is made of, for which Python has genolift.targets.Hidden",
            ),
        )
    if value.dtype.startswith("complex"):
        raise InputError(
            f"output {_name(program, output)!r} is complex",
            Remedy(
                "explain its real part, imaginary part or size, by a function of the outputs as target",
                "explain its real part, imaginary part or size in Python, by a function of the outputs as target",
            ),
        )
    return look_through(value) if activation == "logit" else value


def look_through(value: Value) -> Value:
    """Return the logits under a final sigmoid or softmax (section 3.6), or else the value itself."""
    while value.step.op == "Cast":
        value = value.step.inputs[0]
    return value.step.inputs[0] if operation(value.step.op).link is not None else value


def _named(program: Program, target: Special | None) -> Remedy:
    """Return how each of the outputs is named in a target, or in one of the same kind as ``target``."""
    names = program.output_names
    if target is None or isinstance(target, Hidden):
        python = [f"({name!r}, 0)" for name in names]
    else:
        python = [f"genolift.targets.{replace(target, output=name)!r}" for name in names]
    command = {Profile: "profile:{}", LogCounts: "logcounts:{}"}.get(type(target), "{}:0")
    return Remedy(
        f"name one, as in target={' or '.join(python)}",
        f"name one, as in --target {' or '.join(command.format(name) for name in names)}",
    )


def _numbered(name: str, sizes: tuple) -> Remedy:
    """Return how one number of an output is chosen."""
    zeros = ", ".join("0" for _ in sizes)
    index = f"({name!r}, {zeros})" if sizes else f"({name!r},)"
    command = f"{name}:{zeros.replace(' ', '')}" if sizes else name
    return Remedy.naming("choose one number, as in {}", Setting(f"target={index}", f"--target {command}"))


def _at(value: Value, index: tuple, name: str) -> Weights:
    """Return weights that are 1 for the number at an index and 0 elsewhere."""
    sizes = _sizes(value, name)
    if len(index) != len(sizes):
        has = f"{len(sizes)} {'axis' if len(sizes) == 1 else 'axes'} after the batch: {sizes}"
        if not index:
            raise InputError(f"output {name!r} has {has}", _numbered(name, sizes))
        raise InputError(
            f"target {index if len(index) != 1 else index[0]} has {len(index)} "
            f"{'index' if len(index) == 1 else 'indices'}, but output {name!r} has {has}",
            _numbered(name, sizes),
        )
    for i, size in zip(index, sizes, strict=True):
        if not isinstance(i, Integral) or isinstance(i, bool):
            several = isinstance(i, slice | range | list | np.ndarray)
            raise InputError(
                f"target index {i!r} is not a whole number",
                Remedy(
                    "give genolift.targets.Sum(bins, tracks) for a sum of several",
                    "give sum:bins=0-2,tracks=0 for a sum of several",
                )
                if several
                else None,
            )
        if size is not None and not -size <= int(i) < size:
            raise InputError(f"target {i} is out of range: output {name!r} has {size} (0 to {size - 1})")
    return one_number(index)


def _special(target: Special, program: Program, activation: str) -> Target:
    if isinstance(target, Hidden):
        return _hidden(target, program)
    kept = isinstance(target, (Profile, LogCounts))
    value = _output(program, target.output, "keep" if kept else activation, target)
    name = _name(program, target.output)
    if isinstance(target, Profile):
        weights = _profile_of_each_strand if target.per_strand else _profile
        return _linear(look_through(value), Weights(weights, follow=True), f"profile of {name}")
    if isinstance(target, LogCounts):
        return _linear(value, Weights(_mean), f"log-counts of {name}")
    if isinstance(target, MeanCentred):
        one = _at(value, (target.index,), name)
        return _linear(value, replace(one, function=_mean_centred), f"mean-centred {target.index} of {name}")
    return _linear(value, _sum_weights(target, value, name), repr(target))


def _mean(at_x: Tensor) -> Tensor:
    return 1 / tf.cast(tf.size(at_x[0]), at_x.dtype)


def _mean_centred(at_x: Tensor, index: Tensor) -> Tensor:
    return at_index(at_x, index) - 1 / tf.cast(tf.shape(at_x)[-1], at_x.dtype)


def _everything(at_x: Tensor) -> Tensor:
    return tf.ones([1] * at_x.shape.rank, at_x.dtype)


def _hidden(target: Hidden, program: Program) -> Target:
    values = layer_outputs(program, target.layer)
    if len(values) > 1:
        raise InputError(f"layer {target.layer!r} gives {len(values)} tensors in this model, so it cannot be a target")
    (value,) = values
    if target.index is None:
        return _linear(value, Weights(_everything), f"sum of {target.layer}")
    index = target.index if isinstance(target.index, tuple) else (target.index,)
    return _linear(value, _at(value, index, target.layer), f"{target.layer} {target.index}")


def _profile(at_x: Tensor, per_strand: bool = False) -> Tensor:
    """Return the weights of :class:`genolift.methods.targets.Profile`."""
    shape = tf.shape(at_x)
    by_axis = per_strand or at_x.shape.rank == 2
    z = at_x if by_axis else tf.reshape(at_x, [shape[0], -1])
    p = tf.nn.softmax(z, axis=1)
    # Σ p_i (z_i − mean z) = Σ (p_i − mean p)·z_i, because the p_i sum to one.
    return tf.reshape(p - tf.reduce_mean(p, 1, keepdims=True), shape)


def _profile_of_each_strand(at_x: Tensor) -> Tensor:
    return _profile(at_x, per_strand=True)


def _sum_weights(target: Sum, value: Value, name: str) -> Weights:
    """Return the weights of :class:`genolift.methods.targets.Sum`."""
    sizes = _sizes(value, name)
    if len(sizes) != 2 and (len(sizes) != 1 or target.tracks is not None):
        raise InputError(
            f"a sum over bins and tracks needs an output (N, bins, tracks), or (N, bins) and no tracks; {name!r} has "
            f"{sizes}"
        )
    axes = zip((target.bins, target.tracks), sizes, ("bins", "tracks"), strict=False)
    places = [None if some is None else chosen(some, size, axis) for some, size, axis in axes]
    return crossing(places, sizes)
