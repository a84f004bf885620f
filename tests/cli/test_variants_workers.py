"""`genolift variants --workers`: the table's work is shared, and comes out the same to the last byte."""

import pickle
import random
import signal
import threading
import time
from contextlib import contextmanager

import psutil
import pytest
from cli_files import fasta
from started import started

pytest.importorskip("distributed")

CHR1 = "".join(random.Random(3).choices("ACGT", k=4000))


@pytest.fixture(scope="module")
def command(files, tmp_path_factory):
    """A command for 600 variants, a tenth of them deletions, with nulls of both kinds."""
    folder = tmp_path_factory.mktemp("shared")
    rng = random.Random(1)
    lines = []
    for pos in range(50, 3650, 6):
        base = CHR1[pos - 1]
        ref, alt = (CHR1[pos - 1 : pos + 3], base) if rng.random() < 0.1 else (base, "ACGT"["ACGT".index(base) - 1])
        lines.append(f"chr1\t{pos}\tv{pos}\t{ref}\t{alt}\n")
    lines[300:300] = ["chr9\t5\tno\tA\tC\n"] * 130  # a block of which nothing can be scored
    (folder / "v.vcf").write_text("".join(lines))
    genome = fasta(folder / "g.fa", {"chr1": CHR1})
    return ["variants", files.model, folder / "v.vcf", "--fasta", genome, "--target", 0, 2, "--null", 300]


@pytest.fixture(scope="module")
def alone(command, tmp_path_factory):
    """The table that one process makes."""
    from genolift.cli.app import run

    out = tmp_path_factory.mktemp("alone") / "v.tsv"
    assert run([str(argument) for argument in [*command, "--out", out]]) == 0
    return out.read_bytes()


def children():
    return [one for one in psutil.Process().children(recursive=True) if "spawn_main" in " ".join(one.cmdline())]


def copied(what):
    return pickle.loads(pickle.dumps(what))  # noqa: S301 - our own


@pytest.mark.slow
def test_workers_make_the_same_table_also_when_one_is_killed(command, alone, genolift, tmp_path):
    work, killed = tmp_path / ".v.tsv.genolift-work", []

    def kill():
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and not list(work.glob("null-*.npz")):
            time.sleep(0.002)
        victim = children()[0]
        victim.send_signal(signal.SIGKILL)
        killed.append(len(list(work.glob("0*.tsv"))))

    murder = threading.Thread(target=kill)
    murder.start()
    told = genolift(*command, "--workers", 2, "--out", tmp_path / "v.tsv")
    murder.join()
    assert told.code == 0, told.err
    assert killed[0] < 6
    assert "730 alleles (600 scored, 130 unknown_chromosome)" in told.out
    assert (tmp_path / "v.tsv").read_bytes() == alone
    assert not work.exists()


@pytest.mark.slow
def test_stopped_with_workers_and_continued_by_one_process(command, alone, genolift, tmp_path):
    out, work = tmp_path / "v.tsv", tmp_path / ".v.tsv.genolift-work"
    for _ in range(3):  # The signal may come where Python can only report it, or too late.
        process = started([*command, "--workers", 2, "--out", out])
        deadline = time.monotonic() + 300
        while process.poll() is None and not list(work.glob("null-*.npz")):
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=120)
        if process.returncode == 130:
            break
        assert process.returncode == 0, told
        assert out.read_bytes() == alone
        out.unlink()
    assert process.returncode == 130
    assert "the same command continues" in told.splitlines()[-1]
    there = {path.name: path.stat().st_mtime_ns for path in work.glob("null-*.npz")}
    assert there
    told = genolift(*command, "--out", out)
    assert told.code == 0, told.err
    assert out.read_bytes() == alone


def test_blocks_may_come_back_in_any_order(command, alone, genolift, tmp_path, monkeypatch):
    """What workers are given and return goes through pickle, as in a cluster."""
    from genolift.pipeline.scoring import cluster

    @contextmanager
    def backwards(task, workers, scheduler):
        def spread(work, shared, blocks):
            for number, items in reversed([copied(block) for block in blocks]):
                yield number, len(items), copied(work(shared, number, items))

        yield spread

    monkeypatch.setattr(cluster, "team", backwards)
    told = genolift(*command, "--workers", 2, "--out", tmp_path / "v.tsv")
    assert told.code == 0, told.err
    assert (tmp_path / "v.tsv").read_bytes() == alone
