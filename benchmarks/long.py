"""Time and memory of DeepLIFT on Enformer and Borzoi, at any size, beside TensorFlow's own gradient.

    python benchmarks/field.py install                         # the environment with crested, in build/field
    python benchmarks/long.py enformer                         # in full: 196,608 bp, 1,536 channels, 11 layers
    python benchmarks/long.py borzoi --references 1            # in full: 524,288 bp
    python benchmarks/long.py enformer --scale 0.5             # half the length and half the channels

Weights are random. There are two processes, so that the peak of each memory is its own: **gradient** times the plain
gradient of the explained number at one sequence, and **deeplift** makes the method, explains one sequence, and then
another one. The peak of the memory is that of the whole process, with TensorFlow, the weights and the results.
"""

import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

ROOT = Path(__file__).parents[1]
#: Length, bins, and the sizes that `--scale` multiplies with what each is a multiple of.
FULL: dict[str, tuple[int, int, dict[str, tuple[int, int]]]] = {
    "enformer": (
        196_608,
        896,
        {"start_filters": (768, 128), "filters": (1536, 384), "pointwise_filters": (3072, 128)},
    ),
    "borzoi": (
        524_288,
        6144,
        {
            "start_filters": (512, 32), "filters": (1536, 32), "pointwise_filters": (1920, 32),
            "unet_filters": (1536, 32),
        },
    ),
}  # fmt: skip


def build(network: str, scale: float, blocks: int | None, tracks: int, seed: int = 0) -> tuple[Any, int]:
    """The network with random weights, and its length.

    crested starts the last factor of each residual branch at zero. Such branches would carry nothing, so every weight
    that is constant is drawn.
    """
    import keras
    from crested.tl import zoo

    keras.utils.set_random_seed(seed)
    length, bins, sizes = FULL[network]
    length, bins = int(length * scale), int(bins * scale)
    options = {key: max(unit, int(size * scale) // unit * unit) for key, (size, unit) in sizes.items()}
    if blocks is not None:
        options["num_transformer_blocks"] = blocks
    model = getattr(zoo, network)(seq_len=length, num_classes=tracks, target_length=bins, **options)
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        values = np.asarray(weight.value)
        if values.std() == 0:
            near = rng.normal(0, 0.02, values.shape) if values.ndim > 1 else rng.uniform(-0.1, 0.1, values.shape)
            weight.assign(near + (values if "variance" in weight.path else 0) + (1.0 if "gamma" in weight.path else 0))
    return model, length


class Watch:
    """The memory of this process while something runs, and the most that it was."""

    def __init__(self) -> None:
        self.peak = 0
        self._page = resource.getpagesize()
        threading.Thread(target=self._look, daemon=True).start()

    def now(self) -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * self._page

    def _look(self) -> None:
        while True:
            self.peak = max(self.peak, self.now())
            time.sleep(0.02)

    def timed(self, function: Any) -> tuple[Any, dict]:
        """A function's result with seconds, processor seconds, and memory before and at most."""
        self.peak = before = self.now()
        wall, cpu = time.perf_counter(), time.process_time()
        result = function()
        spent = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        return result, spent | {"before": before / 1e9, "peak": self.peak / 1e9}


def gradient(model: Any, X: np.ndarray, bin_: int) -> dict:
    """The first plain gradient of a number at one sequence, and the second."""
    import tensorflow as tf

    @tf.function
    def slope(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            number = model(x, training=False)[:, bin_, 0]
        return tape.gradient(number, x)

    watch = Watch()
    _, first = watch.timed(lambda: slope(tf.constant(X[:1])).numpy())
    _, second = watch.timed(lambda: slope(tf.constant(X[1:])).numpy())
    return {"first": first, "second": second}


def deeplift(model: Any, X: np.ndarray, bin_: int, references: int, memory: str, again: bool) -> dict:
    """The first explanation of a sequence, and the second; and whether it sums to the difference."""
    import genolift as gl

    watch = Watch()
    method, made = watch.timed(
        lambda: gl.DeepLift(
            model, (bin_, 0), references=gl.references.Shuffled(references, k=2, seed=0), memory=memory, progress=True
        )
    )
    found: dict[str, Any] = {"made": made}
    try:
        result, found["first"] = watch.timed(lambda: method(X[:1]))
    except ValueError as problem:
        return found | {"refused": str(problem)}
    if again:
        result, found["second"] = watch.timed(lambda: method(X[1:]))
    change = np.asarray(result.predictions)[..., None] - np.asarray(result.reference_predictions)
    return found | {
        "residual": float(np.abs(result.residual).max()), "change": float(np.abs(change).max()),
        "verdict": method.verdict.kind,
    }  # fmt: skip


def _process(job: str, options: list[str], python: Path, threads: int) -> dict:
    quiet = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"), str(threads))
    quiet |= {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [str(python), __file__, *options, "--job", job], env={**os.environ, **quiet}, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1]) if not done.returncode else {"failed": done.returncode}


@click.command(help=__doc__.split("\n\n", maxsplit=1)[0], epilog="See the beginning of long.py for what is measured.")
@click.argument("network", type=click.Choice(list(FULL)))
@click.option("--scale", default=1.0, show_default=True, help="Multiplies the length, the bins and the channels.")
@click.option("--blocks", type=int, help="The number of transformer layers. By default that of the network.")
@click.option("--tracks", default=8, show_default=True, help="The number of tracks.")
@click.option("--references", default=5, show_default=True, help="The number of references.")
@click.option("--memory", default="8GB", show_default=True, help="genolift's budget.")
@click.option("--threads", default=2, show_default=True, help="The threads of TensorFlow.")
@click.option("--python", type=click.Path(path_type=Path), default=ROOT / "build/field/bin/python", show_default=True)
@click.option("--once", is_flag=True, help="Explain one sequence and no second.")
@click.option("--job", type=click.Choice(["gradient", "deeplift"]), help="One of the two, in this process.")
def main(
    network: str, scale: float, blocks: int | None, tracks: int, references: int, memory: str, threads: int,
    python: Path, once: bool, job: str | None,
) -> None:  # fmt: skip
    """Measure NETWORK."""
    if job is None:
        options = sys.argv[1:]
        found = {one: _process(one, options, python, threads) for one in ("gradient", "deeplift")}
        click.echo(json.dumps(found, indent=1))
        return
    from genolift.support.tensorflow import quiet_tensorflow

    quiet_tensorflow()
    model, length = build(network, scale, blocks, tracks)
    X = np.eye(4, dtype=np.float32)[np.random.default_rng(3).integers(0, 4, (2, length))]
    bin_ = model.output_shape[1] // 2
    if job == "gradient":
        click.echo(json.dumps(gradient(model, X, bin_)))
    else:
        click.echo(json.dumps(deeplift(model, X, bin_, references, memory, not once)))


if __name__ == "__main__":
    main()
