"""The two sides of an explanation: the activations of sequences and of their references.

The sequences run forward once, however many references they have, and references that sequences share run once too. A
value becomes one row per pair only where a rule compares the two sides. Pairs are ordered sequence by sequence.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

from genolift.engine.operations import transposes
from genolift.engine.operations.emit import emit
from genolift.engine.operations.steps import linear_of
from genolift.engine.operations.substitutes.running import sizes_of
from genolift.engine.operations.table import operation
from genolift.engine.program import Dependence, Program, Step, Value
from genolift.engine.running.run import constants, forward
from genolift.support.tensorflow import Tensor, quiet_tensorflow

tf = quiet_tensorflow()


class Pairs:
    """The activations of n sequences with r references each.

    Parameters
    ----------
    program : Program
        The traced model.
    xs : list of Tensor
        The sequences (n, ...) for each input.
    refs : list of Tensor, or None
        The references for each input: (n·r, ...) sequence by sequence, or (r, ...) if they are shared. With None each
        sequence is its own reference.
    r : int or Tensor
        The number of references of a sequence.
    shared : bool
        Whether all sequences share the references.
    leading : bool
        Whether every activation keeps the batch as its first axis. If not, both sides run forward on ready-made pairs.
    precision : DType
        The floating-point type to compute in, by default float32.
    """

    def __init__(
        self,
        program: Program,
        xs: list[Tensor],
        refs: list[Tensor] | None,
        r: int | Tensor,
        shared: bool,
        leading: bool,
        precision: Any = tf.float32,
    ):
        n = tf.shape(xs[0])[0]
        # The variables that a loop carries along cannot be shared among sequences.
        leading = leading and not (shared and any(step.op == "Loop" for step in program.active_steps))
        if not leading and refs is not None:
            xs = [tf.repeat(x, r, axis=0) for x in xs]
            refs = [tf.tile(ref, [n] + [1] * (ref.shape.rank - 1)) for ref in refs] if shared else refs
        self._run(program, xs, refs, n, r, shared and leading, leading, precision)

    @classmethod
    def within(
        cls,
        program: Program,
        xs: list[Tensor],
        refs: list[Tensor],
        n: int | Tensor,
        r: int | Tensor,
        leading: bool,
        precision: Any = tf.float32,
    ) -> Pairs:
        """Return the pairs of a part of a program, from the values that it reads from before.

        Parameters
        ----------
        program : Program
            The part, whose inputs are these values.
        xs, refs : list of Tensor
            The values of the sequences and of the references. References have one row per pair, and so have sequences
            if ``leading`` is false.
        n, r : int or Tensor
            The number of sequences, and of references of each.
        leading, precision
            As for the pairs of a whole program.
        """
        pairs = cls.__new__(cls)
        pairs._run(program, xs, refs, n, r, False, leading, precision)
        return pairs

    def _run(
        self,
        program: Program,
        xs: list[Tensor],
        refs: list[Tensor] | None,
        n: int | Tensor,
        r: int | Tensor,
        shared: bool,
        leading: bool,
        precision: Any,
    ) -> None:
        self.precision, self.n, self.r = precision, n, r
        self.shared, self.leading = shared, leading
        self.constants = constants(program, precision)
        self._x = forward(program, xs, self.constants, precision, record=True)
        self._ref = self._x if refs is None else forward(program, refs, self.constants, precision, record=True)
        self._aux = dict(self.constants)
        self._sides: dict[tuple[Any, str, Value], Tensor] = {}
        self._shapes: dict[tuple, tuple[Tensor, list]] = {}

    # One row per pair

    def x(self, value: Value) -> Tensor:
        """Return the sequences' activation, one row per pair."""
        return self.per_pair(self._x[value])

    def per_pair(self, tensor: Tensor) -> Tensor:
        """Return a tensor that has one row per sequence with one row per pair."""
        return self._spread(tensor, axis=1) if self.leading else tensor

    def ref(self, value: Value) -> Tensor:
        """Return the references' activation, one row per pair."""
        tensor = self._ref[value]
        return self._spread(tensor, axis=0) if self.shared else tensor

    def delta(self, value: Value) -> Tensor:
        """Return x − reference, one row per pair."""
        return self.elementwise(lambda ref, x: x - ref, value)

    def x_alone(self, value: Value) -> Tensor:
        """Return the sequences' activation as it ran, one row per sequence.

        If the batch is not the first axis, it has one row per pair.
        """
        return self._x[value]

    def ref_alone(self, value: Value) -> Tensor:
        """Return the references' activation as it ran, one row per reference.

        If the batch is not the first axis, it has one row per pair.
        """
        return self._ref[value]

    def inside(self) -> Pairs:
        """Return the same pairs for use in a function that is called here, where tensors made outside can be read.

        What is made inside cannot be read outside, so it is kept apart.
        """
        inner = copy(self)
        inner._aux = dict(self._aux)
        return inner

    # Inside a loop

    def turns(self, step: Step) -> Tensor:
        """Return the number of turns that a loop took, which is the same for all sequences."""
        return self._ref[step].turns

    def at_turn(self, step: Step, turn: Tensor) -> Pairs:
        """Return the two sides of the values inside a loop, as they were at one of its turns."""
        loop, inner = step.payload, copy(self)
        inner._x = loop.at_turn(self._x[step], turn, self.precision)
        alike = self._ref is self._x
        inner._ref = inner._x if alike else loop.at_turn(self._ref[step], turn, self.precision)
        inner.shared, inner._aux, inner._sides = False, {}, {}
        return inner

    # The layout (sequence, reference, rows of one sequence, ...) is for elementwise work: broadcasting replaces copies.

    def x_side(self, value: Value) -> Tensor:
        """Return the sequences' activation as (sequence, 1, rows, ...)."""
        return self._once("x", value, lambda: self._sided(self._x[value], 1 if self.leading else self.r))

    def ref_side(self, value: Value) -> Tensor:
        """Return the references' activation as (sequence, reference, rows, ...), or (1, reference, ...) if shared."""
        groups = 1 if self.shared else self.n
        return self._once("ref", value, lambda: self._sided(self._ref[value], self.r, groups))

    def _once(self, side: str, value: Value, laid_out: Callable[[], Tensor]) -> Tensor:
        """Return one side of a value as laid out for the first rule of this graph that asked for it."""
        key = (tf.compat.v1.get_default_graph(), side, value)
        if key not in self._sides:
            self._sides[key] = laid_out()
        return self._sides[key]

    def pair_side(self, tensor: Tensor) -> Tensor:
        """Return a tensor with one row per pair as (sequence, reference, rows, ...)."""
        return self._sided(tensor, self.r)

    def flat(self, sided: Tensor, value: Value) -> Tensor:
        """Return a tensor (sequence, reference, rows, ...) with one row per pair, shaped as ``value`` is."""
        if not self.leading:
            return tf.squeeze(sided, [0, 1])
        tensor = self._reshaped(sided, [], 3)
        if value.shape is not None:
            tensor.set_shape([None, *value.shape[1:]])
        return tensor

    def elementwise(self, kernel: Callable[..., Any], value: Value, *flows: Tensor) -> Any:
        """Return ``kernel(*flows, reference, x)`` of a value's two sides, one row per pair.

        The kernel may return several tensors. What it reads besides its arguments is laid out by :meth:`beside`.
        """
        if not self.leading:
            return kernel(*flows, self._ref[value], self._x[value])
        found = kernel(*(self.pair_side(flow) for flow in flows), self.ref_side(value), self.x_side(value))
        return tf.nest.map_structure(lambda tensor: self.flat(tensor, value), found)

    def beside(self, tensor: Tensor) -> Tensor:
        """Return a tensor with one row per pair as :meth:`elementwise` lays out both sides."""
        return self.pair_side(tensor) if self.leading else tensor

    def _sided(self, tensor, r, groups=None):
        if not self.leading:  # The rows may lie along any axis, and those of the two sides correspond.
            sizes = [None, None] if tensor.shape.rank is None else tensor.shape.as_list()
            if 0 in sizes or sizes.count(None) > 1:
                return tf.expand_dims(tf.expand_dims(tensor, 0), 0)
            return tf.reshape(tensor, [1, 1, *(-1 if size is None else size for size in sizes)])
        return self._reshaped(tensor, [self.n if groups is None else groups, r])

    def _spread(self, tensor, axis: int):
        """Repeat each sequence's rows for its references (axis 1), or the shared references for each sequence (0)."""
        rows = self._reshaped(tensor, [self.n, 1] if axis == 1 else [1, self.r])
        counts = [1, self.r, 1] if axis == 1 else [self.n, 1, 1]
        return self._reshaped(tf.tile(rows, self._stacked([*counts, *[1] * (tensor.shape.rank - 1)])), [], 3)

    def _reshaped(self, tensor: Tensor, groups: list[Any], merged: int = 1) -> Tensor:
        """Return a tensor with its first axes, ``merged`` of them, as axes of the sizes ``groups`` and one of the rest.

        Sizes that are known need no operation, of which a small network would feel each.
        """
        if tensor.shape.rank is None:
            shape = tf.shape(tensor)
            count = tf.reduce_prod(shape[:merged]) // tf.reduce_prod(tf.stack([1, *groups]))
            return tf.reshape(tensor, tf.concat([tf.stack([*groups, count]), shape[merged:]], 0))
        inner = tensor.shape.as_list()[merged:]
        if all(inner):  # What is left of nothing cannot be told.
            reshaped = tf.reshape(tensor, self._stacked([*groups, -1, *inner]))
        else:
            sizes = sizes_of(tensor)
            left = tf.reduce_prod(tf.shape(tensor)[:merged]) // tf.reduce_prod(tf.stack([1, *groups]))
            reshaped = tf.reshape(tensor, [*groups, left, *sizes[merged:]])
        reshaped.set_shape([*[None] * (len(groups) + 1), *tensor.shape[merged:]])
        return reshaped

    def _stacked(self, sizes: list[Any]) -> Any:
        """Return sizes as one tensor, which is made once for all that asks for the same ones in a graph."""
        key = (tf.compat.v1.get_default_graph(), *(size if isinstance(size, int) else id(size) for size in sizes))
        if key not in self._shapes:
            self._shapes[key] = tf.stack(sizes), sizes  # The sizes are kept, and so is what identifies them.
        return self._shapes[key][0]

    def differ(self, value: Value) -> Tensor:
        """Return whether the two sides of a value differ anywhere by more than rounding."""
        left, right = self.x(value), self.ref(value)
        if not left.dtype.is_floating:
            return tf.reduce_any(left != right)
        return tf.reduce_any(tf.abs(left - right) > 1e-6 * tf.maximum(tf.abs(left), tf.abs(right)))

    # What a step reads besides its active inputs

    def aux(self, value: Value) -> Tensor:
        """Return an input that carries no importance, as it is for the batch of pairs."""
        if value not in self._aux:
            if not self.shared or value.dependence >= Dependence.DISCRETE:
                self._aux[value] = self.ref(value) if value.dependence >= Dependence.DISCRETE else self._ref[value]
            else:
                self._shape_step(value.step)
        return self._aux[value]

    def _shape_step(self, step: Step) -> None:
        """Run a shape computation for the batch of pairs, from the shapes of the shared references' batch."""
        of_shape = operation(step.op).of_shape
        if of_shape is not None:
            for value, source in zip(step.outputs, step.inputs, strict=True):
                tensor = self.stand_in(source) if source.active else self.aux(source)
                self._aux[value] = of_shape(tensor, tf.as_dtype(value.dtype))
            return
        outputs = emit(step, [self.aux(value) for value in step.inputs], self.precision)
        self._aux.update(zip(step.outputs, outputs, strict=True))

    def stand_in(self, value: Value) -> Tensor:
        """Return a tensor of the shape that a value has for the pairs, for transposes that depend on nothing else."""
        if not self.shared:
            return self._ref[value]
        tensor = self._ref[value]
        shape = tf.shape(tensor)
        zeros = tf.zeros(tf.concat([[shape[0] * self.n], shape[1:]], 0), tensor.dtype)
        zeros.set_shape([None, *tensor.shape[1:]])
        return zeros

    # A step at other inputs

    def at(
        self,
        step: Step,
        tensors: dict[Value, Tensor],
        weights: Callable[[Tensor], Tensor] | None = None,
        offsets: bool = True,
    ) -> list[Tensor]:
        """Return the outputs of a step at other active inputs.

        Which inputs are weights and which are offsets stands in the table of operations.

        Parameters
        ----------
        step : Step
            The step to run.
        tensors : dict of Value to Tensor
            The tensors to read in place of active inputs.
        weights : callable, optional
            A function that is applied to the weights, such as ``tf.abs``. By default they stay as they are.
        offsets : bool
            Whether inputs that are added take part. Without them, only the linear part is left. By default True.
        """
        kind = linear_of(step)
        if not offsets and transposes.hands_on(step) and step.active_inputs[0] in tensors:
            return [tensors[step.active_inputs[0]]]
        arguments = []
        for i, value in enumerate(step.inputs):
            if value in tensors:
                arguments.append(tensors[value])
                continue
            tensor = self.aux(value)
            if i in kind.factors_of(step):
                tensor = tensor if weights is None else weights(tensor)
            elif not offsets and tensor.dtype.is_floating and i not in kind.keep:
                tensor = tf.zeros_like(tensor)
            arguments.append(tensor)
        if weights is not None and kind.absolute is not None:
            return kind.absolute(step, arguments, self.precision)
        return emit(step, arguments, self.precision)

    def transpose(
        self,
        step: Step,
        grads: list[Tensor | None],
        points: dict[Value, Tensor] | None = None,
        weights: Callable[[Tensor], Tensor] | None = None,
    ) -> dict[Value, Tensor]:
        """Return the vector-Jacobian products of a step: for each active input, the sum over outputs of Jᵀ·grad.

        Parameters
        ----------
        step : Step
            The step to transpose.
        grads : list of Tensor
            What flows back into each output, None where nothing does.
        points : dict of Value to Tensor, optional
            The active inputs at which the step is differentiated, and further inputs that are not to be read at the
            reference. It can be left out for a step that is linear.
        weights : callable, optional
            A function that is applied to the weights, as in :meth:`at`.
        """
        if points is None and len(grads) == 1 and grads[0] is not None:
            factors = {step.inputs[i] for i in linear_of(step).factors_of(step)}

            def read(value: Value) -> Tensor:  # Axes and bounds are no weights.
                tensor = self.aux(value)
                return tensor if weights is None or value not in factors else weights(tensor)

            found = transposes.written_out(step, grads[0], read, absolute=weights is not None)
            if found is not None:
                return found
        if points is None:
            points = {value: tf.identity(self.stand_in(value)) for value in step.active_inputs}
        outputs = self.at(step, points, weights)
        wanted = [i for i, grad in enumerate(grads) if grad is not None]
        active = [value for value in points if value.active]
        sources = [points[value] for value in active]
        pulled = tf.gradients([outputs[i] for i in wanted], sources, [grads[i] for i in wanted], stop_gradients=sources)
        return {
            value: tf.convert_to_tensor(grad) for value, grad in zip(active, pulled, strict=True) if grad is not None
        }

    def push(self, step: Step, points: dict[Value, Tensor], tangent: Tensor) -> Tensor:
        """Return the Jacobian-vector product of a step's first output.

        Parameters
        ----------
        step : Step
            The step to differentiate.
        points : dict of Value to Tensor
            The one active input, and where the step is differentiated.
        tangent : Tensor
            The vector, of that input's shape.
        """
        ((value, point),) = points.items()
        output = self.at(step, {value: point})[0]
        # The transpose is linear in what it is applied to, so the transpose of the transpose is the Jacobian.
        cotangent = tf.zeros_like(output)
        (pulled,) = tf.gradients(output, point, cotangent, stop_gradients=[point])
        (pushed,) = tf.gradients(pulled, cotangent, tangent, stop_gradients=[point])
        return pushed
