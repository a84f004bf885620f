"""Compiled and plain kernels: the same numbers, whichever a shape is worth."""

import numpy as np
import pytest
import tensorflow as tf

import genolift as gl
from genolift.engine.operations import kernels
from genolift.models.zoo import build

X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (2, 40))]


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["rescale", "revealcancel"])
def test_a_free_length_gives_what_a_fixed_one_gives(rule, monkeypatch):
    """Small tensors are not compiled for; results must not depend on that."""
    found = []
    for length, worth in ((40, 1 << 20), (40, 1), (None, 1)):
        monkeypatch.setattr(kernels, "WORTH_COMPILING", worth)
        model = build("tal_gata", length=length, filters=4, width=5)
        found.append(gl.DeepLift(model, target=0, rule=rule, references=gl.references.Shuffled(3))(X))
    for other in found[1:]:
        for name in ("raw_contributions", "multipliers", "hypothetical", "standard_error"):
            expected = getattr(found[0], name)
            np.testing.assert_allclose(getattr(other, name), expected, atol=2e-6 * np.abs(expected).max())


def test_graphs_for_small_activations_hold_no_choice():
    kernel = kernels.Kernel(tf.abs)

    def operations():
        made = tf.function(lambda tensor: kernel(tensor)).get_concrete_function(tf.TensorSpec([None]))
        return {operation.type for operation in made.graph.get_operations()}

    assert "StatelessIf" in operations()
    with kernels.small_activations():
        assert "StatelessIf" not in operations()
    assert "StatelessIf" in operations()


def test_where_some_activations_are_small_only_others_hold_the_choice():
    kernel = kernels.Kernel(tf.abs)
    program = gl.DeepLift(build("tal_gata", length=40, filters=4, width=5), target=0).traced.program
    steps = [step for step in program.active_steps if step.active_inputs]
    small = frozenset(steps[-1].inputs + steps[-1].outputs)

    def holds_choice(step):
        def function(tensor):
            with kernels.small_activations(small), kernels.at_step(step):
                return kernel(tensor)

        made = tf.function(function).get_concrete_function(tf.TensorSpec([None]))
        return "StatelessIf" in {operation.type for operation in made.graph.get_operations()}

    assert holds_choice(steps[0])
    assert not holds_choice(steps[-1])


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("rule", ["rescale", "revealcancel"])
def test_how_a_block_is_run_does_not_change_its_numbers(rule, shared, monkeypatch):
    """Whether pairs are ready-made, and which activations count as small, is a matter of speed."""
    from genolift.methods.common import blocks

    model = build("tal_gata", length=40, filters=4, width=5)
    references = np.roll(X, 7, 1) if shared else gl.references.Shuffled(3)
    found = []
    for worth, sharing in ((1 << 20, np.inf), (1 << 20, 0), (1 << 11, 0), (1, 0)):
        monkeypatch.setattr(kernels, "WORTH_COMPILING", worth)
        monkeypatch.setattr(kernels.Kernel, "compiling", worth == 1 and rule == "rescale")
        monkeypatch.setattr(blocks, "_WORTH_SHARING", sharing)
        found.append(gl.DeepLift(model, target=0, rule=rule, references=references)(X))
    for other in found[1:]:
        for name in ("raw_contributions", "multipliers", "hypothetical"):
            expected = getattr(found[0], name)
            np.testing.assert_allclose(getattr(other, name), expected, atol=2e-6 * np.abs(expected).max())
