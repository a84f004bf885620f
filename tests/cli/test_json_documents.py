"""``--json``: one document on standard output, with the keys that the documentation lists."""

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from genolift.cli import machine
from genolift.methods.registry import listing
from genolift.pipeline.judging.table import HEADER, read_rows

(PAGE,) = (Path(__file__).parents[2] / "docs").rglob("command-line.md")


def documented(command: str, column: str = "key") -> set[str]:
    """The keys in the table of a section."""
    (section,) = re.findall(rf"^### `{re.escape(command)}`\n(.*?)(?=^##|\Z)", PAGE.read_text(), re.M | re.S)
    (table,) = re.findall(rf"^\| {column} \|.*?(?=^[^|]|\Z)", section + "\n", re.M | re.S)
    return set(re.findall(r"^\| `(\w+)`", table, re.M))


def strictly(text: str):
    """Read JSON that has no numbers beyond those that it knows."""

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_numbers_that_are_not_finite_are_null(capsys):
    machine.say({"a": [math.nan, math.inf, 1.5], "b": np.float32(-np.inf), 3: (np.int64(2), Path("x")), "c": True})
    assert strictly(capsys.readouterr().out) == {"a": [None, None, 1.5], "b": None, "3": [2, "x"], "c": True}
    with pytest.raises(TypeError):
        machine.say(object())


def test_methods(genolift):
    found = strictly(genolift("methods", "--json").out)
    assert {one["name"]: one["summary"] for one in found} == listing()
    assert set(found[0]) == documented("genolift methods --json")


@pytest.mark.parametrize("name", ["integrated-gradients", "deeplift", "ism", "sis"])
def test_a_method(genolift, name):
    one = strictly(genolift("methods", name, "--json").out)
    assert set(one) == documented("genolift methods NAME --json")
    assert one["name"] == name
    assert one["description"][0]
    for option in one["options"]:
        assert set(option) == documented("genolift methods NAME --json", "option's key")
        assert option["meaning"].endswith(".")
    options = {option["name"]: option for option in one["options"]}
    assert options["seed"]["flag"] == "--seed"
    assert options["progress"]["in_python_only"]
    if name == "integrated-gradients":
        assert options["steps"]["default"] == 50
        assert not options["steps"]["in_python_only"]


def test_explain_and_what_it_would_continue(files, genolift, tmp_path):
    out = tmp_path / "s.zarr"
    command = ["explain", files.model, files.fasta, "--target", 0, "--references", "shuffled:2", "--out", out, "--json"]
    keys = documented("genolift explain --resume-check --json")
    before = strictly(genolift(*command, "--resume-check").out)
    assert before == dict.fromkeys(keys, 0) | {"out": str(out), "is_new": True, "is_complete": False}
    first, again = (strictly(genolift(*command).out) for _ in range(2))
    assert set(first) == set(again) == documented("genolift explain --json")
    assert (first["out"], first["sequences"], first["explained_now"]) == (str(out), 12, 12)
    assert not first["already_complete"]
    assert (again["sequences"], again["explained_now"], again["already_complete"]) == (12, 0, True)
    after = strictly(genolift(*command, "--resume-check").out)
    assert (after["is_new"], after["is_complete"], after["done"], after["sequences"]) == (False, True, 12, 12)
    refused = genolift(*command, "--seed", 3)
    assert (refused.code, refused.out) == (2, "")
    assert genolift(*command, "--diagnose").out == ""


@pytest.mark.slow
def test_check_and_info(files, genolift, tmp_path):
    told = strictly(genolift("check", files.model, "--json").out)
    assert set(told) == documented("genolift check --json")
    out = tmp_path / "s.zarr"
    genolift("explain", files.model, files.fasta, "--target", 0, "--references", "shuffled:2", "--out", out)
    (store,) = strictly(genolift("info", out, "--json").out)
    assert set(store) == documented("genolift info --json")


def test_variants(files, genolift, tmp_path):
    vcf, genome = tmp_path / "v.vcf", tmp_path / "g.fa"
    genome.write_text(">chr1\n" + "ACGT" * 50 + "\n")
    vcf.write_text("chr1\t100\t.\tT\tC\nchr1\t4\t.\tT\tC\n")
    command = ["variants", files.model, vcf, "--fasta", genome, "--target", 0, 1, "--json", "--out"]
    told = genolift(*command, tmp_path / "v.tsv", "--explain", tmp_path / "s.zarr", "--references", "zeros")
    assert told.code == 0, told.err
    found = strictly(told.out)
    assert set(found) == documented("genolift variants --json")
    assert set(found["explained"]) == documented("genolift explain --json")
    with open(tmp_path / "v.tsv", newline="") as file:
        rows = [row["status"] for row in csv.DictReader(file, delimiter="\t") if row["target"] == "0"]
    assert found["status"] == {status: rows.count(status) for status in set(rows)}
    assert found["alleles"] == len(rows) == 2
    assert found["scales"] == ["logit"]
    again = strictly(genolift(*command, tmp_path / "v.tsv").out)
    assert (again["already_complete"], again["explained"], again["status"]) == (True, None, found["status"])


def test_judge(files, genolift, tmp_path):
    store, out = tmp_path / "s.zarr", tmp_path / "t.tsv"
    genolift("explain", files.model, files.fasta, "--target", 0, "--references", "shuffled:2", "--out", store)
    command = ["judge", store, "--model", files.model, "--metrics", "complexity,residual", "--out", out, "--json"]
    first, again = (strictly(genolift(*command).out) for _ in range(2))
    assert set(first) == documented("genolift judge --json")
    assert [row["metric"] for row in first["rows"]] == ["complexity", "residual"]
    assert set(first["rows"][0]) == set(HEADER)
    assert isinstance(first["rows"][0]["value"], float)
    assert "fewer than 30 sequences" in first["reasons"][0]
    assert {**again, "seconds": 0} == {**first, "seconds": 0, "already_complete": True}


def test_what_is_missing_in_a_table_is_none(tmp_path):
    path = tmp_path / "t.tsv"
    cells = ["a.zarr", "deeplift", "zeros", "deletion", "NA", "1", "2", "3", "NA", "", "higher", "much"]
    path.write_text("\t".join(HEADER) + "\n" + "\t".join(cells) + "\n")
    (row,) = read_rows(path)
    assert (row["value"], row["low"], row["n"], row["seconds"], row["against"]) == (None, 1.0, 3, None, None)
