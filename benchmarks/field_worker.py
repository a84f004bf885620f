"""What ``field.py`` runs in a process of its own for each network: a first call, or a comparison in alternation."""

import json
import os
import resource
import sys
import time
from typing import Any

import numpy as np


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _timed(function: Any) -> tuple[Any, float, float]:
    """A function's result, the seconds that it took, and the processor seconds of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = function()
    return result, time.perf_counter() - wall, time.process_time() - cpu


class Gradients:
    """TensorFlow's own gradient of the number that is explained, compiled once, as a user would write it."""

    def __init__(self, network: Any, model: Any):
        import tensorflow as tf

        layered = hasattr(model, "layers")

        @tf.function(reduce_retracing=True)
        def gradient(x: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                number = network.number(model(x, training=False) if layered else model(x))
            return tape.gradient(number, x)

        self._gradient, self._constant = gradient, tf.constant

    def __call__(self, X: np.ndarray, batch: int) -> None:
        for start in range(0, len(X), batch):
            self._gradient(self._constant(X[start : start + batch])).numpy()


def gradient_first(network: Any, X: np.ndarray, references: np.ndarray) -> dict:
    """A first gradient of as many rows as a sequence has references, and a second."""
    model = network.build()
    rows = np.concatenate([X[:1], references[0]])[: references.shape[1]]

    def first() -> Gradients:
        made = Gradients(network, model)
        made(rows, len(rows))
        return made

    before = _peak()
    made, seconds, cpu = _timed(first)
    _, second, _ = _timed(lambda: made(rows, len(rows)))
    return {"seconds": seconds, "cpu": cpu, "second": second, "grown": _peak() - before}


def _target(network: Any, model: Any) -> Any:
    if network.target == "chrombpnet-counts":
        return (model.output_names[1], 0)
    return network.target


def deeplift_first(network: Any, X: np.ndarray, references: np.ndarray) -> dict:
    """The method made and a sequence explained, then the next one; and whether the sums are right."""
    import genolift as gl

    model = network.build()

    def first() -> tuple[Any, Any]:
        made = gl.DeepLift(model, _target(network, model), references=references_of, memory="4GB", progress=False)
        return made, made(X[:1])

    def references_of(x: np.ndarray) -> np.ndarray:
        return references[: len(x)]

    before = _peak()
    (made, result), seconds, cpu = _timed(first)
    grown = _peak() - before
    _, second, _ = _timed(lambda: made(X[:1]))
    residual = float(np.abs(result.residual).max())
    change = float(np.abs(result.predictions[..., None] - result.reference_predictions).max())
    return {
        "seconds": seconds, "cpu": cpu, "second": second, "grown": grown,
        "residual": residual, "change": change, "verdict": made.verdict.kind,
        "steps": len(made.traced.program.steps),
    }  # fmt: skip


def ratio(network: Any, X: np.ndarray, references: np.ndarray, rounds: int) -> dict:
    """DeepLIFT and as many plain gradients in alternation, in one process; gradients at the best of a few batches."""
    import genolift as gl

    model = network.build()
    method = gl.DeepLift(
        model, _target(network, model), references=lambda x: references[: len(x)], memory="4GB", progress=False
    )
    gradients = Gradients(network, model)
    rows = references.reshape(-1, *X.shape[1:])
    method(X)
    batches = sorted({batch for batch in (1, 5, 16, len(rows)) if batch <= len(rows)})
    tried = {}
    for batch in batches:
        gradients(rows, batch)
        tried[batch] = _timed(lambda batch=batch: gradients(rows, batch))[2]
    batch = min(tried, key=tried.get)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(_timed(lambda: method(X))[1:])
        theirs.append(_timed(lambda: gradients(rows, batch))[1:])
    wall, cpu = (np.median(ours, axis=0) / np.median(theirs, axis=0)).tolist()
    seconds, base = np.median(ours, axis=0)[0], np.median(theirs, axis=0)[0]
    return {"wall": wall, "cpu": cpu, "seconds": seconds, "gradients": base, "batch": batch, "pairs": len(rows)}


def twins(network: Any, X: np.ndarray, references: np.ndarray, rounds: int) -> dict:
    """DeepLIFT of genolift, tangermeme and captum in alternation, the latter two on the network rebuilt in PyTorch.

    They explain the output itself, without leaving out a last activation, at the best of a few batch sizes each.
    """
    import captum.attr
    import torch
    from field_twins import Exp, Twin
    from tangermeme.deep_lift_shap import _nonlinear, deep_lift_shap

    import genolift as gl

    model = network.build()
    target = network.target if isinstance(network.target, tuple) else (network.target,)
    twin = Twin(model, target)
    x, r = (torch.tensor(np.ascontiguousarray(array.swapaxes(-1, -2))) for array in (X, references))
    pairs = x.repeat_interleave(r.shape[1], 0), r.flatten(0, 1)
    with torch.no_grad():
        theirs, ours = twin(x)[:, 0].numpy(), np.asarray(network.number(model(X, training=False)))
        change = (twin(pairs[0]) - twin(pairs[1]))[:, 0]
    np.testing.assert_allclose(theirs, ours, rtol=1e-3, atol=1e-6 + 1e-3 * np.abs(ours).max())
    method = gl.DeepLift(
        model, _target(network, model), references=lambda x: references[: len(x)], memory="4GB", progress=False
    )
    by_captum = captum.attr.DeepLift(twin)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 2)))

    def genolift(batch: int) -> None:
        method(X)

    def tangermeme(batch: int) -> Any:
        return deep_lift_shap(
            twin, x, target=0, references=r, batch_size=batch, device="cpu", hypothetical=True,
            warning_threshold=1e9, raw_outputs=True, additional_nonlinear_ops={Exp: _nonlinear},
        )  # fmt: skip

    def captum_(batch: int) -> Any:
        parts = zip(*(side.split(batch) for side in pairs), strict=True)
        return torch.cat([by_captum.attribute(*part, target=0).detach() for part in parts])

    found: dict[str, Any] = {"agree": float(np.abs(theirs - ours).max())}
    residuals = {
        "tangermeme": lambda: (tangermeme(5).flatten(0, 1) * (pairs[0] - pairs[1])).sum((1, 2)) - change,
        "captum": lambda: captum_(5).sum((1, 2)) - change,
    }
    jobs, batches = {"genolift": genolift}, {"genolift": 0}
    method(X)
    for name, job in (("tangermeme", tangermeme), ("captum", captum_)):
        try:
            found[name] = {"miss": float(residuals[name]().abs().max() / change.abs().max())}
            tried = {
                size: _timed(lambda size=size, job=job: job(size))[1] for size in (5, 20, 40) if size <= len(pairs[0])
            }
        except Exception as error:  # Whatever stops a package is what is told of it.
            found[name] = {"failed": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
            continue
        jobs[name], batches[name] = job, min(tried, key=tried.__getitem__)
    times: dict[str, list] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            times[name].append(_timed(lambda name=name, job=job: job(batches[name]))[1])
    medians = {name: float(np.median(values)) for name, values in times.items()}
    found["genolift"] = {"seconds": medians["genolift"]}
    for name in jobs.keys() - {"genolift"}:
        found[name] |= {"seconds": medians[name], "times": medians[name] / medians["genolift"]}
    return found


def main() -> None:
    """Do what the arguments say, and print a line of JSON: the job, the name of the network, the number of rounds."""
    from field_zoo import NETWORKS, data

    job, name, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    from genolift.support.tensorflow import quiet_tensorflow

    quiet_tensorflow()
    network = NETWORKS[name]
    X, references = data(network)
    jobs = {"gradient": gradient_first, "deeplift": deeplift_first}
    rounded = {"ratio": ratio, "twins": twins}
    if job in rounded:
        found = rounded[job](network, X, references, rounds)
    else:
        found = jobs[job](network, X, references)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
