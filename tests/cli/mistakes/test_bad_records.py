"""Records of a FASTA file that cannot be used: the job stops and names the first, or leaves them out and tells of all."""

import csv
import random

import numpy as np
import pytest
from cli_files import LENGTH, fasta, random_sequences

import genolift as gl

QUICK = ("--target", 0, "--method", "gradient-x-input")
CHR1 = "".join(random.Random(8).choices("ACGT", k=400))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The least there is to explain."""
    import keras

    path = tmp_path_factory.mktemp("light") / "model.keras"
    keras.Sequential([keras.Input((LENGTH, 4)), keras.layers.Flatten(), keras.layers.Dense(1)]).save(path)
    return path


GOOD = random_sequences(3)
BAD_RECORDS = {  # what is wrong: the record as it stands in the file, and the reason that is told
    "empty": (">hollow\n", "'hollow' is empty"),
    "twice": (f">s0\n{GOOD['s1']}\n", "two records are named 's0'"),
    "nameless": (f">\n{GOOD['s1']}\n", "it has no name"),
    "protein": (">p\nMKTAYIAKQRQISFVKSHFSRQ\n", "'I' at position 6 is not a DNA letter"),
    "protein in IUPAC letters": (">q\nMKVHSMKVNA\n", "are ambiguity codes other than N"),
    "RNA": (">r\nACGU\n", "write T for U"),
    "gaps": (f">g\n{'A' * 30}-{'A' * 29}\n", "gaps and stops"),
    "not ASCII": (f">n\n{'A' * 59}Ä\n", "'Ä' at position 60 is not a DNA letter"),
}


def mixed_with(bad, path):
    first, second, third = (f">{name}\n{sequence}\n" for name, sequence in GOOD.items())
    path.write_text(first + "".join(bad) + second + third, newline="\r\n")
    return path


@pytest.mark.parametrize("kind", BAD_RECORDS)
def test_one_bad_record_stops_the_job_and_is_named(kind, model, genolift, tmp_path):
    record, words = BAD_RECORDS[kind]
    told = genolift(
        "explain", model, mixed_with([record], tmp_path / "x.fa"), *QUICK, "--max-n", 0.5, "--out", tmp_path / "s.zarr"
    )
    assert told.code == 2
    (said,) = told.err.splitlines()
    assert "x.fa, record 2: " in said
    assert words in said
    assert "--on-bad skip" in said
    assert not (tmp_path / "s.zarr").exists()


@pytest.mark.parametrize("policy", ["skip", "pad"])
def test_bad_records_are_left_out_when_asked_and_all_of_them_are_told(policy, model, genolift, tmp_path):
    path, report = mixed_with([record for record, _ in BAD_RECORDS.values()], tmp_path / "x.fa"), tmp_path / "r.tsv"
    command = ("explain", model, path, *QUICK, "--on-bad", policy, "--out", tmp_path / "s.zarr")
    told = genolift(*command, "--report", report)
    assert told.code == 0, told.err
    assert "record 2: not scored: 'hollow' is empty" in told.err
    assert f"{len(BAD_RECORDS)} of {len(BAD_RECORDS) + 3} records" in told.err
    found = gl.Explanation.load(tmp_path / "s.zarr")
    assert found.names == ["s0", "s1", "s2"]
    np.testing.assert_array_equal(found.inputs, gl.one_hot(list(GOOD.values())))
    kept = found.provenance["records"]
    assert (kept["counted_by"], kept["read"], kept["scored"]) == ("record", len(BAD_RECORDS) + 3, 3)
    assert [entry[0] for entry in kept["not_scored"]] == list(range(2, len(BAD_RECORDS) + 2))
    for (_, _, reason), (_, words) in zip(kept["not_scored"], BAD_RECORDS.values(), strict=True):
        assert words in reason
    rows = list(csv.DictReader(report.open(), delimiter="\t"))
    assert [row["status"] for row in rows] == ["scored", *["not_scored"] * len(BAD_RECORDS), "scored", "scored"]
    assert "already complete" in genolift(*command).out


def test_bad_records_among_those_asked_for_by_name(model, genolift, tmp_path):
    bad = [BAD_RECORDS[kind][0] for kind in ("empty", "gaps")]
    path, names = mixed_with(bad, tmp_path / "x.fa"), tmp_path / "names"
    command = ("explain", model, path, *QUICK, "--names", names, "--out", tmp_path / "s.zarr")
    names.write_text("s2\ns0\n")
    assert genolift(*command).code == 0  # what nobody asks for does no harm
    names.write_text("s2\ng\nhollow\ns0\n")
    told = genolift(*command, "--force")
    assert told.code == 2
    assert "names, line 2: " in told.err
    assert "'-' at position 31 is not a DNA letter" in told.err
    assert ", and 1 more; --on-bad skip" in told.err
    for policy in ("skip", "pad"):
        told = genolift(*command, "--force", "--on-bad", policy)
        assert told.code == 0, told.err
        found = gl.Explanation.load(tmp_path / "s.zarr")
        assert found.names == ["s2", "s0"]
        (_, gaps, _), (line, hollow, reason) = found.provenance["records"]["not_scored"]
        assert (gaps, line, hollow, reason) == ("g", 3, "hollow", "'hollow' is empty in the FASTA file")


def test_regions_with_letters_that_are_not_dna(model, genolift, tmp_path):
    path = fasta(tmp_path / "x.fa", {"chr1": CHR1[:200] + "*" + CHR1[:200]})
    (tmp_path / "r.bed").write_text("chr1\t100\t160\nchr1\t180\t240\nchr1\t300\t360\n")
    command = ("explain", model, path, "--regions", tmp_path / "r.bed", *QUICK, "--out", tmp_path / "s.zarr")
    told = genolift(*command)
    assert told.code == 2
    assert "r.bed, line 2: " in told.err
    assert "'*' at position 21 is not a DNA letter" in told.err
    assert genolift(*command, "--on-bad", "skip").code == 0
    assert len(gl.Explanation.load(tmp_path / "s.zarr")) == 2


@pytest.mark.parametrize(("policy", "scored"), [("skip", ["s0", "s1", "s2"]), ("pad", ["s0", "tiny", "s1", "s2"])])
def test_too_short_for_a_model_of_any_length(policy, scored, files, genolift, tmp_path):
    path, report = mixed_with([">tiny\nACG\n"], tmp_path / "x.fa"), tmp_path / "r.tsv"
    command = ("explain", files.any_length, path, *QUICK, "--out", tmp_path / "s.zarr")
    told = genolift(*command)
    assert told.code == 2
    least = int(told.err.split(" and more")[0].split()[-1])
    told = genolift(*command, "--on-bad", policy, "--report", report)
    assert told.code == 0, told.err
    found = gl.Explanation.load(tmp_path / "s.zarr")
    assert found.names == scored
    fate = {row["name"]: row for row in csv.DictReader(report.open(), delimiter="\t")}["tiny"]
    if policy == "skip":
        assert fate["reason"] == f"'tiny' is 3 long; the model takes {least} and more"
    else:
        assert found.lengths[1] == least
        assert fate["status"] == "padded"
