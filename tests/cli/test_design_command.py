"""`genolift design` as it is typed: the store, the tables beside it, continuing, and mistakes."""

import numpy as np
import pytest
from cli_files import LENGTH, fasta, random_sequences

import genolift as gl
from genolift.pipeline.common.explaining import Explaining
from genolift.support.errors import GenoliftWarning

SEQUENCES = random_sequences(5, seed=3)


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    return fasta(tmp_path_factory.mktemp("design") / "five.fa", SEQUENCES)


def rows_of(word):
    """The rows of a motif that is one word."""
    return ["\t".join("0.97" if base == letter else "0.01" for base in "ACGT") for letter in word]


def table(path):
    head, *rows = (line.split("\t") for line in path.read_text().splitlines())
    return [dict(zip(head, row, strict=True)) for row in rows]


@pytest.mark.slow
def test_designs_are_written_and_told(genolift, files, five, tmp_path):
    bed, out = tmp_path / "keep.bed", tmp_path / "designs.zarr"
    bed.write_text("s0\t0\t30\ns4\t0\t60\n")
    motifs = tmp_path / "motifs.txt"
    motifs.write_text(">s1_start\n" + "".join(f"{t}\n" for t in rows_of(SEQUENCES["s1"][:30])))
    arguments = ("design", files.model, five, "--target", "0", "--hold", "1:0.5", "--keep", bed, "--out", out)
    arguments = (*arguments, "--motifs", motifs)
    told = genolift(*arguments, "--solutions", "2")
    assert told.code == 0, told.err
    rows = table(tmp_path / "designs.tsv")
    assert [(row["name"], row["solution"]) for row in rows] == [(f"s{i}", k) for i in range(5) for k in "12"]
    found = gl.Explanation.load(out)
    assert found.method["name"] == "minimal-change"
    assert [row["edits"] for row in rows] == [str(n) for n in found.edit_count.ravel()]
    assert rows[8]["edits"] == "0"
    assert f"{sum(row['reached'] == 'yes' for row in rows)} of 10 solutions reach the goal" in told.out
    edits = table(tmp_path / "designs.edits.tsv")
    assert len(edits) == found.edit_count.sum()
    assert not [one for one in edits if one["name"] == "s0" and int(one["position"]) < 30]
    lines = (tmp_path / "designs.fa").read_text().splitlines()
    designs = dict(zip((line[1:].split()[0] for line in lines[::2]), lines[1::2], strict=True))
    for one in edits:
        whole = designs[f"{one['name']}|0|{one['solution']}"]
        assert whole[int(one["position"])] == one["after"] != one["before"]
        assert SEQUENCES[one["name"]][int(one["position"])] == one["before"]
    predicted = gl.load_model(files.model).predict(gl.one_hot(list(designs.values())), verbose=0)[:, 0]
    np.testing.assert_allclose([float(row["design_prediction"]) for row in rows], predicted, rtol=1e-4)
    broken = table(tmp_path / "designs.motifs.tsv")
    assert {(one["name"], one["motif"]) for one in broken} <= {("s1", "s1_start")}
    within = [one for one in edits if one["name"] == "s1" and int(one["position"]) < 30]
    assert sum(len(one["edits"].split(",")) for one in broken) <= len(within)
    picture = tmp_path / "one.png"
    assert genolift("plot", out, "--sequence", "s1", "--map", "--out", picture).code == 0
    assert picture.stat().st_size > 1000
    again = genolift(*arguments, "--solutions", "2")
    assert again.code == 0, again.err
    assert "designs.zarr is already complete" in again.out
    other = genolift(*arguments, "--solutions", "3")
    assert other.code == 2
    assert "solutions" in other.err


@pytest.mark.slow
def test_explain_and_design_take_a_goal_on_the_same_scale(genolift, files, five, tmp_path):
    goal = ("--option", "to=0.9", "--option", "algorithm=greedy")
    base = ("explain", files.model, five, "--method", "minimal-change", "--target", "0", *goal)
    assert genolift(*base, "--out", tmp_path / "explained.zarr").code == 0
    told = genolift("design", files.model, five, "--to", "0.9", "--algorithm", "greedy", "--target", "0", "--out",
                    tmp_path / "designed.zarr")  # fmt: skip
    assert told.code == 0, told.err
    explained, designed = (gl.Explanation.load(tmp_path / f"{name}.zarr") for name in ("explained", "designed"))
    np.testing.assert_array_equal(explained.designs, designed.designs)
    np.testing.assert_array_equal(explained.predictions, designed.predictions)
    logits = genolift(*base, "--activation", "logit", "--out", tmp_path / "logits.zarr")
    assert logits.code == 0, logits.err
    as_logits = np.asarray(gl.Explanation.load(tmp_path / "logits.zarr").predictions)
    np.testing.assert_allclose(1 / (1 + np.exp(-as_logits)), designed.predictions, rtol=1e-5)


@pytest.mark.slow
def test_designs_are_kept_every_few_sequences(genolift, files, tmp_path, monkeypatch):
    """A hard goal takes seconds for a sequence, so 256 of them would be minutes that an interruption loses."""
    from genolift.results.store import StoreWriter

    made, begin = [], StoreWriter.__init__
    monkeypatch.setattr(
        StoreWriter, "__init__", lambda self, *a, **k: (made.append(k["block"]), begin(self, *a, **k))[1]
    )
    many = fasta(tmp_path / "many.fa", random_sequences(3, seed=4))
    goal = ("--target", "0", "--above", "0", "--algorithm", "greedy")  # Every sequence is there already.
    told = genolift("design", files.model, many, *goal, "--out", tmp_path / "found.zarr")
    assert told.code == 0, told.err
    assert made == [8]


@pytest.mark.slow
def test_an_interrupted_job_continues(genolift, files, five, tmp_path, monkeypatch):
    from genolift.pipeline.common.explaining import Explaining
    from genolift.pipeline.scoring import scoring

    monkeypatch.setattr(scoring, "_LARGEST_BLOCK", 2)
    call, calls = Explaining.__call__, []

    def killed(self, sequences, records=None):
        calls.append(len(sequences))
        if len(calls) == 5:  # two trials, two blocks
            raise KeyboardInterrupt
        return call(self, sequences, records)

    bed = tmp_path / "only.bed"
    bed.write_text("".join(f"s{i}\t{10 * i}\t{10 * i + 20}\n" for i in range(5)))

    def arguments(name):
        return ("design", files.model, five, "--target", "1", "--only", bed, "--out", tmp_path / name)

    monkeypatch.setattr(Explaining, "__call__", killed)
    stopped = genolift(*arguments("a.zarr"))
    assert stopped.code == 130
    assert "the same command continues" in stopped.err
    assert not (tmp_path / "a.tsv").exists()
    monkeypatch.setattr(Explaining, "__call__", call)
    told = genolift(*arguments("a.zarr"))
    assert told.code == 0, told.err
    assert "continuing: " in told.err
    assert genolift(*arguments("b.zarr")).code == 0
    for end in (".tsv", ".edits.tsv", ".fa"):
        assert (tmp_path / f"a{end}").read_bytes() == (tmp_path / f"b{end}").read_bytes()
    positions = {(one["name"], int(one["position"])) for one in table(tmp_path / "a.edits.tsv")}
    assert positions
    assert all(10 * int(name[1:]) <= at < 10 * int(name[1:]) + 20 for name, at in positions)


def test_mistakes_are_one_line(genolift, files, five, tmp_path):
    out, bed = tmp_path / "x.zarr", tmp_path / "k.bed"
    bed.write_text("nobody\t0\t5\n")
    (tmp_path / "mine.fa").write_text("precious")
    site = SEQUENCES["s2"][10:22]
    for more, words in (
        (("--to", "0.9", "--above", "1"), "to and above are two goals"),
        (("--keep", bed), "keep has stretches of 'nobody', and no sequence is called so"),
        (("--keep", tmp_path / "none.bed"), "does not exist"),
        (
            ("--forbid", site),
            f"sequence 's2' has the forbidden motif {site} ({site}) at position 10 from the start; give",
        ),
        (("--gc", "0.4"), "write two numbers, as 0.4,0.6"),
        (("--algorithm", "magic"), "algorithm must be 'thorough'"),
        (("--above", "2"), "the goal 2 is out of reach, because the output is a sigmoid"),
        (("--out", tmp_path / "mine.zarr"), "mine.fa is there already"),
    ):
        told = genolift("design", files.model, five, "--target", "0", "--out", out, *more)
        assert told.code == 2, more
        assert words in told.err
        assert told.err.strip().count("\n") == 0, told.err
        assert not out.exists(), more
    assert (tmp_path / "mine.fa").read_text() == "precious"
    assert LENGTH == 60


@pytest.mark.slow
def test_a_goal_out_of_reach_is_no_error(genolift, files, five, tmp_path):
    out = tmp_path / "far.zarr"
    told = genolift("design", files.model, five, "--above", "0.999999", "--target", "0", "--most", "1", "--out", out)
    assert told.code == 0, told.err
    assert "0 of 5 solutions reach the goal" in told.out
    assert "5 of 5 solutions do not reach the goal; of 's0' the prediction is" in told.err
    assert {row["reached"] for row in table(tmp_path / "far.tsv")} == {"no"}


def test_the_trial_of_a_job_looks_for_one_edit_because_nobody_sees_its_progress(files, recwarn):
    texts = list(SEQUENCES.values())[:1]
    method = gl.method("minimal-change", gl.load_model(files.model), 0, above=1e6, most=3, activation="logit")
    explaining = Explaining(method, "uniform", [texts], None, None)
    assert explaining.settle().edit_count.max() == 1
    assert not [one for one in recwarn if "not reached" in str(one.message)]
    with pytest.warns(GenoliftWarning, match="not reached"):
        assert explaining(texts).edit_count.max() == 3
