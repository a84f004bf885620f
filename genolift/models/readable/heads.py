"""Last layers whose output is a sum over places and filters, and which say what each of these adds.

Every head takes the activations (N, P, F) of a scan and returns logits (N, T). ``parts`` returns what each place and
filter adds, (N, P, F, T). The parts of a sequence sum to its logits, less those of activations that are all zero.
"""

from __future__ import annotations

from typing import Any

from genolift.models.readable.scan import PACKAGE
from genolift.support.tensorflow import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

ops = keras.ops


class ReadableHead(keras.layers.Layer):
    """The base of last layers that can be read.

    Parameters
    ----------
    tasks
        The number of logits.
    """

    def __init__(self, tasks: int, **options: Any):
        super().__init__(**options)
        self.tasks = int(tasks)

    def parts(self, hits: Any) -> Any:
        """Return what each place and filter adds to each logit, (N, P, F, T), for activations (N, P, F)."""
        raise NotImplementedError

    def compute_output_shape(self, shape: tuple) -> tuple:
        """Return the shape of the logits."""
        return (shape[0], self.tasks)

    def get_config(self) -> dict[str, Any]:
        """Return the parameters."""
        return {**super().get_config(), "tasks": self.tasks}


@keras.saving.register_keras_serializable(package=PACKAGE)
class AttentionPool(ReadableHead):
    """Attention pooling over places: Σ_p a_p (v · h_p) + b for each task, where a is a softmax over the places.

    Each task has its own attention, whose scores are linear in the activations (Ilse et al. 2018, equation 8 without
    the hidden layer). A part is a_p v_f h_pf.
    """

    def build(self, shape: tuple) -> None:
        """Make the weights."""
        self.attention = self.add_weight(name="attention", shape=(shape[-1], self.tasks), initializer="glorot_uniform")
        self.values = self.add_weight(name="values", shape=(shape[-1], self.tasks), initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(self.tasks,), initializer="zeros")
        self.built = True

    def _attended(self, hits: Any) -> Any:
        return ops.softmax(ops.matmul(hits, ops.convert_to_tensor(self.attention)), axis=1)

    def call(self, hits: Any) -> Any:
        """Return the logits (N, T)."""
        values = ops.matmul(hits, ops.convert_to_tensor(self.values))
        return ops.sum(self._attended(hits) * values, axis=1) + ops.convert_to_tensor(self.bias)

    def parts(self, hits: Any) -> Any:
        """Return what each place and filter adds to each logit, (N, P, F, T)."""
        return self._attended(hits)[:, :, None, :] * hits[..., None] * ops.convert_to_tensor(self.values)


@keras.saving.register_keras_serializable(package=PACKAGE)
class StrongestSites(ReadableHead):
    """Σ_f (w_f max_p h_pf + u_f mean_p h_pf) + b: the strongest site of each filter, and all of its sites.

    A part is u_f h_pf / P, and at the strongest place w_f h_pf besides. Places that are equally strong share.
    """

    def build(self, shape: tuple) -> None:
        """Make the weights."""
        size = (shape[-1], self.tasks)
        self.strongest = self.add_weight(name="strongest", shape=size, initializer="glorot_uniform")
        self.mean = self.add_weight(name="mean", shape=size, initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(self.tasks,), initializer="zeros")
        self.built = True

    def call(self, hits: Any) -> Any:
        """Return the logits (N, T)."""
        of_strongest = ops.matmul(ops.max(hits, axis=1), ops.convert_to_tensor(self.strongest))
        of_all = ops.matmul(ops.mean(hits, axis=1), ops.convert_to_tensor(self.mean))
        return of_strongest + of_all + ops.convert_to_tensor(self.bias)

    def parts(self, hits: Any) -> Any:
        """Return what each place and filter adds to each logit, (N, P, F, T)."""
        is_strongest = ops.cast(hits == ops.max(hits, axis=1, keepdims=True), hits.dtype)
        share = is_strongest / ops.sum(is_strongest, axis=1, keepdims=True)
        places = ops.cast(ops.shape(hits)[1], hits.dtype)
        strongest, mean = ops.convert_to_tensor(self.strongest), ops.convert_to_tensor(self.mean)
        return hits[..., None] * (share[..., None] * strongest + mean / places)


@keras.saving.register_keras_serializable(package=PACKAGE)
class SumOfUnits(ReadableHead):
    """Σ_f w_f Σ_p g_f(h_pf) + b: a small network g of its own for each filter, and a sum over filters and places.

    g_f(h) = Σ_j v_fj (relu(u_fj h + c_fj) - relu(c_fj)), so that g_f(0) = 0. This is an additive model of filters, as
    ExplaiNN is (Novakovsky et al. 2023), with a sum over places where that has a dense layer. A part is w_f g_f(h_pf).

    Parameters
    ----------
    tasks
        The number of logits.
    hidden
        The number of rectifiers of each filter's network.
    """

    def __init__(self, tasks: int, hidden: int = 4, **options: Any):
        super().__init__(tasks, **options)
        self.hidden = int(hidden)

    def build(self, shape: tuple) -> None:
        """Make the weights."""
        filters = shape[-1]
        self.inward = self.add_weight(name="inward", shape=(filters, self.hidden), initializer="glorot_uniform")
        self.offset = self.add_weight(name="offset", shape=(filters, self.hidden), initializer="zeros")
        self.outward = self.add_weight(name="outward", shape=(filters, self.hidden), initializer="glorot_uniform")
        self.mix = self.add_weight(name="mix", shape=(filters, self.tasks), initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(self.tasks,), initializer="zeros")
        self.built = True

    def _units(self, hits: Any) -> Any:
        """Return g_f(h_pf), (N, P, F)."""
        offset = ops.convert_to_tensor(self.offset)
        bent = ops.relu(hits[..., None] * ops.convert_to_tensor(self.inward) + offset) - ops.relu(offset)
        return ops.sum(bent * ops.convert_to_tensor(self.outward), axis=-1)

    def call(self, hits: Any) -> Any:
        """Return the logits (N, T)."""
        sums = ops.sum(self._units(hits), axis=1)
        return ops.matmul(sums, ops.convert_to_tensor(self.mix)) + ops.convert_to_tensor(self.bias)

    def parts(self, hits: Any) -> Any:
        """Return what each place and filter adds to each logit, (N, P, F, T)."""
        return self._units(hits)[..., None] * ops.convert_to_tensor(self.mix)

    def get_config(self) -> dict[str, Any]:
        """Return the parameters."""
        return {**super().get_config(), "hidden": self.hidden}
