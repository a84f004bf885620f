"""Time DeepLIFT side by side: genolift, tangermeme, captum, shap, and the plain passes that nobody can do without.

    python benchmarks/explain.py [--nets] [--rounds 5] [--sequences 200] [--python-torch PATH]

The same sequences, the same 20 ready-made dinucleotide-shuffled references each, the same weights (the zoo's network
and its twin in PyTorch), one target, two threads. Each package runs in a process of its own, which waits without
computing while another one is timed; each at the best of a few batch sizes, chosen by a short sweep first. Rounds
are interleaved, a quarter of a job goes untimed before each; medians and the range are printed. Before anything is timed, logits and contributions are compared:
on the paper's network, where the packages' rules are the same, a disagreement ends the run; elsewhere it is shown,
with how far each package's contributions are from adding up to the difference of the outputs.

``--nets`` takes three larger networks in place of the paper's: after Basset (600 bp, max pooling), after BPNet
(2,114 bp, dilated, residual) and a small transformer.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np

REFERENCES = 20
#: Network → sequences of what length, and how many of them make a round take seconds.
NETS = {"tal_gata": (200, 200), "basset": (600, 8), "bpnet": (2114, 6), "transformer": (200, 40)}
THREADS = "2"
QUIET = {
    **dict.fromkeys(["OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"], THREADS),
    **dict.fromkeys(["TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"], THREADS),
    # A process that waits must leave the cores to the one that is timed.
    "OMP_WAIT_POLICY": "PASSIVE",
    "KMP_BLOCKTIME": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
#: Agreement of float32 with float32: of logits, and of contributions relative to the largest.
LOGITS, CONTRIBUTIONS = 1e-5, 1e-4


class Worker:
    """A package in its own process; ``ask`` sends it a command and waits for the answer."""

    def __init__(self, python: str, package: str, folder: Path, net: str):
        command = [python, __file__, "--worker", package, "--folder", str(folder), "--net", net]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - open as long as the process
        self.process = subprocess.Popen(command, env={**os.environ, **QUIET}, stderr=self.errors, **pipes)
        self.package = package

    def ask(self, do: str, **what):
        self.process.stdin.write(json.dumps({"do": do, **what}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            self.errors.seek(0)
            raise click.ClickException(f"{self.package} stopped:\n{self.errors.read()[-3000:]}")
        return json.loads(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


@dataclass
class Job:
    worker: Worker
    name: str
    batch: int | None = None
    seconds: list[float] = field(default_factory=list)

    @property
    def label(self) -> str:
        return f"{self.worker.package} {self.name}"

    def choose(self, share: float) -> None:
        """The batch size that does a share of the job fastest (the best of two, after a run to warm up)."""

        def best(batch):
            return min([self.time(batch, share) for _ in range(3)][1:])

        batches = self.worker.ask("batches")
        choice = len(batches) > 1 and self.name not in ("shuffle", "DeepLiftShap")
        self.batch = min(batches, key=best) if choice else None

    def time(self, batch, share: float = 1.0) -> float:
        return self.worker.ask("time", job=self.name, batch=batch, share=share)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def data(folder: Path, net: str, sequences: int) -> None:
    """Random sequences and their shuffles, as one-hot arrays in a file for all the packages."""
    from genolift.sequence.alphabet import one_hot
    from genolift.sequence.shuffle import shuffle

    codes = np.random.default_rng(7).integers(0, 4, (sequences, NETS[net][0]))
    X = one_hot(["".join("ACGT"[code] for code in row) for row in codes])
    np.savez(folder / f"{net}.npz", X=X, references=shuffle(X, REFERENCES, k=2, seed=1))


def compare(workers: dict[str, Worker], folder: Path, exact: bool) -> None:
    """Print how far logits and contributions are from genolift's, and from adding up; fail where they must agree."""
    proofs = {}
    for package, worker in workers.items():
        if package != "keras":
            path = folder / f"{package}.proof.npz"
            worker.ask("proof", path=str(path))
            proofs[package] = np.load(path)
    ours = proofs["genolift"]
    largest = np.abs(ours["contributions"]).max()
    click.echo("largest difference from genolift's (contributions: of the largest), and from adding up:")
    for package, proof in proofs.items():
        logits = np.abs(proof["logits"] - ours["logits"]).max()
        gaps = [np.abs(proof["contributions"] - ours["contributions"]).max() / largest]
        if "hypothetical" in proof:
            gaps.append(np.abs(proof["hypothetical"] - ours["hypothetical"]).max() / np.abs(ours["hypothetical"]).max())
        delta = proof["delta"].max() / proof["change"].mean()
        click.echo(
            f"  {package:11s} logits {logits:.1e}  contributions {max(gaps):.1e}  "
            f"sum − difference of outputs, of the mean difference: {delta:.1e}"
        )
        if logits > LOGITS * max(1, np.abs(ours["logits"]).max()) or (exact and max(gaps) > CONTRIBUTIONS):
            raise click.ClickException(f"{package} computes something else than genolift")


def run(jobs: list[Job], rounds: int) -> None:
    for job in jobs:
        job.choose(0.25 if job.name != "shuffle" else 1.0)
        job.time(job.batch)
    for _ in range(rounds):
        for job in jobs:
            job.seconds.append(job.time(job.batch))


def table(jobs: list[Job], base: Job) -> None:
    click.echo(f"{'':32s} {'batch':>6s} {'median s':>9s} {'range':>17s} {'of genolift rescale':>20s}")
    for job in jobs:
        spread = f"{min(job.seconds):.3f}–{max(job.seconds):.3f}"
        share = f"{job.median / base.median:.2f}" if job.name != "shuffle" else ""
        click.echo(f"{job.label:32s} {job.batch or '':>6} {job.median:9.3f} {spread:>17s} {share:>20s}")


def paper(folder: Path, pythons: dict[str, str], sequences: int | None, rounds: int, packages: list[str]) -> None:
    jobs = {
        "genolift": [
            *("rescale", "genomics", "revealcancel", "three targets", "shared references", "shuffle"),
        ],
        "keras": ["forward", "gradient"],
        "tangermeme": ["rescale", "shuffle"],
        "captum": ["rescale", "DeepLiftShap"],
        "shap": ["rescale"],
    }
    timed("tal_gata", folder, pythons, sequences, rounds, {p: jobs[p] for p in packages})


def timed(net: str, folder, pythons, sequences, rounds, names: dict[str, list[str]]) -> None:
    length, usual = NETS[net]
    sequences = sequences or usual
    data(folder, net, sequences)
    click.echo(f"\n{net}: {sequences} sequences of {length} bp, {REFERENCES} references each")
    workers: dict[str, Worker] = {}
    try:
        for package in names:
            workers[package] = Worker(pythons.get(package, sys.executable), package, folder, net)
            workers[package].ask("batches")  # genolift writes the weights that its twins read
        compare(workers, folder, exact=net == "tal_gata")
        jobs = [Job(workers[package], name) for package, some in names.items() for name in some]
        run(jobs, rounds)
        table(jobs, jobs[0])
    finally:
        for worker in workers.values():
            worker.__exit__()


def memory(folder: Path, sequences: tuple[int, ...]) -> None:
    """Fresh processes that explain more and more sequences: time of the first call, and peak memory."""
    click.echo("\nfirst call and peak memory of a fresh process, genomics, 20 references drawn by the method:")
    for n in sequences:
        with Worker(sys.executable, "genolift", folder, "tal_gata") as worker:
            found = worker.ask("memory", sequences=n)
        grown = found["peak"] - found["before"]
        mega = {key: value / 1e6 for key, value in found.items()}
        click.echo(
            f"  {n:6,d} sequences: {found['seconds']:.1f} s; {mega['before']:.0f} MB before, {mega['peak']:.0f} MB at "
            f"the peak; grown by {grown / 1e6:.0f} MB, of which sequences and results are {mega['results']:.0f} MB"
        )


@click.command(help=__doc__.split("\n", maxsplit=1)[0])
@click.option("--rounds", default=5, show_default=True, help="Interleaved rounds.")
@click.option("--sequences", type=int, help="How many sequences (default: 200; fewer for larger networks).")
@click.option("--nets", is_flag=True, help="Networks after Basset, BPNet and a transformer instead of the paper's.")
@click.option("--python-torch", help="Another environment's Python for the packages that need PyTorch.")
@click.option("--without", multiple=True, help="Leave a package out.")
@click.option("--worker", hidden=True)
@click.option("--folder", hidden=True, type=Path)
@click.option("--net", hidden=True)
def main(rounds, sequences, nets, python_torch, without, worker, folder, net) -> None:
    if worker:
        from explain_workers import serve

        serve(worker, folder, net)
        return
    pythons = dict.fromkeys(["tangermeme", "captum", "shap"], python_torch or sys.executable)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if nets:
            for net in ("basset", "bpnet", "transformer"):
                names = {"genolift": ["rescale", "genomics"], "keras": ["forward", "gradient"]}
                names |= {p: ["rescale"] for p in ("tangermeme", "captum")}
                timed(
                    net,
                    folder,
                    pythons,
                    sequences,
                    rounds,
                    {p: jobs for p, jobs in names.items() if p not in without},
                )
            return
        packages = [p for p in ("genolift", "keras", "tangermeme", "captum", "shap") if p not in without]
        paper(folder, pythons, sequences, rounds, packages)
        memory(folder, (200, 2000))


if __name__ == "__main__":
    main()
