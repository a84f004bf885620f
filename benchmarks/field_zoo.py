"""The networks of ``field.py``: how each is loaded or built from the package that ships it, and what is explained of it.

Weights are random where none are shipped. Sizes are those of the packages, unless that takes more than a machine of two
cores can do in a minute; then they are smaller, and the length says so.
"""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Network:
    """A network of the field.

    ``build`` loads or builds it. ``target`` is what genolift explains, and ``number`` takes the same number for each
    sequence out of the outputs. There are ``sequences`` of a ``length``, with ``references`` each. The networks of
    packages that were written for Keras 2 are ``legacy``.
    """

    package: str
    build: Callable[[], Any]
    length: int
    target: Any
    number: Callable[[Any], Any]
    sequences: int = 2
    references: int = 5
    legacy: bool = False
    channels: int = 4


def _folder(package: str) -> Path:
    """The folder of a package, which is not imported: that would take what the package asks for."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(f"the environment has no package {package}; give `field.py install`")
    return Path(found.submodule_search_locations[0])


def _module(package: str, file: str) -> Any:
    """A module of a package by its file, without the package around it."""
    spec = importlib.util.spec_from_file_location(Path(file).stem, _folder(package) / file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- from files ---------------------------------------------------------------------------------------------------


def spliceai(number: int = 1) -> Any:
    import genolift as gl

    return gl.load_model(_folder("spliceai") / "models" / f"spliceai{number}.h5")


def spliceai_fixed(length: int) -> Any:
    """The same network, told how long its sequences are."""
    import tf_keras

    inputs = tf_keras.Input((length, 4))
    return tf_keras.Model(inputs, spliceai()(inputs))


def mmsplice(name: str) -> Any:
    import genolift as gl

    layers = vars(_module("mmsplice", "layers.py"))
    classes = {key: one for key, one in layers.items() if isinstance(one, type)}
    return gl.load_model(_folder("mmsplice") / "models" / f"{name}.h5", layers=classes, unsafe=True)


def cispliceai() -> Any:
    """A frozen graph, imported as the package imports it."""
    import tensorflow as tf

    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString((_folder("cispliceai") / "data" / "CI-SpliceAI.pb").read_bytes())
    wrapped = tf.compat.v1.wrap_function(lambda: tf.compat.v1.import_graph_def(graph, name=""), [])
    first, last = (wrapped.graph.as_graph_element(f"{node.name}:0") for node in (graph.node[0], graph.node[-1]))
    pruned = wrapped.prune([first], [last])
    return lambda x: pruned(tf.convert_to_tensor(x))[0]


# -- built, with random weights -----------------------------------------------------------------------------------


def crested(name: str, **options: Any) -> Any:
    import crested

    return getattr(crested.tl.zoo, name)(**options)


def gopher(name: str, *shapes: Any, **config: Any) -> Any:
    return getattr(_module("gopher", "modelzoo.py"), name)(*shapes, wandb_config=config)


def chrombpnet(filters: int = 512, layers: int = 8, length: int = 2114, bins: int = 1000) -> Any:
    """The network with its bias network of 128 filters and 4 layers, as the package puts them together."""
    import sys
    import tempfile

    # The package around the modules asks for more than the networks need.
    sys.modules["chrombpnet.training.utils.losses"] = SimpleNamespace(multinomial_nll="mse")
    shared = {"inputlen": length, "outputlen": bins, "counts_loss_weight": 1.0}
    arguments = SimpleNamespace(seed=1, learning_rate=0.001)
    bias = _module("chrombpnet", "training/models/bpnet_model.py").getModelGivenModelOptionsAndWeightInits(
        arguments, {"filters": 128, "n_dil_layers": 4, **shared}
    )
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "bias.h5")
        bias.save(path)
        return _module(
            "chrombpnet", "training/models/chrombpnet_with_bias_model.py"
        ).getModelGivenModelOptionsAndWeightInits(
            arguments, {"filters": filters, "n_dil_layers": layers, "bias_model_path": path, **shared}
        )


def at(*index: int) -> Callable[[Any], Any]:
    """Take one number per sequence from the only output, or from the first."""

    def number(outputs: Any) -> Any:
        first = outputs[0] if isinstance(outputs, (list, tuple)) else outputs
        return first[(slice(None), *index)]

    return number


def _splice(build: Callable[[], Any], length: int, row: int = 0, **options: Any) -> Network:
    return Network("spliceai", build, length, (row, 1), at(row, 1), sequences=1, legacy=True, **options)


def _crested(name: str, length: int, target: Any = 1, number: Any = None, **options: Any) -> Network:
    sizes = {key: options.pop(key) for key in ("sequences", "references") if key in options}
    build = partial(crested, name, seq_len=length, num_classes=options.pop("num_classes", 20), **options)
    return Network("crested", build, length, target, number or at(1), **sizes)


def _mmsplice(name: str, length: int, index: int = 0) -> Network:
    return Network("mmsplice", partial(mmsplice, name), length, index, at(index), sequences=8, legacy=True)


NETWORKS = {
    "spliceai": _splice(spliceai, 10_001),
    "spliceai-fixed": _splice(partial(spliceai_fixed, 10_001), 10_001),
    "cispliceai": Network("cispliceai", cispliceai, 10_001, (0, 1), at(0, 1), sequences=1),
    "mmsplice-acceptor": _mmsplice("Acceptor", 53),
    "mmsplice-donor": _mmsplice("Donor", 18),
    "mmsplice-exon": _mmsplice("Exon", 100),
    "mmsplice-exon3": _mmsplice("Exon_prime3", 100),
    "mmsplice-intron3": _mmsplice("Intron3", 100),
    "mmsplice-intron5": _mmsplice("Intron5", 100),
    "legnet": _crested("legnet", 300, sequences=8),
    "deeptopic_cnn": _crested("deeptopic_cnn", 500, sequences=4),
    "deeptopic_lstm": _crested("deeptopic_lstm", 500, sequences=4),
    "simple_convnet": _crested("simple_convnet", 500, sequences=8),
    "dilated_cnn": _crested("dilated_cnn", 2114, sequences=1, num_filters=256, first_conv_filters=256),
    "dilated_cnn_decoupled": _crested(
        "dilated_cnn_decoupled", 2114, sequences=1, num_filters=128, first_conv_filters=128, num_classes=4
    ),
    "basenji": _crested("basenji", 4096, sequences=1, filters=256, first_filters=96),
    "enformer": _crested(
        "enformer", 8192, (16, 1), at(16, 1), sequences=1, num_transformer_blocks=2, target_length=32,
        start_filters=128, filters=384, pointwise_filters=768,
    ),
    "borzoi": _crested(
        "borzoi", 16_384, (192, 1), at(192, 1), sequences=1, num_transformer_blocks=2, target_length=384,
        start_filters=64, filters=192, pointwise_filters=256, unet_filters=192,
    ),
    "gopher-basset": Network(
        "bio-gopher", partial(gopher, "Basset", (1024, 4), 15, activation="relu"), 1024, 1, at(1), 8, legacy=True
    ),
    "gopher-bpnet": Network(
        "bio-gopher", partial(gopher, "bpnet", (2048, 4), (2048, 2)), 2048, (1024, 1), at(1024, 1), 1, legacy=True
    ),
    "gopher-residual-profile": Network(
        "bio-gopher", partial(gopher, "residual_profile_all_dense_32", (2048, 4), (64, 15), activation="relu"),
        2048, (32, 1), at(32, 1), 1, legacy=True,
    ),
    "chrombpnet": Network(
        "chrombpnet", partial(chrombpnet, filters=256), 2114,
        "chrombpnet-counts", lambda outputs: outputs[1][:, 0], sequences=1, legacy=True,
    ),
}  # fmt: skip


def data(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Random sequences (N, L, 4), and references (N, R, L, 4) that are their shuffles."""
    from genolift.sequence.shuffle import shuffle

    rng = np.random.default_rng(3)
    X = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (network.sequences, network.length))]
    return X, shuffle(X, network.references, 2, 0)
