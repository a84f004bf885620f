"""The packages that explain.py times: each runs in a process of its own, which obeys commands on standard input.

A package is a class with ``batches`` (what to choose its batch size among), ``jobs`` (name → function of a batch size)
and ``proof()``: logits, contributions and how far these are from adding up, on the first sequences.
"""

import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path

import numpy as np

TARGET = {"bpnet": ("counts", 0)}
CHECKED = 8  # sequences compared between packages


def serve(package: str, folder: Path, net: str) -> None:
    """Obey one command per line, ``{"do": ..., ...}``, each with one line of JSON, until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a package prints is not an answer
    warnings.filterwarnings("ignore")
    worker = PACKAGES[package](folder, net)
    commands = {"batches": lambda: worker.batches, "proof": lambda **to: _save(worker.proof(), **to)}
    commands["time"] = lambda job, batch, share=1.0: _timed(worker.jobs[job], batch, share)
    commands["memory"] = lambda **what: worker.memory(**what)
    for line in sys.stdin:
        command = json.loads(line)
        answers.write(json.dumps(commands[command.pop("do")](**command)) + "\n")
        answers.flush()


def _timed(job, batch, share: float) -> float:
    job(batch, share / 4)  # wakes the process, whose memory the others have pushed out of the caches
    begin = time.perf_counter()
    job(batch, share)
    return time.perf_counter() - begin


def _save(arrays: dict, path: str) -> None:
    np.savez(path, **arrays)


class Package:
    batches: tuple = (None,)

    def __init__(self, folder: Path, net: str):
        data = np.load(folder / f"{net}.npz")
        self.folder, self.net, self.X, self.references = folder, net, data["X"], data["references"]

    def part(self, share: float) -> int:
        """How many sequences a share of them is."""
        return max(1, round(share * len(self.X)))


class Genolift(Package):
    """Chooses its batch size itself."""

    def __init__(self, folder, net):
        super().__init__(folder, net)
        import genolift as gl
        from genolift.models.zoo import build

        self.gl, self.target = gl, TARGET.get(net, 0)
        self.model = build(net)
        arrays = {f"{layer.name}/{i}": w for layer in self.model.layers for i, w in enumerate(layer.get_weights())}
        np.savez(folder / f"{net}.weights.npz", **arrays)
        own = lambda n: gl.references.Fixed(self.references[:n])  # noqa: E731
        shared = lambda n: gl.references.Fixed(self.references[0])  # noqa: E731
        self.jobs = {rule: self._job(rule, own) for rule in ("rescale", "genomics", "revealcancel")}
        self.jobs["shared references"] = self._job("rescale", shared)
        if net == "tal_gata":
            self.jobs["three targets"] = self._job("rescale", own, [0, 1, 2])
        self.jobs["shuffle"] = lambda batch, share: gl.references.Shuffled(20, seed=1).draw(self.X)

    def _job(self, rule, references, target=None):
        target, made = self.target if target is None else target, {}

        def job(batch, share):
            n = self.part(share)
            if n not in made:  # traced once for all rounds, as a user would
                made[n] = self.gl.DeepLift(
                    self.model, target=target, rule=rule, references=references(n), progress=False
                )
            return made[n](self.X[:n])

        return job

    def proof(self):
        n = min(CHECKED, len(self.X))
        method = self.gl.DeepLift(
            self.model,
            target=self.target,
            rule="rescale",
            references=self.gl.references.Fixed(self.references[:n]),
        )
        found = method(self.X[:n])
        return {
            "logits": found.predictions,
            "contributions": found.raw_contributions,
            "hypothetical": found.hypothetical,
            "delta": np.abs(found.residual),
            "change": np.abs(found.predictions[:, None] - found.reference_predictions),
        }

    def memory(self, sequences: int) -> dict:
        """First call and peak memory in this fresh process, references drawn block by block."""
        X = np.resize(self.X, (sequences, *self.X.shape[1:]))
        before = _peak()
        begin = time.perf_counter()
        references = self.gl.references.Shuffled(20, seed=1)
        method = self.gl.DeepLift(self.model, target=self.target, references=references, progress=False)
        found = method(X)
        seconds = time.perf_counter() - begin
        fields = ("inputs", "raw_contributions", "multipliers", "hypothetical", "standard_error")
        kept = sum(getattr(found, name).nbytes for name in fields)
        return {"seconds": seconds, "before": before, "peak": _peak(), "results": kept}


def _peak() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Keras(Package):
    """Plain passes over as many rows as there are (sequence, reference) pairs: what no method can do without."""

    batches = (50, 100, 200, 400, 800)

    def __init__(self, folder, net):
        super().__init__(folder, net)
        from genolift.models.zoo import build
        from genolift.support.tensorflow import quiet_tensorflow

        tf = quiet_tensorflow()
        model = build(net)
        head = model.output_names.index(TARGET[net][0]) if net in TARGET else None
        if net in ("basset", "bpnet", "transformer"):
            self.batches = (20, 50, 100, 200)

        def run(x):
            found = model(x, training=False)
            return found[:, 0] if head is None else found[head][:, 0]

        forward = tf.function(run, autograph=False)
        gradient = tf.function(lambda x: tf.gradients(run(x), x)[0], autograph=False)
        rows = self.references.reshape(-1, *self.X.shape[1:])

        def job(function):
            def run_all(batch, share):
                some = rows[: self.part(share) * self.references.shape[1]]
                return [function(tf.constant(some[i : i + batch])).numpy() for i in range(0, len(some), batch)]

            return run_all

        self.jobs = {"forward": job(forward), "gradient": job(gradient)}


class Torch(Package):
    """Arrays as (N, 4, L) tensors, made beforehand."""

    batches = (20, 50, 100, 200, 400)

    def __init__(self, folder, net):
        super().__init__(folder, net)
        import torch
        from torch_twins import twin

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        self.torch, self.model = torch, twin(net, dict(np.load(folder / f"{net}.weights.npz")))
        self.x = torch.tensor(self.X.swapaxes(-1, -2).copy())
        self.r = torch.tensor(self.references.swapaxes(-1, -2).copy())
        if net != "tal_gata":
            self.batches = (10, 20, 50, 100)
        self.jobs = {"rescale": self.rescale}

    def pairs(self, n: int):
        """Sequences and references of the first n, row by row."""
        count = self.r.shape[1]
        return self.x[:n].repeat_interleave(count, 0), self.r[:n].flatten(0, 1)

    def proof(self):
        n = min(CHECKED, len(self.X))
        x, r = self.pairs(n)
        with self.torch.no_grad():
            at_x, at_r = self.model(x)[:, 0], self.model(r)[:, 0]
        contributions = self.contributions(n)
        shaped = contributions.reshape(n, -1, *self.x.shape[1:])
        change = (at_x - at_r).reshape(n, -1)
        return {
            "logits": at_x.reshape(n, -1)[:, 0].numpy(),
            "contributions": shaped.mean(1).numpy().swapaxes(-1, -2),
            "delta": (shaped.sum((2, 3)) - change).abs().numpy(),
            "change": change.abs().numpy(),
        }


class Tangermeme(Torch):
    def __init__(self, folder, net):
        super().__init__(folder, net)
        from tangermeme.deep_lift_shap import deep_lift_shap
        from tangermeme.ersatz import dinucleotide_shuffle

        self.attribute = deep_lift_shap
        self.jobs["shuffle"] = lambda batch, share: dinucleotide_shuffle(self.x, n=20, random_state=1)

    def rescale(self, batch, share, **options):
        n = options.pop("n", None) or self.part(share)
        options = {"hypothetical": True, "warning_threshold": 1e9, **options}
        return self.attribute(
            *(self.model, self.x[:n]), target=0, references=self.r[:n], batch_size=batch, device="cpu", **options
        )

    def contributions(self, n):
        multipliers = self.rescale(self.batches[0], 1.0, n=n, raw_outputs=True).flatten(0, 1)
        x, r = self.pairs(n)
        return multipliers * (x - r)

    def proof(self):
        found = super().proof()
        n = min(CHECKED, len(self.X))
        found["hypothetical"] = self.rescale(self.batches[0], 1.0, n=n).numpy().swapaxes(-1, -2)
        return found


class Captum(Torch):
    def __init__(self, folder, net):
        super().__init__(folder, net)
        from captum.attr import DeepLift, DeepLiftShap

        self.method, self.by_sequence = DeepLift(self.model), DeepLiftShap(self.model)
        self.jobs["DeepLiftShap"] = self.averaged

    def averaged(self, batch, share):
        """captum's own way to several references: sequence by sequence, all its references at once."""
        n = self.part(share)
        return [self.by_sequence.attribute(self.x[i : i + 1], self.r[i], target=0).detach() for i in range(n)]

    def rescale(self, batch, share):
        count = self.r.shape[1]
        x, r = self.pairs(self.part(share))
        found = [
            self.method.attribute(x[i : i + batch], r[i : i + batch], target=0).detach()
            for i in range(0, len(x), batch)
        ]
        return self.torch.cat(found).reshape(-1, count, *x.shape[1:]).mean(1)

    def contributions(self, n):
        x, r = self.pairs(n)
        return self.method.attribute(x, r, target=0).detach()


class Shap(Torch):
    """One explainer per sequence, as each has references of its own: no batch size to choose."""

    batches = (None,)

    def rescale(self, batch, share):
        return [self._one(i) for i in range(self.part(share))]

    def _one(self, i: int):
        from shap import DeepExplainer

        return DeepExplainer(self.model, self.r[i]).shap_values(self.x[i : i + 1], check_additivity=False)

    def contributions(self, n):
        count = self.r.shape[1]
        means = self.torch.tensor(np.concatenate([self._one(i)[..., 0] for i in range(n)]))
        # It gives means over references only, so its sums are held against the mean difference.
        return means.repeat_interleave(count, 0)

    def proof(self):
        found = super().proof()
        x, r = self.pairs(len(found["logits"]))
        with self.torch.no_grad():
            change = (self.model(x)[:, 0] - self.model(r)[:, 0]).reshape(len(found["logits"]), -1).mean(1)
        found["delta"] = np.abs(found["contributions"].sum((1, 2)) - change.numpy())
        found["change"] = np.abs(change.numpy())
        return found


PACKAGES = {"genolift": Genolift, "keras": Keras, "tangermeme": Tangermeme, "captum": Captum, "shap": Shap}
