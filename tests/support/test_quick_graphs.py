"""Graphs of many operations run as they stand, and what the user's own graphs are told stays as it was."""

from importlib import import_module

import numpy as np
import pytest
import tensorflow as tf

from genolift.support.tensorflow import compiled

_CONTEXT = import_module("tensorflow.python.eager.context").context()


@pytest.mark.parametrize(("limit", "rewritten"), [(0, False), (1000, True), (None, True)])
def test_graphs_with_more_operations_than_the_limit_run_as_they_stand(limit, rewritten):
    def function(x):
        return x + tf.cos(tf.constant([1.0, 2.0])) * 3.0  # All but the addition can be worked out beforehand.

    run = compiled(function, limit, input_signature=[tf.TensorSpec([2])])
    before = _CONTEXT.function_call_options
    _CONTEXT.enable_run_metadata()
    try:
        found = run(tf.zeros(2))
        graphs = _CONTEXT.export_run_metadata().function_graphs
    finally:
        _CONTEXT.disable_run_metadata()
    np.testing.assert_allclose(found, 3 * np.cos([1, 2]), rtol=1e-6)
    ran = {node.op for graph in graphs for node in graph.post_optimization_graph.node}
    assert ("Cos" not in ran) == rewritten
    assert _CONTEXT.function_call_options is before
