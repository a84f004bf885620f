import copy
import json
import tomllib

import numpy as np
import pytest

from genolift.simulate.spec import load_spec, parse_spec, shipped_specs
from genolift.support.errors import ConfigError, FileProblem

TABLE = tomllib.loads("""
name = "small"
seed = 1
length = 30
background = [0.25, 0.25, 0.25, 0.25]
[motifs.M]
matrix = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0.25, 0.25, 0.25, 0.25]]
[[groups]]
name = "with"
sequences = 10
embed = [{ motif = "M", count = 2 }]
[[groups]]
name = "without"
sequences = 10
[labels]
has = "M > 0"
[splits]
test = 0.2
valid = 3
""")


def changed(path, value):
    table = copy.deepcopy(TABLE)
    at = table
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return table


EMBED = ("groups", 0, "embed", 0)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("colour",), 1, r"colour: unknown key"),
        (("matrices",), {}, r"matrices: unknown key"),
        (("groups", 1, "sequence"), 5, r"groups\[1\]\.sequence: unknown key"),
        ((*EMBED, "turned"), "both", r"groups\[0\]\.embed\[0\]\.turned: unknown key"),
        (("length",), None, r"length: is missing"),
        (("length",), 0, r"length\.min"),
        (("length",), "200", r"length"),
        (("length",), True, r"length"),
        (("length",), {"min": 9, "max": 5}, r"length: min 9 exceeds max 5"),
        (("length",), 3, r"groups\[0\]\.embed\[0\]\.motif: 'M' is 4 long and does not fit into 3"),
        (("length",), 7, r"groups\[0\]\.embed: up to 8 positions are to be embedded into 7"),
        (("background",), [0.3, 0.3, 0.3, 0.3], r"background: .*sums to 1\.2"),
        (("background",), [0.5, 0.5], r"background: .*four numbers"),
        (("background",), [1.5, -0.5, 0, 0], r"background: .*between 0 and 1"),
        (("motifs", "M", "matrix", 1), [0, 0.5, 0, 0], r"motifs\.M\.matrix: row 2 .* sums to 0\.5"),
        (("motifs", "M", "file"), "x.meme", r"motifs\.M: give one of 'matrix', 'file'"),
        (("motifs", "M"), {"file": "nowhere.meme"}, r"motifs\.M\.file: .*nowhere\.meme does not exist"),
        ((*EMBED, "motif"), "X", r"groups\[0\]\.embed\[0\]\.motif: unknown motif 'X'; there are M"),
        ((*EMBED, "strand"), "up", r"groups\[0\]\.embed\[0\]\.strand"),
        ((*EMBED, "count"), -1, r"groups\[0\]\.embed\[0\]\.count\.min"),
        ((*EMBED, "count"), {"distribution": "poisson", "min": 1, "max": 3}, r"count: 'mean' belongs"),
        (
            (*EMBED, "count"),
            {"distribution": "uniform", "min": 1, "max": 3, "mean": 2.0},
            r"count: 'mean' belongs",
        ),
        ((*EMBED, "count"), {"distribution": "uniform", "min": 4, "max": 3}, r"count: min 4 exceeds max 3"),
        ((*EMBED, "count"), {"distribution": "normal", "min": 1, "max": 3}, r"count\.distribution"),
        ((*EMBED, "count"), {"distribution": "fixed", "min": 1, "max": 1}, r"plain number"),
        (("groups",), [], r"groups"),
        (("groups", 0, "name"), "without", r"groups\[1\]\.name: two groups are named 'without'"),
        (("groups", 0, "name"), "a b", r"groups\[0\]\.name: .*spaces"),
        (("groups", 0, "sequences"), 0, r"groups\[0\]\.sequences"),
        (("groups", 0, "placement"), "left", r"groups\[0\]\.placement"),
        (("groups", 0, "placement"), {"centre": 31}, r"placement\.centre: 31 exceeds the length 30"),
        (("groups", 0, "placement"), {"centre": 7}, r"groups\[0\]\.embed: up to 8 .* into 7"),
        (("labels", "has"), "X > 0", r"labels\.has: unknown motif 'X'"),
        (("labels", "has"), "M", r"labels\.has: .*true or false"),
        (("labels",), {}, r"labels"),
        (("labels", "split"), "M > 0", r"labels\.split: .*column"),
        (("splits", "test"), 21, r"splits\.test: 21 exceeds the 20"),
        (("splits", "test"), 1.5, r"splits\.test: 1\.5 is not a fraction"),
        (("splits", "test"), 18, r"splits: 21 sequences of 20"),
        (("splits", "test"), -1, r"splits\.test"),
        (("splits", "train"), 5, r"splits\.train: unknown key"),
        (("seed",), -1, r"seed"),
    ],
)
def test_unknown_keys_and_impossible_values_are_one_line_with_file_and_key(path, value, words):
    with pytest.raises(ConfigError, match=words) as caught:
        parse_spec(changed(path, value), "here.toml")
    assert str(caught.value).startswith("here.toml: ")
    assert "\n" not in str(caught.value)


def test_a_sound_table_is_taken():
    spec = parse_spec(TABLE)
    assert spec.tasks == ["has"]
    assert spec.total == 20
    assert spec.splits.sizes(20, 20) == {"valid": 3, "test": 4}
    assert spec.splits.sizes(200, 20) == {"valid": 30, "test": 40}


def test_rounded_probabilities_are_renormalised():
    spec = parse_spec(changed(("background",), [0.333, 0.167, 0.167, 0.334]))
    assert sum(spec.background) == pytest.approx(1, abs=1e-15)


def test_files_and_names(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text("name = 'x'\nlength = = 3\n")
    with pytest.raises(ConfigError, match=r"bad\.toml is not a TOML file: .*line 2"):
        load_spec(path)
    with pytest.raises(FileProblem, match=r"no\.toml does not exist.*tal_gata"):
        load_spec(tmp_path / "no.toml")
    with pytest.raises(FileProblem, match="is a directory"):
        load_spec(tmp_path)
    assert "tal_gata" in shipped_specs()


def test_motif_files_are_found_beside_the_configuration(tmp_path):
    (tmp_path / "collection.txt").write_text(">AAAA\tFIRST\n1 0 0 0\n1 0 0 0\n>CCCC\tM\n0 1 0 0\n")
    table = changed(("motifs", "M"), {"file": "collection.txt", "name": "FIRST"})
    np.testing.assert_array_equal(parse_spec(table, folder=tmp_path).matrices["M"], [[1, 0, 0, 0]] * 2)
    table = changed(("motifs", "M"), {"file": "collection.txt"})
    np.testing.assert_array_equal(parse_spec(table, folder=tmp_path).matrices["M"], [[0, 1, 0, 0]])
    table = changed(("motifs", "M"), {"file": "collection.txt", "name": "NONE"})
    with pytest.raises(ConfigError, match=r"motifs\.M\.name: .*has no motif 'NONE'; it has AAAA, FIRST"):
        parse_spec(table, folder=tmp_path)


def test_what_files_hold_tells_configurations_apart(tmp_path):
    motifs, genome = tmp_path / "collection.txt", tmp_path / "genome.fa"
    table = changed(("motifs", "M"), {"file": "collection.txt", "name": "A"}) | {
        "background": {"fasta": "genome.fa", "order": 1}}  # fmt: skip

    def described(weight="1 0 0 0", bases="ACGTACGT", other=""):
        motifs.write_text(f">A\n1 0 0 0\n{weight}\n{other}")
        genome.write_text(f">g\n{bases * 10}\n")
        return json.loads(json.dumps(parse_spec(table, folder=tmp_path).describe()))

    before = described()
    assert described() == before
    assert described(other=">B\n0 1 0 0\n") == before  # a motif that is not taken
    assert described(weight="0 1 0 0") != before
    assert described(bases="AACCGGTT") != before


def test_the_shipped_benchmark_is_the_papers():
    spec = load_spec("tal_gata")
    assert spec.total == 8000
    assert (spec.length.min, spec.length.max) == (200, 200)
    assert spec.background == [0.3, 0.2, 0.2, 0.3]
    assert {name: len(m) for name, m in spec.matrices.items()} == {"GATA_disc1": 10, "TAL1_known1": 16}
    assert spec.splits.sizes(8000, 8000) == {"valid": 800, "test": 800}
    one, two = spec.groups[0].embed[0].count, spec.groups[1].embed[0].count
    np.testing.assert_allclose(one.probabilities(), np.array([1, 1 / 2, 1 / 6]) / (5 / 3))
    np.testing.assert_allclose(two.probabilities(), np.array([2, 2, 4 / 3]) / (16 / 3))
