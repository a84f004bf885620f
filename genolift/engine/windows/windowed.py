"""What each action of :mod:`~genolift.engine.windows.actions` does with the changed rows of mutants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from genolift.engine.operations.emit import emit
from genolift.engine.operations.steps import linear_of
from genolift.engine.program import Value
from genolift.engine.tracing.nodes import copy_of
from genolift.engine.windows import actions, fused
from genolift.engine.windows.fused import Chain
from genolift.engine.windows.mutants import Mutants, Window
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


def run(action: actions.Action, mutants: Mutants) -> None:
    """Run a step by its action, and add the outputs to the mutants' windows or whole values."""
    outputs = _RUN[type(action)](action, mutants)
    for value, reach, output in zip(action.step.outputs, action.reaches, outputs, strict=False):
        (mutants.wholes if reach is None else mutants.windows)[value] = output


def _view(action: actions.View, mutants: Mutants) -> list:
    source, value, reach = action.step.inputs[0], action.step.output, action.reach
    window, inner = mutants.windows[source], mutants.layout.reaches[source]
    if (reach.width, mutants.rest(value, reach)) == (inner.width, mutants.rest(source, inner)):
        return [replace(window, alone=False)]
    if window.mutated is None:
        mutants.delta(source)

    def seen(tensor):
        return None if tensor is None else tf.reshape(tensor, [-1, reach.width, *mutants.rest(value, reach)])

    return [Window(seen(window.delta), window.clean, seen(window.mutated))]


def _shift(action: actions.Shift, mutants: Mutants) -> list:
    source, inner = action.step.inputs[0], mutants.layout.reaches[action.step.inputs[0]]
    if action.key is None:
        # Rows that lay beyond the ends are rows of the padding now.
        return [Window(mutants.delta(source), clean=True)]
    window, outer = mutants.windows[source], action.reach

    def cut(tensor):
        shape = [-1, outer.width, *mutants.rest(action.step.output, outer)]
        return tf.reshape(mutants.natural(tensor, inner)[action.key], shape)

    if window.mutated is not None:
        return [Window(mutated=cut(window.mutated))]
    # Rows that are cut off lie beyond the ends now.
    return [Window(cut(mutants.delta(source)))]


def _join(action: actions.Join, mutants: Mutants) -> list:
    outer = action.reach
    total = None
    for value, offset in zip(action.step.inputs, action.offsets, strict=False):
        if value in mutants.windows:
            part = mutants.placed(mutants.delta(value), mutants.layout.reaches[value].moved(by=offset), outer)
            total = part if total is None else total + part
    return [Window(total, clean=True)]


def _chain(action: actions.Rowwise, mutants: Mutants) -> Chain | None:
    """Return the elementwise steps up to this one, or None if they have several sources or may not wait."""
    step = action.step
    if not action.waits:
        return None
    chains = []
    for value in dict.fromkeys(step.inputs):
        if value in mutants.windows:
            window = mutants.windows[value]
            chains.append(window.chain if window.alone and window.chain is not None else Chain(value, []))
    return chains[0].then(step, chains[1:])


def _rowwise(action: actions.Rowwise, mutants: Mutants) -> list:
    step, inner = action.step, action.inner
    chain = _chain(action, mutants)
    if chain is not None:
        return [Window(chain=chain, alone=action.alone)]
    changed = [value for value in dict.fromkeys(step.inputs) if value in mutants.windows]
    as_delta = fused.linear(step) and all(mutants.windows[value].mutated is None for value in changed)
    kind = linear_of(step)
    tensors = []
    for i, value in enumerate(step.inputs):
        if value in changed:
            rows = mutants.delta(value, inner) if as_delta else mutants.mutated(value, inner)
            tensors.append(mutants.natural(rows, inner))
            continue
        tensor = mutants.beside(step, value, inner, action.aligned)
        offset = i not in kind.factors_of(step) and i not in kind.keep and tensor.dtype.is_floating
        tensors.append(tf.zeros_like(tensor) if as_delta and offset else tensor)
    outputs = [mutants.window(out, value) for out, value in zip(emit(step, tensors), step.outputs, strict=True)]
    return [Window(out, clean=True) if as_delta else Window(mutated=out) for out in outputs]


def _products(action: actions.Products, mutants: Mutants) -> list:
    rows, slide = mutants.delta(action.step.inputs[0]), action.slide
    channels, filters = mutants.layout.shape(action.kernel)[-2:]
    # Row i adds to the output at i + before − rate · tap, so the last tap comes first.
    kernel = tf.reverse(tf.reshape(mutants.constants[action.kernel], [slide.taps, channels, filters]), [0])
    kernel = tf.reshape(tf.transpose(kernel, [1, 0, 2]), [channels, slide.taps * filters])
    width = rows.shape[1]
    rest = mutants.rest(action.step.output, action.reach)  # It has the filters, behind the width where that comes last.
    parts = tf.matmul(tf.reshape(rows, [-1, channels]), kernel)
    if slide.taps == 1:
        out = tf.reshape(parts, [-1, width, *rest])
    elif width == 1 and slide.rate == 1:
        out = tf.reshape(parts, [-1, slide.taps, *rest])
    else:
        return [Window(parts=tf.reshape(parts, [-1, width, slide.taps, *rest]), rate=slide.rate)]
    return [Window(out)]


def _convolution(action: actions.Convolution, mutants: Mutants) -> list:
    step, slide = action.step, action.slide
    source, outer = step.inputs[0], action.reach
    inner = mutants.layout.reaches[source]
    rows = mutants.natural(mutants.delta(source, slide.read(inner, outer)), inner)
    other = 3 - inner.axis
    size, out = (mutants.layout.shape(value)[other] for value in (source, step.output))
    taps = mutants.layout.shape(action.kernel)[other - 1]
    stride, rate = (list(step.node.attr[key].list.i)[other] for key in ("strides", "dilations"))
    missing = max((out - 1) * stride + rate * (taps - 1) + 1 - size, 0) if step.node.attr["padding"].s == b"SAME" else 0
    padding = [[0, 0]] * 4
    padding[other] = [missing // 2, missing - missing // 2]
    (convolved,) = emit(
        replace(step, node=copy_of(step.node, padding=b"VALID")),
        [tf.pad(rows, padding), mutants.constants[action.kernel]],
    )
    return [Window(mutants.window(convolved, step.output))]


def _taps(rows, slide, width: int) -> list:
    """Return, for each tap, what ``width`` windows read of rows (M, ...)."""
    span = (width - 1) * slide.stride + 1
    return [rows[:, tap : tap + span : slide.stride] for tap in range(slide.taps)]


def _maxima(action: actions.Maxima, mutants: Mutants) -> list:
    source, outer = action.step.inputs[0], action.reach
    read = action.slide.read(mutants.layout.reaches[source], outer)
    rows = mutants.mutated(source, read, beyond=tf.float32.min)
    largest, *others = _taps(rows, action.slide, outer.width)
    for other in others:
        largest = tf.maximum(largest, other)
    return [Window(mutated=mutants.window(largest, action.step.output))]


def _averages(action: actions.Averages, mutants: Mutants) -> list:
    source, outer = action.step.inputs[0], action.reach
    rows = mutants.delta(source, action.slide.read(mutants.layout.reaches[source], outer))
    total = tf.add_n(_taps(rows, action.slide, outer.width))
    if (action.counts == action.counts[0]).all():
        return [Window(mutants.window(total / float(action.counts[0]), action.step.output))]
    counts = tf.gather(
        tf.constant(action.counts, total.dtype), tf.clip_by_value(mutants.rows(outer), 0, outer.length - 1)
    )
    mean = total / mutants.like(mutants.by_mutant(counts), total)
    return [Window(mutants.window(mean, action.step.output))]


def _with_original(change, mutants: Mutants, value):
    """Return the change of a sum (M, ...) added to the sequence's sum, which has one row per sequence."""
    shape = mutants.layout.shape(value)[1:]
    return tf.reshape(mutants.repeated(value), [-1, *shape]) + tf.reshape(change, [-1, *shape])


def _collapse(action: actions.Collapse, mutants: Mutants) -> list:
    source = action.step.inputs[0]
    rows = mutants.natural(mutants.delta(source), mutants.layout.reaches[source])
    change = tf.reduce_sum(rows, action.axes) / float(action.divisor)
    return [_with_original(change, mutants, action.step.output)]


def _extreme(action: actions.Extreme, mutants: Mutants) -> list:
    """Take the maximum of the changed rows, of all rows before them and of all rows after."""
    source, sign, lowest = action.step.inputs[0], float(action.sign), tf.float32.min
    reach = mutants.layout.reaches[source]
    rest = mutants.rest(source, reach)
    rows = sign * tf.reshape(mutants.at_x[source], [-1, reach.length, *rest])
    edge = [[0, 0]] * len(rest)
    before = _running_maximum(tf.pad(rows, [[0, 0], [1, 0], *edge], constant_values=lowest))
    after = tf.reverse(
        _running_maximum(tf.reverse(tf.pad(rows, [[0, 0], [0, 1], *edge], constant_values=lowest), [1])), [1]
    )
    own = sign * mutants.mutated(source)
    largest = tf.reduce_max(mutants.cleaned(own, reach, lowest), 1)
    for around, place in ((before, mutants.starts(reach)), (after, mutants.starts(reach) + reach.width)):
        where = tf.stack([mutants.sequences, tf.clip_by_value(place, 0, reach.length)], axis=1)
        largest = tf.maximum(largest, mutants.by_mutant(tf.gather_nd(around, where)))
    return [tf.reshape(sign * largest, [-1, *mutants.layout.shape(action.step.output)[1:]])]


def _running_maximum(rows):
    """Return rows of which row i is the maximum of rows 0 to i, in a number of steps that is logarithmic."""
    length, step = rows.shape[1], 1
    while step < length:
        earlier = tf.pad(
            rows[:, :-step], [[0, 0], [step, 0], *[[0, 0]] * (rows.shape.rank - 2)], constant_values=rows.dtype.min
        )
        rows, step = tf.maximum(rows, earlier), 2 * step
    return rows


def _contraction(action: actions.Contraction, mutants: Mutants) -> list:
    """Multiply together all mutants whose windows begin at the same row, and so meet the same part of the matrix."""
    source, value = action.step.inputs[0], action.step.output
    reach = mutants.layout.reaches[source]
    kernel = mutants.constants[action.kernel]
    room = tf.pad(kernel, [[reach.width, reach.width], [0, 0]])
    starts = mutants.by_mutant(mutants.starts(reach))
    order = tf.argsort(starts, stable=True)
    rows, firsts = tf.gather(mutants.delta(source), order), tf.gather(starts, order)
    distinct, _, counts = tf.unique_with_counts(firsts)
    ends = tf.cumsum(counts)
    filters = mutants.layout.shape(action.kernel)[1]
    parts = tf.TensorArray(rows.dtype, tf.size(counts), element_shape=[None, filters], infer_shape=False)

    def multiply(i, parts):
        begin = tf.clip_by_value(distinct[i] + reach.width, 0, kernel.shape[0] + reach.width)
        part = tf.matmul(rows[ends[i] - counts[i] : ends[i]], room[begin : begin + reach.width])
        return i + 1, parts.write(i, part)

    _, parts = tf.while_loop(lambda i, _: i < tf.size(counts), multiply, (0, parts), parallel_iterations=1)
    change = tf.gather(parts.concat(), tf.argsort(order))
    return [_with_original(change, mutants, value)]


def changes(value: Value, seed: Tensor, mutants: Mutants) -> Tensor:
    """Return how much each mutant changes a weighted sum of a value, (M,).

    Parameters
    ----------
    value : Value
        A value with a window.
    seed : Tensor
        The weights, of the shape that the value has for the sequences.
    mutants : Mutants
        The mutants.
    """
    reach = mutants.layout.reaches[value]
    rest = mutants.rest(value, reach)
    rows = mutants.sequences[:, tf.newaxis] * reach.length + tf.clip_by_value(mutants.rows(reach), 0, reach.length - 1)
    around = tf.gather(tf.reshape(seed, [-1, *rest]), rows)
    product = mutants.together(mutants.delta(value), around, tf.multiply)
    return tf.reduce_sum(tf.reshape(product, [mutants.count, -1]), 1)


_RUN: dict[type[actions.Action], Callable[[Any, Mutants], list]] = {
    actions.View: _view,
    actions.Shift: _shift,
    actions.Join: _join,
    actions.Rowwise: _rowwise,
    actions.Products: _products,
    actions.Convolution: _convolution,
    actions.Maxima: _maxima,
    actions.Averages: _averages,
    actions.Collapse: _collapse,
    actions.Extreme: _extreme,
    actions.Contraction: _contraction,
}
