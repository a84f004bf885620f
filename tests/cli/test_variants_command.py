"""`genolift variants`: from a VCF file to a table."""

import csv
import io
import json
import random
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from cli_files import LENGTH, fasta
from scipy.spatial.distance import jensenshannon
from scipy.stats import false_discovery_control
from slow_normal import slowly_normalised

import genolift as gl
from genolift.pipeline.keeping.journal import Journal

CHR1 = "".join(random.Random(3).choices("ACGT", k=600))
COLUMNS = ["chrom", "pos", "id", "ref", "alt", "target", "status", "n_windows", "pred_ref", "pred_alt", "delta"]


def other(base):
    return "ACGT"["ACGT".index(base) - 1]


def vcf(path, *lines, newline="\n"):
    text = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    text += "".join("\t".join(map(str, (*line, ".", ".", "."))) + "\n" for line in lines)
    path.write_bytes(text.replace("\n", newline).encode())
    return path


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A genome, and a VCF file of twelve SNVs, an insertion, a deletion and a record with two alleles."""
    folder = tmp_path_factory.mktemp("variants")
    snvs = [("chr1", pos, f"snv{pos}", CHR1[pos - 1], other(CHR1[pos - 1])) for pos in range(100, 460, 30)]
    base = CHR1[499]
    lines = [
        *snvs,
        ("chr1", 500, "ins", base, base + "TTTT"),
        ("chr1", 500, "del", CHR1[499:503], base),
        ("chr1", 480, "two", CHR1[479], f"{other(CHR1[479])},{CHR1[479]}AC"),
    ]
    return SimpleNamespace(
        folder=folder,
        genome=fasta(folder / "genome.fa", {"chr1": CHR1}),
        vcf=vcf(folder / "v.vcf", *lines),
        lines=lines,
    )


def logits(model, sequences):
    """The mean over both strands of the logits, by the model's own call."""
    p = [
        np.asarray(model(x), np.float64) for x in (gl.one_hot(sequences), gl.one_hot(gl.reverse_complement(sequences)))
    ]
    return np.mean([np.log(each / (1 - each)) for each in p], axis=0)


@pytest.fixture(scope="module")
def scored(place, files):
    """The table with three windows and two targets, p-values, and contributions."""
    from genolift.cli.app import run

    arguments = ["variants", files.model, place.vcf, "--fasta", place.genome, "--target", "0", "2"]
    arguments += ["--shifts", "-5,0,5"]
    arguments += ["--null", "40", "--method", "gradient-x-input", "--explain", place.folder / "s.zarr"]
    assert run([str(argument) for argument in [*arguments, "--out", place.folder / "v.tsv"]]) == 0
    return table(place.folder / "v.tsv")


def windows_of(pos, ref, alt, shift):
    start = slowly_normalised(pos - 1, ref, alt, CHR1)[0] - LENGTH // 2 + shift
    edited = CHR1[: pos - 1] + alt + CHR1[pos - 1 + len(ref) :]
    return CHR1[start : start + LENGTH], edited[start : start + LENGTH]


def test_a_row_for_every_record_allele_and_target(place, scored):
    assert list(scored[0])[: len(COLUMNS)] == COLUMNS
    expected = [
        (line[2], line[3], alt, target) for line in place.lines for alt in line[4].split(",") for target in ("0", "2")
    ]
    assert [(row["id"], row["ref"], row["alt"], row["target"]) for row in scored] == expected
    assert {row["status"] for row in scored} == {"ok"}
    assert {row["n_windows"] for row in scored} == {"3"}
    assert {row["scale"] for row in scored} == {"logit"}


def test_predictions_are_the_models_own_over_windows_and_strands(place, scored, files):
    model = gl.load_model(files.model)
    for row in scored:
        pairs = [windows_of(int(row["pos"]), row["ref"], row["alt"], shift) for shift in (-5, 0, 5)]
        ref, alt = (logits(model, [pair[side] for pair in pairs])[:, int(row["target"])].mean() for side in (0, 1))
        # float32 through a sigmoid and back
        np.testing.assert_allclose([float(row["pred_ref"]), float(row["pred_alt"])], [ref, alt], atol=2e-5)
        np.testing.assert_allclose(float(row["delta"]), alt - ref, atol=2e-5)
        assert abs(float(row["delta"])) > 0


def test_p_values_rank_variants_among_the_null_of_their_kind(scored):
    for target in ("0", "2"):
        snvs = [r for r in scored if r["target"] == target and r["id"].startswith("snv")]
        rows = sorted((abs(float(r["delta"])), float(r["p_value"])) for r in snvs)
        p = [value for _, value in rows]
        assert p == sorted(p, reverse=True)
        np.testing.assert_allclose(np.array(p) * 41, np.round(np.array(p) * 41), atol=1e-4)
        assert 1 / 41 - 1e-6 <= min(p) <= max(p) <= 1
        assert len(set(p)) > 3


def test_p_values_do_not_depend_on_variants_of_other_kinds(place, scored, files, genolift, tmp_path):
    snvs = [line for line in place.lines if len(line[3]) == len(line[4]) == 1]
    two = place.lines[-1]
    only = vcf(tmp_path / "snvs.vcf", *snvs, (*two[:4], two[4].split(",")[0]))
    command = ["variants", files.model, only, "--fasta", place.genome, "--target", 0, 2, "--shifts", "-5,0,5"]
    assert genolift(*command, "--null", 40, "--out", tmp_path / "v.tsv").code == 0
    found, rows = table(tmp_path / "v.tsv"), [row for row in scored if len(row["ref"]) == len(row["alt"]) == 1]
    assert [row["p_value"] for row in found] == [row["p_value"] for row in rows]
    assert len(found) == 26


def test_p_values_of_probabilities_are_those_of_their_logits(place, scored, files, genolift, tmp_path):
    """What a sigmoid gives hardly moves where the window is inactive, as shuffles are, so that does not count."""
    command = ["variants", files.model, place.vcf, "--fasta", place.genome, "--target", 0, 2, "--shifts", "-5,0,5"]
    told = genolift(*command, "--activation", "keep", "--null", 40, "--out", tmp_path / "v.tsv")
    assert told.code == 0, told.err
    rows = table(tmp_path / "v.tsv")
    for name in ("p_value", "q_value", "q_storey", "effect_percentile"):
        assert [row[name] for row in rows] == [row[name] for row in scored]
    assert {row["scale"] for row in rows} == {"output"}
    for row in rows:
        ref, alt = float(row["pred_ref"]), float(row["pred_alt"])
        np.testing.assert_allclose(float(row["log2_fold_change"]), np.log2(alt / ref), rtol=1e-3, atol=1e-6)
        assert row["direction"] == ("up" if alt > ref else "down")


def test_q_values_are_corrected_over_the_alleles_of_a_target(scored):
    for target in ("0", "2"):
        rows = [row for row in scored if row["target"] == target]
        p = np.array([float(row["p_value"]) for row in rows])
        np.testing.assert_allclose([float(row["q_value"]) for row in rows], false_discovery_control(p), rtol=1e-6)
        assert all(float(row["q_storey"]) <= float(row["q_value"]) for row in rows)
        assert all(0 <= float(row["active_allele_quantile"]) <= 1 for row in rows)
    assert "log2_fold_change" not in scored[0]


@pytest.mark.slow
def test_contributions_by_workers_are_those_of_one_process(place, files, genolift, tmp_path):
    pytest.importorskip("distributed")
    command = ["variants", files.model, place.vcf, "--fasta", place.genome, "--target", 0, "--references", "shuffled:3"]
    for name, options in (("one", []), ("two", ["--workers", 2])):
        told = genolift(*command, "--explain", tmp_path / f"{name}.zarr", *options, "--out", tmp_path / f"{name}.tsv")
        assert told.code == 0, told.err
    one, two = (gl.Explanation.load(tmp_path / f"{name}.zarr") for name in ("one", "two"))
    assert len(one) == 32
    assert "--workers 2" in two.provenance["command"]
    for name in ("raw_contributions", "hypothetical", "predictions", "standard_error"):
        assert np.asarray(getattr(one, name)).tobytes() == np.asarray(getattr(two, name)).tobytes()
    assert (tmp_path / "one.tsv").read_bytes() == (tmp_path / "two.tsv").read_bytes()


def test_the_scale_and_the_request_stand_beside_the_table(place, scored, files):
    record = json.loads((place.folder / "v.tsv.json").read_text())
    assert record["scale"] == {"0": "logit", "2": "logit"}
    assert list(record["columns"]) == list(scored[0])
    assert record["counts"]["alleles"] == {"ok": len(scored) // 2}
    assert record["counts"]["kinds"] == {"SNV": 13, "insertion of 2": 1, "insertion of 4": 1, "deletion of 3": 1}
    assert record["request"]["window"] == LENGTH
    for command_line in (
        record["command_line"],
        gl.Explanation.load(place.folder / "s.zarr").provenance["command"],
    ):
        assert command_line.startswith(f"genolift variants {files.model} {place.vcf} --fasta ")
        assert command_line.endswith(f"--out {place.folder / 'v.tsv'}")


def test_contributions_of_both_alleles(place, scored, files):
    found = gl.Explanation.load(place.folder / "s.zarr")
    assert len(found) == len(scored)
    name = f"chr1:100:{CHR1[99]}>{other(CHR1[99])}"
    assert found.names[:2] == [f"{name}:ref", f"{name}:alt"]
    assert found.target == [0, 2]
    model = gl.load_model(files.model)
    for i, window in enumerate(
        windows_of(100, CHR1[99], other(CHR1[99]), 0)
    ):  # the window with the variant in its middle
        np.testing.assert_array_equal(found.inputs[i : i + 1], gl.one_hot(window))
        np.testing.assert_allclose(found.predictions[i], logits(model, [window])[0, [0, 2]], atol=2e-5)
    start = 99 - LENGTH // 2
    assert [tuple(region) for region in found.regions[:2]] == [("chr1", start, start + LENGTH, "+")] * 2


@pytest.mark.slow
def test_a_table_that_is_there_is_recognised_and_others_are_refused(place, scored, files, genolift):
    out = place.folder / "v.tsv"
    command = ["variants", files.model, place.vcf, "--fasta", place.genome, "--shifts", "-5,0,5", "--out", out]
    before = out.read_bytes()
    same = ["--target", "0", "2", "--null", 40]
    told = genolift(*command, *same)
    assert told.code == 0
    assert "already complete" in told.out
    explained = ["--explain", place.folder / "s.zarr", "--method", "gradient-x-input"]
    assert genolift(*command, *same, *explained).out.count("already complete") == 2
    for options, words in (
        (["--target", 0, "--null", 40], "targets"),
        (["--target", 0, 2, "--null", 41], "null.n is 40 there and 41 here"),
        ([*same, "--seed", 1], "null.seed"),
        ([*same, "--shifts", "0"], "shifts"),
        ([*same, "--unknown", "zero"], "unknown"),
        ([*same, "--activation", "keep"], "activation"),
    ):
        told = genolift(*command, *options)
        assert told.code == 2
        assert words in told.err.splitlines()[-1]
    moved = vcf(place.folder / "other.vcf", *place.lines[1:])
    told = genolift(*command[:2], moved, *command[3:], *same)
    assert "variants" in told.err.splitlines()[-1]
    assert out.read_bytes() == before


def test_a_table_that_was_changed_is_not_taken_for_ours(place, files, genolift, tmp_path):
    command = ["variants", files.model, place.vcf, "--fasta", place.genome, "--target", 0, "--out", tmp_path / "v.tsv"]
    (tmp_path / "v.tsv").write_text("mine")
    told = genolift(*command)
    assert told.code == 2
    assert "not of this command" in told.err
    assert (tmp_path / "v.tsv").read_text() == "mine"
    assert genolift(*command, "--force").code == 0
    (tmp_path / "v.tsv").write_text("cut short")
    assert "was changed after it was made" in genolift(*command).err
    assert genolift(*command, "--force").code == 0
    assert len(table(tmp_path / "v.tsv")) == 16
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v.tsv", "v.tsv.json"]


def test_interrupted_and_the_same_command_again(place, scored, files, genolift, tmp_path, monkeypatch):
    monkeypatch.setattr("genolift.pipeline.variants.blocks._BLOCK", 4)
    out = tmp_path / "v.tsv"
    command = ["variants", files.model, place.vcf, "--fasta", place.genome, "--target", 0, 2, "--shifts", "-5,0,5"]
    command += ["--null", 40, "--out", out]
    write, calls = Journal.write, []

    def interrupted(self, k, lines):
        calls.append(k)
        if len(calls) == 3:
            raise KeyboardInterrupt
        write(self, k, lines)

    monkeypatch.setattr(Journal, "write", interrupted)
    told = genolift(*command)
    assert told.code == 130
    assert "the same command continues" in told.err.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == [".v.tsv.genolift-work"]
    refused = genolift(*command, "--seed", 2)
    assert refused.code == 2
    assert "null.seed" in refused.err.splitlines()[-1]
    told = genolift(*command)
    assert told.code == 0
    assert "continuing: 8 of 16 alleles are done" in told.err
    assert calls[3:] == [2, 3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v.tsv", "v.tsv.json"]
    for row, expected in zip(table(out), scored, strict=True):  # in other blocks: the same but for rounding
        assert [row[name] for name in COLUMNS[:8]] == [expected[name] for name in COLUMNS[:8]]
        np.testing.assert_allclose(float(row["delta"]), float(expected["delta"]), atol=1e-6)
        assert row["p_value"] == expected["p_value"]


def test_compressed_tables_and_windows_line_ends(place, files, genolift, tmp_path):
    import gzip

    crlf = vcf(tmp_path / "v.vcf", *place.lines[:2], newline="\r\n")
    out = tmp_path / "v.tsv.gz"
    command = ["variants", files.model, crlf, "--fasta", place.genome, "--target", 0, "--out", out]
    assert genolift(*command).code == 0
    lines = gzip.decompress(out.read_bytes()).decode().splitlines()
    assert len(lines) == 3
    assert lines[1].split("\t")[:5] == ["chr1", "100", "snv100", CHR1[99], other(CHR1[99])]
    assert "already complete" in genolift(*command).out


@pytest.fixture(scope="module")
def profile_model(tmp_path_factory):
    """Profile logits (40 positions, 2 strands) and counts, of 60 bases."""
    import keras

    keras.utils.set_random_seed(4)
    x = keras.Input((LENGTH, 4))
    h = keras.layers.Conv1D(3, 7, activation="relu")(x)
    profile = keras.layers.Conv1D(2, 15, name="profile")(h)
    counts = keras.layers.Dense(1, name="counts")(keras.layers.GlobalAveragePooling1D()(h))
    path = tmp_path_factory.mktemp("profile") / "model.keras"
    keras.Model(x, {"profile": profile, "counts": counts}).save(path)
    return path


def test_profiles_and_their_distance(place, profile_model, genolift, tmp_path):
    out = tmp_path / "v.tsv"
    options = ["--target", "profile:profile", "logcounts:counts", "--null", 20, "--out", out]
    told = genolift("variants", profile_model, place.vcf, "--fasta", place.genome, *options)
    assert told.code == 0, told.err
    rows = table(out)
    assert {(row["target"], row["scale"]) for row in rows} == {
        ("profile:profile", "profile"),
        ("logcounts:counts", "log_counts"),
    }
    model = gl.load_model(profile_model)

    def profiles(sequences):
        z = np.asarray(model(gl.one_hot(sequences))["profile"], np.float64).reshape(len(sequences), -1)
        return np.exp(z) / np.exp(z).sum(-1, keepdims=True)

    for row in rows:
        if row["scale"] != "profile":
            assert row["js_distance"] == row["js_p_value"] == row["js_q_value"] == "NA"
            np.testing.assert_allclose(float(row["log2_fold_change"]), float(row["delta"]) / np.log(2), rtol=1e-5)
            continue
        ref, alt = windows_of(int(row["pos"]), row["ref"], row["alt"], 0)
        strands = [(ref, alt), (gl.reverse_complement(ref), gl.reverse_complement(alt))]
        expected = np.mean([jensenshannon(*profiles([a, b]), base=2) for a, b in strands])
        np.testing.assert_allclose(float(row["js_distance"]), expected, rtol=1e-3)
        assert 1 / 21 - 1e-6 <= float(row["js_p_value"]) <= float(row["js_q_value"]) + 1e-6
        assert row["log2_fold_change"] == row["direction"] == "NA"


def test_models_of_any_length_need_a_width(place, files, genolift, tmp_path):
    command = [
        "variants",
        files.any_length,
        place.vcf,
        "--fasta",
        place.genome,
        "--target",
        0,
        "--out",
        tmp_path / "v.tsv",
    ]
    told = genolift(*command)
    assert told.code == 2
    assert "--width" in told.err
    assert genolift(*command, "--width", 40).code == 0
    told = genolift("variants", files.model, *command[2:], "--width", 40)
    assert told.code == 2
    assert "takes 60" in told.err


def test_variants_on_standard_input(place, files, genolift, tmp_path, monkeypatch):
    def pipe(content):
        stdin = SimpleNamespace(buffer=io.BytesIO(content), isatty=lambda: False)
        monkeypatch.setattr(sys, "stdin", stdin)

    pipe(place.vcf.read_bytes())
    command = ["variants", files.model, "-", "--fasta", place.genome, "--target", 0, "--out", tmp_path / "v.tsv"]
    assert genolift(*command).code == 0
    assert "already complete" in genolift(*command[:2], place.vcf, *command[3:]).out
    pipe(b"rubbish\n")
    assert "standard input, line 1: a VCF line has" in genolift(*command, "--force").err


def test_a_page_is_made_of_the_table_alone_and_with_its_store(place, scored, genolift):
    """Every column of the page says what it means, as the record beside the table does."""
    for out, sources in (("table.html", ["v.tsv"]), ("both.html", ["v.tsv", "s.zarr"])):
        done = genolift("report", *(place.folder / one for one in sources), "--out", place.folder / out)
        assert done.code == 0, done.err
        page = (place.folder / out).read_text()
        content = json.loads(page.split('id="content">')[1].split("</script>")[0])
        assert len(content["names"]) == len(scored) / 2
        about = {one["name"]: one["about"] for one in content["columns"]}
        assert {"delta", "p_value", "q_value", "effect_percentile"} <= set(about)
        assert "Unit: logit. Source: column delta of v.tsv." in about["delta"]
        assert "does not describe" not in " ".join(about.values())
        assert ("--explain" in page.split('id="content">')[0]) == (len(sources) == 1)
