"""Time in-silico mutagenesis side by side: genolift's fast form, its plain form, and tangermeme.

    python benchmarks/mutagenesis.py [--net NAME ...] [--rounds 3] [--python-torch PATH]

All substitutions of random sequences: on the paper's network at 200 bp beside tangermeme's ``saturation_mutagenesis``
(left to choose its own form, and told to predict every mutant in full, each at the best of a few batch sizes), on a
network after Basset at 1,000 bp and on one after BPNet at 2,114 bp (dilated, residual) beside the plain form. Methods are
made before anything is timed. Each package runs in a process of its own with two threads, which waits while another is
timed; rounds are interleaved, medians and the range are printed. What the packages give is compared first.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import explain
import explain_workers
import numpy as np

#: Network → length, sequences, and the packages it is timed with.
NETS = {
    "tal_gata": (200, 20, ("genolift", "tangermeme")),
    "basset": (1000, 1, ("genolift",)),
    "bpnet": (2114, 1, ("genolift",)),
}


class Genolift(explain_workers.Package):
    def __init__(self, folder, net):
        super().__init__(folder, net)
        import genolift as gl
        from genolift.models.zoo import build

        model = build(net, length=NETS[net][0])
        arrays = {f"{layer.name}/{i}": w for layer in model.layers for i, w in enumerate(layer.get_weights())}
        np.savez(folder / f"{net}.weights.npz", **arrays)
        self.jobs, self.made = {}, {}
        for name, fast in (("fast", None), ("plain", False)):
            begin = time.perf_counter()
            method = gl.method("ism", model, explain_workers.TARGET.get(net, 0), fast=fast, progress=False)
            self.made[name] = time.perf_counter() - begin
            self.jobs[name] = lambda batch, share, method=method: method(self.X[: self.part(share)])

    def proof(self):
        fast, plain = (self.jobs[name](None, 1.0) for name in ("fast", "plain"))
        form = fast.provenance.get("form", {}).get("sequence", "whole sequences")
        found = {"hypothetical": fast.hypothetical, "plain": plain.hypothetical, "predictions": plain.predictions}
        return {**found, "form": form, "made": self.made["fast"]}


# Of a prediction in single precision; what a substitution does may be a thousandth of it.
ROUNDING = 2e-6


class Tangermeme(explain_workers.Package):
    batches = (64, 128, 256, 512)

    def __init__(self, folder, net):
        super().__init__(folder, net)
        import torch
        from tangermeme.saturation_mutagenesis import saturation_mutagenesis
        from torch_twins import twin

        torch.set_num_threads(int(explain.THREADS))
        self.model = twin(net, dict(np.load(folder / f"{net}.weights.npz")))
        self.x = torch.tensor(self.X.swapaxes(-1, -2).copy())
        self.run = saturation_mutagenesis
        self.jobs = {
            "its own choice": lambda batch, share: self.mutate(batch, share, fast=True),
            "plain": lambda batch, share: self.mutate(batch, share, fast=False),
        }

    def mutate(self, batch, share, **options):
        x = self.x[: self.part(share)]
        return self.run(self.model, x, target=0, batch_size=batch, device="cpu", hypothetical=True, **options)

    def proof(self):
        found = {fast: self.mutate(128, 1.0, fast=fast).numpy().swapaxes(-1, -2) for fast in (True, False)}
        return {"hypothetical": found[True], "plain": found[False]}


class Worker(explain.Worker):
    """A process that runs this file."""

    def __init__(self, python: str, package: str, folder: Path, net: str):
        command = [python, __file__, "--worker", package, "--folder", str(folder), "--net", net]
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - open as long as the process
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "stderr": self.errors}
        self.process = subprocess.Popen(command, env={**os.environ, **explain.QUIET}, **pipes)
        self.package = package


def compare(workers: dict[str, Worker], folder: Path) -> None:
    """Print how far each form is from genolift's plain one, of the largest; end the run where they disagree."""
    expected = None
    for package, worker in workers.items():
        path = folder / f"{package}.proof.npz"
        worker.ask("proof", path=str(path))
        proof = dict(np.load(path))
        if expected is None:
            expected, largest = proof["plain"], np.abs(proof["plain"]).max()
            allowed = max(explain.CONTRIBUTIONS * largest, ROUNDING * np.abs(proof["predictions"]).max())
        if "form" in proof:
            click.echo(f"genolift runs {proof['form']}; made, traced, compiled and tried in {proof['made']:.1f} s")
        for name in ("hypothetical", "plain"):
            gap, form = np.abs(proof[name] - expected).max(), "fast" if name == "hypothetical" else name
            click.echo(f"  {package} {form}: differs by {gap / largest:.1e} of the largest")
            if gap > allowed:
                raise click.ClickException(f"{package} computes something else than genolift's plain form")


def timed(net: str, folder: Path, pythons: dict[str, str], rounds: int) -> None:
    length, count, packages = NETS[net]
    codes = np.random.default_rng(7).integers(0, 4, (count, length))
    X = np.eye(4, dtype=np.float32)[codes]
    np.savez(folder / f"{net}.npz", X=X, references=X[:, None])
    click.echo(f"\n{net}: all substitutions of {count} sequences of {length} bp")
    workers: dict[str, Worker] = {}
    try:
        for package in packages:
            workers[package] = Worker(pythons.get(package, sys.executable), package, folder, net)
            workers[package].ask("batches")  # genolift writes the weights that its twin reads
        compare(workers, folder)
        names = {"genolift": ("fast", "plain"), "tangermeme": ("its own choice", "plain")}
        jobs = [explain.Job(workers[package], name) for package in packages for name in names[package]]
        explain.run(jobs, rounds)
        for job in jobs:
            per_mutant = job.median / (count * length * 3) * 1e6
            spread = f"{min(job.seconds):.3f}–{max(job.seconds):.3f}"
            click.echo(
                f"  {job.label:28s} {job.batch or '':>5} {job.median:9.3f} s ({spread}), {per_mutant:8.1f} µs per mutant, "
                f"{job.median / jobs[0].median:5.1f} times the fast form"
            )
    finally:
        for worker in workers.values():
            worker.__exit__()


@click.command(help=__doc__.split("\n", maxsplit=1)[0])
@click.option("--rounds", default=3, show_default=True, help="Interleaved rounds.")
@click.option("--net", "nets", multiple=True, type=click.Choice(list(NETS)), help="Only this one.  [default: all]")
@click.option("--python-torch", help="Another environment's Python for tangermeme, which needs PyTorch.")
@click.option("--worker", hidden=True)
@click.option("--folder", hidden=True, type=Path)
def main(rounds, nets, python_torch, worker, folder) -> None:
    if worker:
        explain_workers.PACKAGES.update(genolift=Genolift, tangermeme=Tangermeme)
        explain_workers.serve(worker, folder, nets[0])
        return
    with tempfile.TemporaryDirectory() as name:
        for net in nets or NETS:
            timed(net, Path(name), {"tangermeme": python_torch or sys.executable}, rounds)


if __name__ == "__main__":
    main()
