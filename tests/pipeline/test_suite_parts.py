"""Parts of a comparison as one, and the failures that it shows."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from genolift.pipeline.benchmark.comparing.failures import _window
from genolift.pipeline.benchmark.comparing.merging import is_suite, merge_suites
from genolift.pipeline.benchmark.comparing.running import _in_processes
from genolift.pipeline.benchmark.comparing.tables import Tables
from genolift.simulate.dataset import Embedding
from genolift.support.errors import FileProblem, InputError

METRICS = ("spearman", "auroc", "sign", "mass")


def failure(simulation, method="gradient"):
    return {
        "simulation": simulation, "network": "tal_gata", "seed": 0, "task": "y", "name": "s", "start": 10,
        "sequence": "ACGTN" * 4,
        "instances": [{"motif": "GATA", "start": 12, "end": 18, "strand": "-", "value": -0.5}],
        "methods": [{"method": name, "agreement": 0.5, "scores": [0.1] * 20} for name in ("ism", method)],
    }  # fmt: skip


def part(folder, seed, simulations=("both", "xor", "order"), method="ism", explained=40, failures=()):
    folder.mkdir()
    keys = [(simulation, "tal_gata", seed) for simulation in simulations]
    rows = [
        {"simulation": a, "network": b, "seed": c, "method": name, "references": "zeros" if name == "b" else "",
         "task": "y", "truth": "network", "metric": metric, "value": 0.25 * (name == method) + 0.1 * c, "low": 0.1,
         "high": 0.9, "n": 40, "sequences": 40, "seconds": 1.0}
        for a, b, c in keys for name in (method, "gradient") for metric in METRICS
    ]  # fmt: skip
    refused = [{"simulation": a, "network": b, "seed": c, "method": "cam", "references": "", "reason": "no"}
               for a, b, c in keys]  # fmt: skip
    trained = [{"simulation": a, "network": b, "seed": c, "task": "y", "metric": "auroc", "value": 0.9}
               for a, b, c in keys]  # fmt: skip
    tables = Tables(pd.DataFrame(rows), pd.DataFrame(refused), pd.DataFrame(trained), list(failures))
    files = tables.write(folder)
    request = {
        "suite": [{"name": name, "length": 200} for name in simulations],
        "networks": [{"name": "tal_gata"}],
        "methods": [{"name": method}, {"name": "gradient"}],
        "seeds": 1, "first_seed": seed, "sequences": None, "explained": explained, "epochs": None,
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps({"request": request, "files": files, "seconds_in_all": 5.0}))
    return folder


def test_seeds_become_one_table(tmp_path):
    one = part(tmp_path / "one", 0, failures=[failure("both"), failure("xor")])
    two = part(tmp_path / "two", 1, failures=[failure("both", "grad-cam"), failure("order")])
    assert is_suite(one)
    assert not merge_suites([one, two], tmp_path / "out")
    both = pd.read_csv(tmp_path / "out" / "results.csv")
    assert len(both) == 2 * len(pd.read_csv(one / "results.csv"))
    assert set(both.seed) == {0, 1}
    told = json.loads((tmp_path / "out" / "failures.json").read_text())["failures"]
    assert [(one["simulation"], one["methods"][1]["method"]) for one in told] == [
        ("both", "gradient"), ("xor", "gradient"), ("order", "gradient")]  # fmt: skip
    page = (tmp_path / "out" / "index.html").read_text()
    assert "2 training seeds" in page
    assert "How methods fail" in page
    assert json.loads((tmp_path / "out" / "run.json").read_text())["seconds_in_all"] == 10.0
    assert merge_suites([one, two], tmp_path / "out")  # It is complete.


def test_parts_by_methods_and_simulations(tmp_path):
    one = part(tmp_path / "one", 0, ("both",))
    two = part(tmp_path / "two", 0, ("xor",))
    merge_suites([one, two], tmp_path / "out")
    assert set(pd.read_csv(tmp_path / "out" / "networks.csv").simulation) == {"both", "xor"}
    (request,) = json.loads((tmp_path / "out" / "run.json").read_text())["request"]["merged"]
    assert [one["name"] for one in request["suite"]] == ["both", "xor"]  # What they share is written once.


def test_what_was_merged_is_merged_again_from_its_small_table(tmp_path):
    one, two, three = (part(tmp_path / str(seed), seed) for seed in range(3))
    merge_suites([one, two], tmp_path / "both")
    (tmp_path / "both" / "results.csv").unlink()  # as the published table is kept
    merge_suites([tmp_path / "both", three], tmp_path / "all")
    merge_suites([one, two, three], tmp_path / "at once")
    for name in ("results.csv", "networks.csv", "refused.csv"):
        assert (tmp_path / "all" / name).read_text() == (tmp_path / "at once" / name).read_text()
    with pytest.raises(InputError, match="the same is in two of them"):
        merge_suites([tmp_path / "both", two], tmp_path / "twice")
    # The second and the third differ in a simulation that the first has not.
    other = part(tmp_path / "other", 3, ("xor",))
    run = json.loads((other / "run.json").read_text())
    run["request"]["suite"][0]["length"] = 300
    (other / "run.json").write_text(json.dumps(run))
    with pytest.raises(InputError, match="length"):
        merge_suites(
            [part(tmp_path / "first", 4, ("both",)), part(tmp_path / "second", 5, ("xor",)), other], tmp_path / "no"
        )


def test_methods_of_networks_that_differ_are_not_merged(tmp_path):
    one, two = part(tmp_path / "one", 0), part(tmp_path / "two", 0, method="lime")
    for folder, methods in ((one, "ism"), (two, "lime")):
        table = pd.read_csv(folder / "results.csv", keep_default_na=False)
        table[table.method == methods].to_csv(folder / "results.csv", index=False)
    merge_suites([one, two], tmp_path / "out")
    trained = pd.read_csv(two / "networks.csv")
    trained.assign(value=0.8).to_csv(two / "networks.csv", index=False)
    with pytest.raises(InputError, match="the network of both, tal_gata, 0 has other metrics in two of them"):
        merge_suites([one, two], tmp_path / "no")


def test_what_cannot_be_merged(tmp_path):
    one = part(tmp_path / "one", 0)
    with pytest.raises(InputError, match=r"the same is in two of them: both, tal_gata, 0, ism; give each part once"):
        merge_suites([one, part(tmp_path / "two", 0)], tmp_path / "out")
    with pytest.raises(InputError, match=r"three cannot be merged with .*one: explained is 40 there and 30 here"):
        merge_suites([one, part(tmp_path / "three", 1, explained=30)], tmp_path / "out")
    other = part(tmp_path / "four", 1)
    run = json.loads((other / "run.json").read_text())
    run["request"]["suite"][1]["length"] = 300
    (other / "run.json").write_text(json.dumps(run))
    with pytest.raises(InputError, match=r"four cannot be merged with .*one: .*length"):
        merge_suites([one, other], tmp_path / "out")
    (tmp_path / "five").mkdir()
    with pytest.raises(FileProblem, match="five is not the directory of a complete comparison; finish it first"):
        merge_suites([one, tmp_path / "five"], tmp_path / "out")


def test_a_long_sequence_is_shown_where_it_matters():
    instances = [(Embedding(0, "A", 900, 910, "+", ""), 0.1), (Embedding(0, "B", 1500, 1510, "+", ""), -2.0)]
    start, end = _window(2000, instances)
    assert end - start == 200
    assert start <= 1500
    assert end >= 1510
    assert abs((start + end) / 2 - 1505) < 5
    assert _window(150, instances[:0]) == (0, 150)


def test_the_picture_shows_both_methods():
    from genolift.plot.suites.failures import plot_failure

    axes = plot_failure(failure("both")).axes
    assert [ax.get_title("left").split(":")[0] for ax in axes][1:] == ["ISM", "Gradient"]
    (bar,) = axes[0].patches
    assert np.isclose(bar.get_height(), -0.5)
    assert (bar.get_x(), bar.get_width()) == (11.5, 6)


# The pool's own queues tell a worker that is busy nothing.
BEGINS_A_WORKER = """
import os, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from genolift.pipeline.benchmark.comparing import unit
if __name__ == "__main__":
    with ProcessPoolExecutor(1, get_context("spawn"), unit.begin_worker, (1,)) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 300).result()
"""


def test_workers_end_with_the_process_that_began_them(tmp_path):
    (tmp_path / "begins.py").write_text(BEGINS_A_WORKER)
    with subprocess.Popen([sys.executable, tmp_path / "begins.py"], stdout=subprocess.PIPE, text=True) as parent:
        worker = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    for _ in range(100):
        if not alive(worker):
            return
        time.sleep(0.1)
    os.kill(worker, signal.SIGKILL)
    raise AssertionError("the worker went on without the process that began it")


def test_a_worker_that_the_system_kills_is_told_of(tmp_path):
    with pytest.raises(InputError, match="the system killed a worker; if for want of memory, give fewer workers"):
        _in_processes([_Fatal()], tmp_path, 1, lambda: None)


class _Fatal:
    """What ends the process that runs it, as the system does where memory runs out."""

    def stages(self):
        os.kill(os.getpid(), signal.SIGKILL)


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{process}/stat") as text:
        return text.read().rsplit(")", 1)[1].split()[0] != "Z"  # Nobody may be there to collect it.
