"""Options of methods on the command line, and results of every kind explained, stored, read elsewhere and drawn."""

import json
import subprocess
import sys

import numpy as np
import pytest
from cli_files import LENGTH, fasta, random_sequences

import genolift as gl
from genolift.results.layout import read_header

TWO = ("--target", 0, "--method")


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return fasta(tmp_path_factory.mktemp("two") / "two.fa", random_sequences(2))


def test_options_reach_the_method_and_the_record(files, genolift, two, tmp_path):
    out = tmp_path / "s.zarr"
    command = ["explain", files.model, two, *TWO, "integrated-gradients", "--option", "quadrature=gauss-legendre"]
    told = genolift(*command, "--option", "steps=3", "--out", out)
    assert told.code == 0, told.err
    found = gl.Explanation.load(out)
    options = {"steps": 3, "quadrature": "gauss-legendre"}
    assert options.items() <= found.method.items()
    X = gl.one_hot(list(random_sequences(2).values()))
    expected = gl.method("integrated-gradients", gl.load_model(files.model), target=0, **options)(X)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5 * np.abs(expected.scores).max())
    assert "already complete" in genolift(*command, "--steps", 3, "--out", out).out
    refused = genolift(*command, "--option", "steps=4", "--out", out)
    assert refused.code == 2
    assert "method.steps is 3 there and 4 here" in refused.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--option", "steps"), "write NAME=VALUE"),
        (("--option", "steps=3", "--option", "steps=4"), "steps is given twice"),
        (("--option", "steps=3", "--steps", 4), "steps is given twice"),
        (("--option", "steps=many"), "steps=many is not understood; it takes a whole number"),
        (("--option", "samples=4"), "takes no option 'samples'; it takes activation, dna, gradient_correction"),
        (("--option", "steps=0"), "steps must be a whole number of at least 1"),
        (("--option", "activation=no"), "activation"),
    ],
)
def test_options_that_are_none(files, genolift, two, tmp_path, arguments, words):
    told = genolift(
        *("explain", files.model, two, *TWO, "integrated-gradients", *arguments, "--out", tmp_path / "s.zarr")
    )
    assert told.code == 2
    (line,) = told.err.splitlines()
    assert words in line
    assert not (tmp_path / "s.zarr").exists()


def test_options_are_read_before_the_model(files, genolift, two, tmp_path):
    model = tmp_path / "damaged.keras"
    model.write_bytes(b"nothing that could be loaded")
    told = genolift("explain", model, two, *TWO, "lime", "--option", "window=3", "--out", tmp_path / "s.zarr")
    assert "lime takes no option 'window'" in told.err


def test_options_of_experiments(files, genolift, two, tmp_path):
    command = ["marginalize", files.model, two, "--motif", "GATA", "--target", 0, "--out", tmp_path / "m.tsv"]
    told = genolift(*command, "--method", "occlusion", "--option", "window=3", "--references", "zeros")
    assert told.code == 0, told.err
    X = gl.one_hot(list(random_sequences(2).values()))
    options = {"method": "occlusion", "window": 3, "references": gl.references.Zeros()}
    expected = gl.marginalize(gl.load_model(files.model), "GATA", X, 0, **options).table.effect[0]
    header, row = (line.split("\t") for line in (tmp_path / "m.tsv").read_text().splitlines())
    assert float(dict(zip(header, row, strict=True))["effect"]) == pytest.approx(expected, abs=1e-5)
    assert "give --method too" in genolift(*command, "--force", "--option", "window=3").err
    assert "takes no option 'steps'" in genolift(*command, "--force", "--method", "lime", "--option", "steps=3").err


def test_options_of_variants_need_an_explanation(files, genolift, two, tmp_path):
    told = genolift(
        *("variants", files.model, two, "--fasta", two, "--out", tmp_path / "t.tsv", "--option", "rule=rescale")
    )
    assert told.code == 2
    assert "give --explain too" in told.err


def test_options_of_alleles(files, genolift, tmp_path):
    (chrom,) = random_sequences(1, 200).values()
    lines = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    record = f"chr1\t100\ta\t{chrom[99]}\t{'C' if chrom[99] == 'A' else 'A'}"
    (tmp_path / "v.vcf").write_text("\n".join([*lines, record, ""]))
    out = tmp_path / "alleles.zarr"
    told = genolift(
        *("variants", files.model, tmp_path / "v.vcf", "--fasta", fasta(tmp_path / "g.fa", {"chr1": chrom})),
        *("--target", 0, "--out", tmp_path / "t.tsv", "--explain", out, "--method", "ism", "--option", "fast=false"),
    )
    assert told.code == 0, told.err
    found = gl.Explanation.load(out)
    assert found.method["fast"] is False
    assert found.effects.shape == (2, LENGTH, 4)


def test_methods_by_name(genolift):
    told = genolift("methods", "integrated-gradients")
    assert told.code == 0
    lines = told.out.splitlines()
    assert lines[0].startswith("integrated-gradients: gradients averaged")
    assert lines[2].split() == ["--option", "steps=50", "a", "whole", "number"]
    assert "Sundararajan" in told.out
    assert "``" not in told.out
    unknown = genolift("methods", "magic")
    assert unknown.code == 2
    assert "'magic'" in unknown.err


#: Methods whose results have fields of their own, quick options, and such a field.
KINDS = {
    "ism": ("MutagenesisExplanation", [], "effects"),
    "indels": ("IndelExplanation", ["size=2"], "deletions"),
    "pairwise-mutagenesis": ("EpistasisExplanation", ["width=4"], "interactions"),
    "interaction-maps": ("InteractionExplanation", ["by=gradient-x-input", "start=4", "end=9"], "interactions"),
    "surrogate": ("SurrogateExplanation", ["samples=60", "start=10", "end=14"], "pairwise"),
    "sis": ("SubsetExplanation", ["most=1", "width=10"], "subsets"),
    "maxent": ("SampleExplanation", ["sweeps=2", "burn=1", "samples=4"], "samples"),
    "lime": ("LimeExplanation", ["samples=30"], "r_squared"),
    "mask": ("MaskExplanation", ["steps=4"], "objective"),
    "lrp-epsilon": ("RelevanceExplanation", ["epsilon=0.1"], "absorbed"),
    "deeplift": ("LayerExplanation", ["layer=conv1"], "bypass"),
}
READ = """
import json, sys
import numpy as np
import genolift as gl
for path, name, field in json.loads(sys.argv[1]):
    found = gl.Explanation.load(path)
    assert type(found).__name__ == name, (path, type(found))
    assert np.isfinite(np.asarray(getattr(found, field))).all(), field
    assert type(found.for_target()).FIELDS == type(found).FIELDS
assert "tensorflow" not in sys.modules
"""


@pytest.mark.slow
@pytest.mark.usefixtures("uncompiled")
def test_results_of_every_kind_in_a_fresh_process(files, genolift, two, tmp_path):
    """They come back as what they are, without what made them, and are drawn."""
    stores = []
    for method, (name, options, field) in KINDS.items():
        out = tmp_path / f"{method}.zarr"
        texts = [part for option in options for part in ("--option", option)]
        told = genolift("explain", files.model, two, *TWO, method, *texts, "--out", out)
        assert told.code == 0, told.err
        stores.append((str(out), name, field))
        if method != "deeplift":
            drawn = genolift("plot", out, "--sequence", "s1", "--out", tmp_path / f"{method}.png")
            assert drawn.code == 0, drawn.err
    subprocess.run([sys.executable, "-c", READ, json.dumps(stores)], check=True)


def test_blocks_are_small_where_results_are_large(files, genolift, two, tmp_path, monkeypatch):
    monkeypatch.setattr("genolift.pipeline.scoring.scoring._BLOCK_BYTES", 40_000)
    blocks = {}
    for method in ("ism", "pairwise-mutagenesis"):
        out = tmp_path / f"{method}.zarr"
        options = ("--option", "width=8") if method != "ism" else ()
        assert genolift("explain", files.model, two, *TWO, method, *options, "--out", out).code == 0
        blocks[method] = read_header(out)["block"]
        assert blocks[method] * gl.Explanation.load(out).row_bytes <= 40_000
    assert blocks["pairwise-mutagenesis"] < blocks["ism"]


def test_maps_are_drawn(files, genolift, two, tmp_path):
    out = tmp_path / "p.zarr"
    assert (
        genolift("explain", files.model, two, *TWO, "pairwise-mutagenesis", "--option", "width=4", "--out", out).code
        == 0
    )
    told = genolift("plot", out, "--sequence", "s1", "--map", "--out", tmp_path / "map.png")
    assert told.code == 0, told.err
    assert (tmp_path / "map.png").read_bytes() != b""
    assert genolift("explain", files.model, two, *TWO, "gradient", "--out", tmp_path / "g.zarr").code == 0
    told = genolift("plot", tmp_path / "g.zarr", "--sequence", "s1", "--map", "--out", tmp_path / "g.png")
    assert told.code == 2
    assert "pairwise-mutagenesis, interaction-maps, surrogate, minimal-change make them" in told.err
    told = genolift("plot", out, "--sequence", "s1", "--map", "--start", 3, "--out", tmp_path / "g.png")
    assert "--start" in told.err


@pytest.mark.slow
def test_fields_along_sequences_of_different_lengths(files, genolift, tmp_path):
    lengths = [60, 35]
    mixed = fasta(tmp_path / "m.fa", {f"m{n}": next(iter(random_sequences(1, n).values())) for n in lengths})
    out = tmp_path / "s.zarr"
    told = genolift("explain", files.any_length, mixed, *TWO, "ism", "--out", out)
    assert told.code == 0, told.err
    assert gl.Explanation.load(out)["m35"].effects.shape == (1, 35, 4)
    by = ("--option", "by=gradient-x-input")
    told = genolift("explain", files.any_length, mixed, *TWO, "interaction-maps", *by, "--out", out, "--force")
    assert told.code == 0, told.err
    found = gl.Explanation.load(out)
    assert type(found).__name__ == "PositionInteractions"
    alone = gl.method("interaction-maps", gl.load_model(files.any_length), 0, by="gradient-x-input")
    expected = alone(found["m35"].inputs).interactions
    np.testing.assert_allclose(found["m35"].interactions, expected, atol=1e-5 * np.abs(expected).max())
