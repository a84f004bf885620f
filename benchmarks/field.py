"""Time DeepLIFT on the field's own networks: those that packages of the field ship or build.

    python benchmarks/field.py install                # an environment of its own, in build/field
    python benchmarks/field.py measure                # all networks: a table, and field.jsonl
    python benchmarks/field.py measure spliceai legnet
    python benchmarks/field.py table field.jsonl      # the table again

``install`` makes a virtual environment beside genolift's own, because the packages would change genolift's. ``measure``
runs four processes for each network, so that a first call is one:

- **gradient** times TensorFlow's own first gradient of the explained number, and a second;
- **deeplift** times genolift's first call (the method is made and a sequence is explained) and a second, and looks at the
  residual and at how much the memory of the process grew;
- **ratio** calls DeepLIFT and as many plain gradients as there are pairs in alternation;
- **twins** calls DeepLIFT, tangermeme and captum in alternation, the latter two on the network rebuilt in PyTorch, where
  `field_twins.py` can rebuild it, and looks at how far the contributions are from adding up.

Each process has a time limit, after which the network is marked as such. Times of a busy machine are long; ratios are
what to look at, and the processor seconds beside them.
"""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]
ENVIRONMENT = ROOT / "build" / "field"
#: What each process is asked for.
JOBS = ("gradient", "deeplift", "ratio", "twins")
#: The goal: a ratio of at most this, and a first call of at most 3 first gradients and 3 s.
RATIO, FIRST = 1.25, (3.0, 3.0)


def _python(environment: Path) -> Path:
    python = environment / "bin" / "python"
    if not python.exists():
        raise click.ClickException(f"{environment} is no environment; give `field.py install` first")
    return python


def _run(environment: Path, job: str, name: str, rounds: int, limit: float, threads: int) -> dict:
    """What one process finds, or what became of it."""
    from field_zoo import NETWORKS

    quiet = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), str(threads))
    quiet |= {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "PYTHONPATH": str(ROOT)}
    if NETWORKS[name].legacy:
        quiet["TF_USE_LEGACY_KERAS"] = "1"
    command = [_python(environment), ROOT / "benchmarks" / "field_worker.py", job, name, str(rounds)]
    try:
        done = subprocess.run(
            list(map(str, command)), env={**os.environ, **quiet}, capture_output=True, text=True, timeout=limit
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"over {limit:g} s"}
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return {"failed": lines[-1][:300] if lines else f"exit code {done.returncode}"}
    return json.loads(done.stdout.splitlines()[-1])


def _first(found: dict) -> str:
    if "failed" in found:
        return "–"
    return f"{found['seconds']:.1f} ({found['cpu']:.1f})"


def _other(twins: dict, package: str) -> str:
    """How many times as long another package takes, and how far its sums are off."""
    found = twins.get(package, twins)
    return "–" if "failed" in found else f"{found['times']:.1f} × ({found['miss']:.0e})"


def table(records: list[dict]) -> str:
    """A table in Markdown of what was measured."""
    head = (
        "| network | bp | residual | ratio to gradients (processor time) | gradient's first call, s (processor) | "
        "DeepLIFT's first call | second | memory grown | tangermeme | captum |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    rows = []
    for one in records:
        gradient, ours, ratio, twins = (one.get(job, {"failed": "left out"}) for job in JOBS)
        failed = next((found["failed"] for found in (ours, gradient, ratio) if "failed" in found), None)
        residual = "" if "failed" in ours else f"{ours['residual']:.0e} of {ours['change']:.1g}"
        against = "" if "failed" in ratio else f"{ratio['wall']:.2f} ({ratio['cpu']:.2f})"
        second = "" if "failed" in ours else f"{ours['second']:.2f}"
        grown = "" if "failed" in ours else f"{ours['grown'] / 1e9:.1f} GB"
        note = "" if failed is None else f" – {failed}"
        rows.append(
            f"| {one['network']}{note} | {one['length']:,} | {residual} | {against} | {_first(gradient)} | "
            f"{_first(ours)} | {second} | {grown} | {_other(twins, 'tangermeme')} | {_other(twins, 'captum')} |"
        )
    return "\n".join([head, *rows])


@click.group(help=__doc__.split("\n\n", maxsplit=1)[0], epilog="See the beginning of field.py for what is measured.")
def main() -> None: ...


@main.command()
@click.option("--environment", type=click.Path(path_type=Path), default=ENVIRONMENT, show_default=True)
def install(environment: Path) -> None:
    """Make the environment with genolift and the packages of the field."""
    here = ROOT / "benchmarks"
    if not (environment / "bin" / "python").exists():
        venv.create(environment, with_pip=True)
    pip = [str(_python(environment)), "-m", "pip", "install", "-q"]
    subprocess.run([*pip, "-e", str(ROOT), "-r", str(here / "field-requirements.txt")], check=True)
    subprocess.run([*pip, "--no-deps", "-r", str(here / "field-networks.txt")], check=True)
    click.echo(f"{environment} is ready")


@main.command()
@click.argument("networks", nargs=-1)
@click.option("--environment", type=click.Path(path_type=Path), default=ENVIRONMENT, show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), default="field.jsonl", show_default=True, help="Gets a line each."
)
@click.option("--rounds", default=5, show_default=True, help="Rounds of DeepLIFT and gradients in alternation.")
@click.option("--limit", default=600.0, show_default=True, help="Seconds that a process may take.")
@click.option("--threads", default=2, show_default=True, help="The threads of TensorFlow.")
@click.option("--without", multiple=True, type=click.Choice(JOBS), help="Leave a process out.")
def measure(
    networks: tuple[str, ...],
    environment: Path,
    out: Path,
    rounds: int,
    limit: float,
    threads: int,
    without: tuple[str, ...],
) -> None:
    """Measure NETWORKS, or all of them; `field.py networks` lists them."""
    from field_zoo import NETWORKS

    if unknown := set(networks) - set(NETWORKS):
        raise click.ClickException(
            f"there is no network {', '.join(sorted(unknown))}; choose among {', '.join(NETWORKS)}"
        )
    records = []
    for name in networks or NETWORKS:
        found = {
            job: {"failed": "left out"} if job in without else _run(environment, job, name, rounds, limit, threads)
            for job in JOBS
        }
        load = os.getloadavg()[0]
        record = {"network": name, "length": NETWORKS[name].length, "package": NETWORKS[name].package, "load": load}
        records.append(record | found)
        with out.open("a") as file:
            file.write(json.dumps(records[-1]) + "\n")
        click.echo(table(records[-1:]).splitlines()[-1])
    click.echo("\n" + table(records))


@main.command("table")
@click.argument("lines", type=click.Path(path_type=Path, exists=True))
def table_again(lines: Path) -> None:
    """Print the table of LINES, a file that `measure` wrote; of a network that occurs again, the last line counts."""
    records = {record["network"]: record for record in map(json.loads, lines.read_text().splitlines())}
    click.echo(table(list(records.values())))


@main.command("networks")
def list_networks() -> None:
    """List the networks, with the package that each comes from."""
    from field_zoo import NETWORKS

    for name, one in NETWORKS.items():
        click.echo(f"{name:26s} {one.package:12s} {one.length:7,d} bp, {one.sequences} × {one.references} pairs")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
