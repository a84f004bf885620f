"""Blocks on the workers of a cluster: the same bytes as one process, whatever happens to a worker."""

import json
import logging
import os
import signal
import threading
import time
from concurrent.futures import CancelledError
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from genolift.models.zoo import build
from genolift.pipeline.common.execution import Execution
from genolift.pipeline.common.explaining import Explaining, Task
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.common.reading import Reading
from genolift.pipeline.common.recipe import Recipe
from genolift.pipeline.keeping.versions import versions
from genolift.pipeline.scoring import cluster, scoring, worker
from genolift.pipeline.scoring.scoring import Scoring, score
from genolift.results.reading import read_provenance
from genolift.results.store import StoreWriter
from genolift.support.errors import FileProblem, InputError
from genolift.support.threads import threads

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def job(tmp_path_factory) -> Scoring:
    """160 sequences of three lengths, for a model of any."""
    folder = tmp_path_factory.mktemp("cluster")
    build("tal_gata", length=None, filters=4, width=5).save(folder / "model.keras")
    rng = np.random.default_rng(0)
    text = "".join(f">s{i}\n{''.join(rng.choice(list('ACGT'), rng.choice([30, 34, 41])))}\n" for i in range(160))
    (folder / "all.fa").write_text(text)
    return Scoring(
        ModelFile(folder / "model.keras"),
        Reading(folder / "all.fa"),
        Recipe(targets=("0",), references="shuffled:3"),
        folder / "one.zarr",
        execution=Execution(progress=False),
    )


def elsewhere(job: Scoring, out, **execution) -> Scoring:
    return replace(job, out=out, execution=replace(job.execution, **execution))


def a_task(job: Scoring) -> Task:
    return Task(job.recipe, job.model, job.model.describe(), versions(), "uniform", (("ACGT" * 8,),), threads())


@pytest.fixture(scope="module")
def two_workers(job):
    """The address of a cluster such as ``workers=2`` starts."""
    with cluster._quiet(), cluster._local(a_task(job), 2) as local:
        yield local.scheduler_address


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(scoring, "_LARGEST_BLOCK", 2)


@pytest.fixture
def one_process(job):
    if not job.out.exists():
        score(job)
    return job.out


def differences(store, expected) -> set[str]:
    """The files of a store that are other than another's, missing or too many; few, as what a failed test prints."""
    found, wanted = contents(store), contents(expected)
    return {name for name in {*found, *wanted} if found.get(name) != wanted.get(name)}


def contents(store) -> dict[str, bytes]:
    """All bytes of a store; of its root what does not tell how the work was shared."""
    found = {str(f.relative_to(store)): f.read_bytes() for f in store.rglob("*") if f.is_file()}
    root = json.loads(found.pop("zarr.json"))
    root["attributes"]["genolift"]["provenance"].pop("command", None)
    return {**found, "root": json.dumps(root).encode()}


def worker_processes() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [child for child in children if any("spawn_main" in part for part in child.cmdline())]


def wait_for(condition, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.slow
def test_a_worker_is_killed_in_the_middle(job, one_process, two_workers, tmp_path):
    out, done = tmp_path / "two.zarr", tmp_path / "two.zarr" / "blocks" / "done"
    killed = []

    def kill():
        wait_for(lambda: len(list(done.glob("*.json"))) > 3)
        victim = worker_processes()[0]
        victim.send_signal(signal.SIGKILL)
        killed.append((victim.pid, len(list(done.glob("*.json")))))

    murder = threading.Thread(target=kill)
    murder.start()
    told = score(elsewhere(job, out, scheduler=two_workers))
    murder.join()
    assert told.now == 160
    ((pid, by_then),) = killed
    assert by_then < 75  # of 80 blocks
    wait_for(lambda: len(worker_processes()) == 2)
    assert pid not in {process.pid for process in worker_processes()}
    assert differences(out, one_process) == set()


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 1])
def test_whichever_worker_dies_first_what_they_share_is_not_lost(which):
    """Dask cannot make anew what it was only given to keep, and could cancel all blocks that needed it."""

    def slowly(shared, number, items):
        time.sleep(0.05)
        return shared.factor * sum(items) * np.ones(20_000)

    found = {}
    blocks = ((number, [number] * 3) for number in range(40))
    with cluster.team(SimpleNamespace(threads=1), 2, None) as spread:
        for number, size, result in spread(slowly, SimpleNamespace(factor=2), blocks):
            if not found:
                worker_processes()[which].send_signal(signal.SIGKILL)
            found[number] = size, result.mean()
    assert found == {number: (3, 6 * number) for number in range(40)}


@pytest.mark.slow
def test_an_interrupted_store_is_continued_by_workers_and_by_one_process(
    job, one_process, two_workers, tmp_path, monkeypatch
):
    out, write, calls = tmp_path / "s.zarr", StoreWriter.write, []

    def interrupted(self, k, explanation):
        calls.append(k)
        if len(calls) == 3:
            raise KeyboardInterrupt
        write(self, k, explanation)

    with monkeypatch.context() as patched:
        patched.setattr(StoreWriter, "write", interrupted)
        with pytest.raises(KeyboardInterrupt) as kept:
            score(replace(job, out=out))
    assert kept.tb is not None  # keeps the frames of what was interrupted
    assert not (out / "lock").exists()
    assert read_provenance(out)["done"] == 4

    spread, seen = cluster._spread, []

    def stopped(*given):
        for size in spread(*given):
            seen.append(size)
            yield size
            if len(seen) == 5:
                raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(cluster, "_spread", stopped)
        with pytest.raises(KeyboardInterrupt):
            score(elsewhere(job, out, scheduler=two_workers))
    assert 14 <= read_provenance(out)["done"] < 160
    assert score(replace(job, out=out)).now <= 146
    wait_for(lambda: not list(out.rglob("*.partial")))  # a worker may still be at a block that nobody waits for
    assert differences(out, one_process) == set()


@pytest.mark.slow
def test_what_goes_wrong_in_a_worker_is_one_sentence_here(job, two_workers, tmp_path, monkeypatch):
    out, prepare = tmp_path / "s.zarr", StoreWriter.prepare

    def obstructed(self, explanation):
        prepare(self, explanation)
        (self.path / "inputs" / "c").write_text("in the way")

    with monkeypatch.context() as patched:
        patched.setattr(StoreWriter, "prepare", obstructed)
        with pytest.raises(FileProblem, match=r"s\.zarr cannot be written: (File exists|Not a directory)$"):
            score(elsewhere(job, out, scheduler=two_workers))
    (out / "inputs" / "c").unlink()
    assert score(elsewhere(job, out, scheduler=two_workers)).now > 0
    assert read_provenance(out)["done"] == 160


def test_workers_that_would_give_other_results_are_refused(job, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "_here", lambda: "the worker tcp://1.2.3.4:5")
    out = tmp_path / "s.zarr"
    ticket = StoreWriter(out, {"method": {"name": "m"}}, 4).ticket
    task = a_task(job)
    for wrong, words in (
        ({"versions": {**versions(), "tensorflow": "1.0"}}, r"tcp://1\.2\.3\.4:5 has tensorflow .*begun with 1\.0"),
        ({"threads": threads() + 1}, "TensorFlow already computes with .* threads in this process"),
        ({"model_digest": {"sha256": "0"}}, r"tcp://1\.2\.3\.4:5 finds another model at .*model\.keras"),
    ):
        with pytest.raises(InputError, match=words):
            worker.explain_block((replace(task, **wrong), ticket), 0, ["ACGT" * 8])
    missing = replace(task, model=ModelFile(tmp_path / "none.keras"))
    with pytest.raises(FileProblem, match=r"the worker .*none\.keras cannot be read: No such file"):
        worker.explain_block((missing, ticket), 0, ["ACGT" * 8])
    with pytest.raises(FileProblem, match="another store than the one that is to be written"):
        worker.explain_block((task, replace(ticket, digest="0")), 0, ["ACGT" * 8])
    with pytest.raises(FileProblem, match=r"none\.zarr is not there"):
        worker.explain_block((task, replace(ticket, path=tmp_path / "none.zarr")), 0, ["ACGT" * 8])


@pytest.fixture
def attention():
    """A network of any length on which TensorFlow's optimisation depends on the shapes it has met."""
    import keras

    keras.utils.set_random_seed(1)
    x = keras.Input((None, 4))
    h = keras.layers.Conv1D(16, 7, padding="same", activation="gelu")(x)
    h = keras.layers.LayerNormalization()(h)
    h = keras.layers.MultiHeadAttention(2, 8)(h, h) + h
    return keras.Model(x, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(h)))


@pytest.mark.slow
def test_a_block_is_the_same_whatever_came_before(job, attention):
    """Shapes that are met in another order are compiled otherwise, were it not for the trials."""
    sequences = [line for line in job.reading.sequences.read_text().splitlines() if line[0] != ">"]
    by_length = {n: [one for one in sequences if len(one) == n][:3] for n in (30, 34, 41)}
    blocks = [by_length[41], by_length[30][:1], [by_length[34][0], *by_length[30]], by_length[41][:1]]
    found = []
    for order in (range(4), reversed(range(4)), (3, 0, 2, 1)):
        made = Recipe("lrp-epsilon", ("0",)).make(attention)
        explaining = Explaining(made, "uniform", [[blocks[0][0]], by_length[30][:1] * 2])
        explaining.settle()
        parts = {k: explaining(blocks[k]) for k in order}
        found.append([np.asarray(parts[k].scores).tobytes() for k in range(4)])
    assert found[0] == found[1] == found[2]


def test_what_cannot_be_is_said_before_any_work(job, tmp_path, monkeypatch):
    here = replace(job, out=tmp_path / "s.zarr")
    with pytest.raises(InputError, match="give one of them"):
        score(elsewhere(here, here.out, workers=2, scheduler="tcp://127.0.0.1:1"))
    monkeypatch.setattr(cluster, "_TO_CONNECT", 1)
    refused = pytest.raises(InputError, match=r"no Dask scheduler at 'tcp://127\.0\.0\.1:1'")
    with cluster._quiet(), refused, cluster._client(a_task(job), None, "tcp://127.0.0.1:1"):
        pass
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'genolift\[cluster\]'"):
        score(elsewhere(here, here.out, workers=2))
    assert not here.out.exists()


@pytest.mark.parametrize(
    ("problem", "kind", "words"),
    [
        (
            distributed.KilledWorker("block", SimpleNamespace(address="tcp://1.2.3.4:5"), 3),
            InputError,
            r"died of the same block, the last one at tcp://1\.2\.3\.4:5; .*smaller memory",
        ),
        (CancelledError("lost"), FileProblem, "connection to the Dask scheduler was lost; the same command continues"),
        (ModuleNotFoundError("No module named 'genolift'"), InputError, "install genolift on all machines"),
    ],
)
def test_trouble_with_the_cluster_itself(problem, kind, words, job, monkeypatch):
    def troubled(*given):
        raise problem

    monkeypatch.setattr(cluster, "_client", lambda *given: nullcontext())
    monkeypatch.setattr(cluster, "_spread", troubled)
    with pytest.raises(kind, match=words):
        list(cluster.explain_on_cluster(a_task(job), None, [], 2, None))


def test_each_worker_gets_a_gpu_and_the_threads_of_this_process(job, monkeypatch):
    monkeypatch.setattr(cluster, "_gpus", lambda: ["3", "5"])
    told = [cluster._options(a_task(job), i)["env"] for i in range(3)]
    assert [one["CUDA_VISIBLE_DEVICES"] for one in told] == ["3", "5", "3"]
    assert {one["TF_NUM_INTRAOP_THREADS"] for one in told} == {str(threads())}


def test_a_worker_that_sees_several_gpus_uses_its_own(monkeypatch):
    """As dask-cuda starts the third of four."""
    for name, value in (("CUDA_VISIBLE_DEVICES", "2,3,0,1"), ("TF_FORCE_GPU_ALLOW_GROWTH", "")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH")
    worker.see_one_gpu()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2,3,0,1"  # TensorFlow has read it already
    monkeypatch.setattr(worker, "sys", SimpleNamespace(modules={}))
    worker.see_one_gpu()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2"
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    worker.see_one_gpu()
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_a_job_of_another_number_of_threads_is_continued_with_that(job, tmp_path, monkeypatch):
    wanted = []
    monkeypatch.setattr(scoring, "use_threads", wanted.append)
    monkeypatch.setattr(StoreWriter, "write", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
    here = replace(job, out=tmp_path / "s.zarr", recipe=Recipe("gradient", ("0",)))
    for threads_asked in (None, None, 7):
        with pytest.raises(KeyboardInterrupt):
            score(elsewhere(here, here.out, threads=threads_asked))
    assert wanted == [None, threads(), 7]


@pytest.mark.slow
def test_workers_of_our_own(job, one_process, tmp_path, caplog, monkeypatch):
    out = tmp_path / "s.zarr"
    done = out / "blocks" / "done"
    monkeypatch.setattr(logging.getLogger("genolift"), "propagate", True)
    before = {process.pid for process in worker_processes()}

    def kill():
        wait_for(lambda: any(done.glob("*.json")))
        mine = [process for process in worker_processes() if process.pid not in before]
        os.kill(mine[0].pid, signal.SIGKILL)

    murder = threading.Thread(target=kill)
    murder.start()
    with caplog.at_level(logging.INFO, logger="genolift"):
        score(elsewhere(job, out, workers=2))
    murder.join()
    assert [record.message for record in caplog.records if "lost" in record.message]
    assert differences(out, one_process) == set()
    assert {process.pid for process in worker_processes()} <= before


def test_a_recipe_makes_what_it_says():
    with pytest.raises(InputError, match="the method gradient takes no option 'steps'"):
        Recipe("gradient", ("0",), options={"steps": 3}).make(None)
