"""Time whole scoring jobs, from FASTA and BED to what is left on disk, and watch their memory.

    python benchmarks/scoring.py loop     [--windows 8000] [--rounds 3] [--python-torch PATH]
    python benchmarks/scoring.py workers  [--windows 8000] [--rounds 3]
    python benchmarks/scoring.py memory   [--sizes 10000,100000] [--rounds 1] [--workers N]

``loop``: genolift explain against a simple loop over tangermeme's deep_lift_shap, both with 20 dinucleotide shuffles, the
Rescale rule, one target and two threads, on the paper's network and its twin in PyTorch; each a process of its own, started
anew every round, so that start-up, tracing and compiling count. The packages draw other shuffles; what is compared are
their scores' correlation. ``workers``: one process with one thread, held to one processor, against ``--workers 2 --threads
1``; also the time after the first block, because a night's job does not notice a start-up of seconds, and the time of two
single processes that share nothing, each with half of the windows: what the machine gives at best. ``memory``: the
resident memory of one process over time, for growing numbers of windows, with a small network, short windows and a quick
method (gradient × input), since what grows does not depend on them; with ``--workers N``, of the command that feeds N.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import click
import numpy as np

LENGTH, REFERENCES = 200, 20
SHORT, SMALL = 60, {"filters": 4, "width": 7}
VARIABLES = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"]


def write_job(folder: Path, windows: int, length: int = LENGTH, **network) -> None:
    """A genome of one chromosome, regions all over it, and the paper's network for both packages, or a smaller one."""
    from genolift.models.zoo import build

    rng = np.random.default_rng(0)
    size = 20 * windows + length
    (folder / "genome.fa").write_bytes(
        b">chr1\n" + rng.choice(np.frombuffer(b"ACGT", np.uint8), size).tobytes() + b"\n"
    )
    starts = np.sort(rng.choice(size - length, windows, replace=False))
    (folder / "peaks.bed").write_text("".join(f"chr1\t{start}\t{start + length}\n" for start in starts))
    model = build("tal_gata", length=length, **network)
    model.save(folder / "model.keras")
    arrays = {f"{layer.name}/{i}": w for layer in model.layers for i, w in enumerate(layer.get_weights())}
    np.savez(folder / "weights.npz", **arrays)


def command(folder: Path, *options: str, method: str = "deeplift") -> list[str]:
    own = ["--rule", "rescale", "--references", f"shuffled:{REFERENCES}"] if method == "deeplift" else []
    inputs = [str(folder / "model.keras"), str(folder / "genome.fa"), "--regions", str(folder / "peaks.bed")]
    out = ["--target", "0", "--method", method, "--out", str(folder / "scores.zarr"), "--force"]
    return [sys.executable, "-m", "genolift.cli", "explain", *inputs, *own, *out, *options]


def run(arguments: list[str], threads: int, store: Path | None = None, processors: set | None = None):
    """Seconds of a process, which may be held to some processors; and from the first block of its store on."""
    environment = {**os.environ, **dict.fromkeys(VARIABLES, str(threads)), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = None if store is None else store / "blocks" / "done"
    if done is not None:
        subprocess.run(["rm", "-rf", str(store)], check=True)
    begin, first = time.perf_counter(), None
    with tempfile.TemporaryFile("w+") as errors:
        hold = partial(os.sched_setaffinity, 0, processors) if processors else None
        process = subprocess.Popen(
            arguments, env=environment, stdout=subprocess.DEVNULL, stderr=errors, preexec_fn=hold
        )
        while process.poll() is None:
            if first is None and done is not None and any(done.glob("*.json")):
                first = time.perf_counter()
            time.sleep(0.02)
        if process.returncode:
            errors.seek(0)
            raise click.ClickException(errors.read()[-3000:])
    end = time.perf_counter()
    return end - begin, end - (first or begin)


def loop(folder: Path, threads: int) -> None:
    """The other package's job, in its own Python: what a notebook of the field does."""
    import torch
    from tangermeme.deep_lift_shap import deep_lift_shap
    from tangermeme.io import extract_loci
    from torch_twins import twin

    torch.set_num_threads(threads)
    model = twin("tal_gata", dict(np.load(folder / "weights.npz")))
    X = extract_loci(str(folder / "peaks.bed"), str(folder / "genome.fa"), in_window=LENGTH)
    options = {"target": 0, "n_shuffles": REFERENCES, "random_state": 0, "hypothetical": True, "device": "cpu"}
    found = [deep_lift_shap(model, X[i : i + 100].float(), batch_size=100, **options) for i in range(0, len(X), 100)]
    np.savez_compressed(folder / "loop.npz", hypothetical=torch.cat(found).numpy(), X=X.numpy().astype(np.int8))


def told(name: str, seconds: list[float], windows: int) -> float:
    middle = statistics.median(seconds)
    click.echo(f"{name:40s} {middle:8.2f} s ({min(seconds):.2f}-{max(seconds):.2f})  {windows / middle:8.1f} windows/s")
    return middle


@click.group()
def main():
    """Whole scoring jobs; see the top of this file."""


@main.command("loop")
@click.option("--windows", default=8000)
@click.option("--rounds", default=3)
@click.option("--threads", default=2)
@click.option("--python-torch", default=sys.executable, help="Python with torch and tangermeme.")
def against_loop(windows, rounds, threads, python_torch):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_job(folder, windows)
        other = [python_torch, __file__, "in-loop", str(folder), str(threads)]
        times: dict[str, list[float]] = {"genolift explain": [], "loop over deep_lift_shap": []}
        for _ in range(rounds):
            seconds, _ = run(command(folder, "--threads", str(threads)), threads, folder / "scores.zarr")
            times["genolift explain"].append(seconds)
            times["loop over deep_lift_shap"].append(run(other, threads)[0])
        ours, theirs = (told(name, seconds, windows) for name, seconds in times.items())
        click.echo(f"{theirs / ours:.2f} times the loop; correlation of scores {agreement(folder):.4f}")


def agreement(folder: Path) -> float:
    import genolift as gl

    found = np.load(folder / "loop.npz")
    theirs = (found["hypothetical"] * found["X"]).sum(1)
    return float(
        np.corrcoef(np.asarray(gl.Explanation.load(folder / "scores.zarr").scores).ravel(), theirs.ravel())[0, 1]
    )


@main.command("in-loop", hidden=True)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("threads", type=int)
def in_loop(folder, threads):
    loop(folder, threads)


@main.command("workers")
@click.option("--windows", default=8000)
@click.option("--rounds", default=3)
def two_against_one(windows, rounds):
    with tempfile.TemporaryDirectory() as place:
        folder, halves = Path(place), [Path(place) / "first", Path(place) / "second"]
        write_job(folder, windows)
        for half in halves:
            half.mkdir()
            write_job(half, windows // 2)
        all_of_them = os.sched_getaffinity(0)
        ways = {
            "one process on one processor": ([], {min(all_of_them)}),
            "two workers, one thread each": (["--workers", "2"], all_of_them),
        }
        apart = "two processes that share nothing"
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in [*ways, apart]}
        for _ in range(rounds):
            for name, (options, processors) in ways.items():
                job = command(folder, "--threads", "1", *options)
                times[name].append(run(job, 1, folder / "scores.zarr", processors))
            times[apart].append(side_by_side(halves, sorted(all_of_them)[:2]))
        whole = [told(name, [a for a, _ in pairs], windows) for name, pairs in times.items()]
        rest = [told(f"{name}, after a block", [b for _, b in pairs], windows) for name, pairs in times.items()]
        for name, two, later in zip([*ways, apart][1:], whole[1:], rest[1:], strict=True):
            click.echo(f"{name}: {whole[0] / two:.2f} times one process; {rest[0] / later:.2f} after the first block")
        if len(all_of_them) < 2:
            click.echo("there is only one processor: this says nothing")


def side_by_side(folders: list[Path], processors: list[int]) -> tuple[float, float]:
    """Jobs at the same time, each held to a processor: the seconds of the slowest, and from its first block on."""
    with ThreadPoolExecutor() as pool:
        jobs = [
            pool.submit(run, command(folder, "--threads", "1"), 1, folder / "scores.zarr", {processor})
            for folder, processor in zip(folders, processors, strict=False)
        ]
        return tuple(map(max, zip(*[job.result() for job in jobs], strict=True)))


@main.command("memory")
@click.option("--sizes", default="10000,100000")
@click.option("--rounds", default=1)
@click.option("--workers", default=0, help="Watch the command that feeds so many workers instead.")
def memory(sizes, rounds, workers):
    peaks = {windows: [] for windows in map(int, sizes.split(","))}
    for _ in range(rounds):
        for windows, seen in peaks.items():
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place)
                write_job(folder, windows, SHORT, **SMALL)
                options = ["--workers", str(workers)] if workers else []
                began = time.perf_counter()
                over_time = watched(command(folder, *options, method="gradient-x-input"))
                seconds = time.perf_counter() - began
            seen.append(float(over_time.max()))
            tenths = [round(float(part.max())) for part in np.array_split(over_time, 10)]
            told = {"windows": windows, "seconds": round(seconds, 1), "peak_MB": round(seen[-1]), "by_tenths": tenths}
            click.echo(json.dumps(told))
    smallest, largest = (statistics.median(peaks[windows]) for windows in (min(peaks), max(peaks)))
    click.echo(f"{100 * (largest / smallest - 1):.1f} % more memory for {max(peaks):,} windows than for {min(peaks):,}")


def watched(arguments: list[str]) -> np.ndarray:
    """The resident memory of a process over time, in MB."""
    import psutil

    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=subprocess.STDOUT)
        seen = []
        while process.poll() is None:
            try:
                seen.append(psutil.Process(process.pid).memory_info().rss / 1e6)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.05)
        if process.wait():
            log.seek(0)
            raise click.ClickException(log.read().decode()[-3000:])
    return np.array(seen)


if __name__ == "__main__":
    main()
