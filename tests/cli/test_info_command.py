"""`genolift info`: what stores are, complete or not."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from stored import full

from genolift.results.explanation import Explanation


@pytest.fixture(scope="module")
def store(files, tmp_path_factory):
    from genolift.cli.app import run

    out = tmp_path_factory.mktemp("told") / "s.zarr"
    command = ["explain", files.model, files.fasta, "--target", "0", "1", "--references", "shuffled:3", "--out", out]
    assert run([str(argument) for argument in command]) == 0
    return out


def told(genolift, *stores):
    answer = genolift("info", *stores, "--json")
    return answer.code, json.loads(answer.out)


def test_says_what_made_a_store_and_what_it_holds(store, genolift):
    code, (one,) = told(genolift, store)
    loaded = Explanation.load(store)
    assert code == 0
    assert one["complete"]
    assert one["method"]["name"] == "deeplift"
    assert one["method"]["references"] == {"kind": "shuffled", "n": 3, "k": 2, "seed": 0}
    assert one["target"] == [0, 1]
    assert one["sequences"] == {
        "number": 12, "done": 12, "lengths": [60, 60], "images": None, "unknown_bases": 0, "left_out": 0,
        "sha256": loaded.provenance["sequences"]["sha256"],
    }  # fmt: skip
    for name, field in one["fields"].items():
        assert field["shape"] == list(getattr(loaded, name).shape), name
        assert field["dtype"] == str(getattr(loaded, name).dtype), name
    assert one["fields"]["inputs"]["kept_as"] == "uint8"
    residual = np.abs(np.asarray(loaded.residual))
    assert one["residual"]["largest"] == pytest.approx(residual.max(), rel=1e-5)
    assert one["residual"]["mean"] == pytest.approx(residual.mean(), rel=1e-5)
    assert one["residual"]["pairs"] == 12 * 2 * 3
    assert one["size_bytes"] == sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    assert one["versions"]["genolift"]
    assert one["command"].startswith("genolift explain ")


def test_says_it_in_words(store, genolift):
    answer = genolift("info", store, store)
    assert answer.code == 0
    for words in (
        "complete",
        "shuffled (n 3, k 2, seed 0)",
        "12 of 60 bases",
        "raw_contributions: float32 (12, 2, 60, 4)",
    ):
        assert answer.out.count(words) == 2
    assert all(len(line) <= 100 for line in answer.out.splitlines() if str(store) not in line)


def test_an_unfinished_store_is_described_as_far_as_it_is(store, genolift, tmp_path):
    part = tmp_path / "part.zarr"
    explanation = full(10, regions=[("chr1", i, i + 8) for i in range(6)] + [("chr2", i, i + 8) for i in range(4)])
    from genolift.results.store import StoreWriter

    with StoreWriter(part, {"names": explanation.names, "regions": explanation.region_table}, 10, block=2) as writer:
        for k in (1, 3):
            writer.write(k, explanation[2 * k : 2 * k + 2])
        code, (one,) = told(genolift, part)
        assert (code, one["complete"]) == (0, False)
        assert one["blocks"] == {"number": 5, "done": 2, "sequences": 2}
        assert one["sequences"]["done"] == 4
        assert one["regions"] == {"number": 10, "chromosomes": {"chr1": 6, "chr2": 4}}
        assert one["residual"]["largest"] == np.abs(explanation.residual[[2, 3, 6, 7]]).max()
        assert "4 of 10 sequences are done (2 of 5 blocks)" in genolift("info", part).out
    shutil.rmtree(part / "sequences")
    assert "damaged" in genolift("info", part).err


def test_the_others_are_described_where_one_is_no_store(store, genolift, tmp_path):
    code, (missing, one) = told(genolift, tmp_path / "none.zarr", store)
    assert code == 2
    assert missing == {"store": str(tmp_path / "none.zarr"), "error": f"{tmp_path / 'none.zarr'} is not there"}
    assert one["complete"]
    answer = genolift("info", tmp_path, store)
    assert answer.code == 2
    assert answer.err == f"genolift: error: {tmp_path} is empty, not a score store\n"
    assert "complete" in answer.out


def test_several_inputs_have_a_type_and_shape_each(genolift, tmp_path):
    fields = {"inputs": {"dna": np.eye(4, dtype=np.float32)[np.zeros((3, 5), int)], "more": np.ones((3, 2))}}
    fields["raw_contributions"] = {"dna": np.zeros((3, 5, 4), np.float32), "more": None}
    Explanation(fields).save(tmp_path / "s.zarr")
    _, (one,) = told(genolift, tmp_path / "s.zarr")
    assert one["fields"]["inputs"]["inputs"] == ["dna", "more"]
    assert one["fields"]["inputs"]["shape"] == [[3, 5, 4], [3, 2]]
    assert "float32 (3, 5, 4); float64 (3, 2)" in genolift("info", tmp_path / "s.zarr").out


def test_the_package_itself_can_be_run():
    said = subprocess.run([sys.executable, "-m", "genolift", "--version"], capture_output=True, text=True)
    assert (said.returncode, said.stdout[:9]) == (0, "genolift ")
