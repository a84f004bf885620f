"""Importance in stretches of a BED file, against slow sums over the loaded store."""

import numpy as np
import pandas as pd
import pytest

from genolift.pipeline.common.execution import Execution
from genolift.pipeline.discovery.finding import Search
from genolift.pipeline.discovery.summary import Summary, write_summary
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import one_hot
from genolift.support.errors import GenoliftWarning, InputError

LENGTH = 50
REGIONS = [(f"chr{1 + i % 2}", 30 * (i // 2), 30 * (i // 2) + LENGTH, "+-."[i % 3]) for i in range(30)]
NUMBERS = ["sum", "mean", "max", "min", "share", "null_percentile"]


def store(path, n=30, seed=0, scores=None, **options):
    rng = np.random.default_rng(seed)
    X = one_hot(["".join(rng.choice(list("ACGT"), LENGTH)) for _ in range(n)])
    scores = rng.laplace(size=(n, LENGTH)) if scores is None else scores
    options = {"method": {"name": "test"}, "target": 1, "names": [f"s {i}" for i in range(n)]} | options
    Explanation({"inputs": X, "raw_contributions": X * np.float32(scores)[..., None]}, **options).save(path)
    return path


def summarized(tmp_path, scores, bed, null=None, **options):
    (tmp_path / "sites.bed").write_text(bed)
    seed = options.pop("seed", 0)
    search = Search(scores, null=null, seed=seed, execution=Execution(force=True, progress=False))
    counts = write_summary(Summary(search, tmp_path / "sites.bed", tmp_path / "t.tsv", **options))
    return counts, pd.read_csv(tmp_path / "t.tsv", sep="\t", dtype={"sequence": str}, keep_default_na=True)


def forward(explanation, i):
    """The scores of a sequence in the order of the forward strand."""
    values = np.asarray(explanation.scores)[i].astype(np.float64)
    return values[::-1] if explanation.regions[i].strand == "-" else values


def slow_rows(explanation, stretches):
    """The twin: each stretch against each region, one after the other."""
    for number, (chrom, start, end) in enumerate(stretches, start=1):
        for i, region in enumerate(explanation.regions):
            if region.chrom == chrom and region.start <= start and end <= region.end:
                values = forward(explanation, i)
                part = values[start - region.start : end - region.start]
                every = [
                    sum(values[a : a + len(part)])
                    for values in (forward(explanation, k) for k in range(len(explanation)))
                    for a in range(LENGTH - len(part) + 1)
                ]
                smaller = np.mean(np.array(every) < sum(part) - 1e-9)
                equal = np.mean(np.abs(np.array(every) - sum(part)) < 1e-9)
                yield {
                    "line": number,
                    "sequence": f"s {i}",
                    "sum": sum(part),
                    "mean": sum(part) / len(part),
                    "max": max(part),
                    "min": min(part),
                    "share": sum(map(abs, part)) / sum(map(abs, values)),
                    "null_percentile": 100 * (smaller + equal / 2),
                }


def test_numbers_are_those_of_a_slow_twin(tmp_path):
    path = store(tmp_path / "s.zarr", regions=REGIONS)
    rng = np.random.default_rng(3)
    starts, lengths = rng.integers(0, 500, 60), rng.integers(1, 40, 60)
    stretches = [(f"chr{1 + i % 2}", int(a), int(a + b)) for i, (a, b) in enumerate(zip(starts, lengths, strict=True))]
    bed = "".join(f"{c}\t{a}\t{b}\n" for c, a, b in stretches)
    with pytest.warns(GenoliftWarning, match="have no numbers"):
        counts, table = summarized(tmp_path, path, bed, draws=4000)
    right = pd.DataFrame(slow_rows(Explanation.load(path), stretches))
    made = table[table.status == "ok"].reset_index(drop=True)
    assert len(right) > 40
    assert (made.sequence.value_counts() > 1).any()
    assert made[["line", "sequence"]].equals(right[["line", "sequence"]])
    # Six digits are written.
    np.testing.assert_allclose(made[NUMBERS[:5]].astype(float), right[NUMBERS[:5]], rtol=1e-5, atol=1e-6)
    # All places are counted in the twin, and 4,000 drawn here: five standard errors are at most 4 %.
    np.testing.assert_allclose(made.null_percentile.astype(float), right.null_percentile, atol=4)
    assert set(table.line) == set(range(1, 61))
    assert counts["ok"] == right.line.nunique()


def test_what_no_sequence_holds_is_reported(tmp_path):
    path = store(tmp_path / "s.zarr", regions=REGIONS)
    bed = "chr1\t0\t20\tgood name\nchr9\t0\t20\tx\nchr1\t9000\t9020\ty\nchr1\t0\t52\tz\nchr1\tten\t20\n"
    with pytest.warns(GenoliftWarning, match="4 of 5 stretches have no numbers; the first is line 2"):
        counts, table = summarized(tmp_path, path, bed)
    assert counts == {"ok": 1, "partly_outside": 1, "outside": 1, "unknown_chromosome": 1, "malformed": 1}
    assert table.status.tolist() == ["ok", "unknown_chromosome", "outside", "partly_outside", "malformed"]
    assert table.name[0] == "good name"
    assert table.loc[1:, NUMBERS].isna().all(axis=None)
    assert "no scored sequence holds more than 50 of its 52 bases" in table.note[3]
    assert "'ten', not a whole number" in table.note[4]


def test_sequences_by_name(tmp_path):
    lengths = np.full(30, LENGTH)
    lengths[1] = 20
    names = [*(f"s {i}" for i in range(29)), "s 0"]
    path = store(tmp_path / "s.zarr", names=names, lengths=lengths)
    bed = "s_2\t3\t9\na\t0\t1\ns_1\t10\t20\ns_1\t10\t21\ns_1\t20\t21\ns_0\t0\t1\n"
    with pytest.warns(GenoliftWarning):
        _, table = summarized(tmp_path, path, bed)
    statuses = ["ok", "unknown_sequence", "ok", "partly_outside", "outside", "ambiguous_sequence"]
    assert table.status.tolist() == statuses
    scores = np.asarray(Explanation.load(path).scores)
    np.testing.assert_allclose(table["sum"].dropna(), [scores[2, 3:9].sum(), scores[1, 10:20].sum()], rtol=1e-5)


def test_coordinates_of_sequences_are_those_that_were_scored(tmp_path):
    names = ["chr1", *(f"n{i}" for i in range(29))]
    path = store(tmp_path / "s.zarr", regions=REGIONS, names=names)
    with pytest.raises(InputError, match="both a chromosome and the name"):
        summarized(tmp_path, path, "chr1\t0\t10\n")
    _, table = summarized(tmp_path, path, "chr1\t0\t10\n", coordinates="genome")
    assert table.sequence.tolist() == ["chr1"]
    with pytest.raises(InputError, match=r"are on n0, .*coordinates='sequence'"):
        summarized(tmp_path, path, "n0\t0\t10\n")
    _, table = summarized(tmp_path, path, "n0\t0\t10\n", coordinates="sequence")  # a region of strand -
    np.testing.assert_allclose(table["sum"], np.asarray(Explanation.load(path).scores)[1, :10].sum(), rtol=1e-5)


def test_the_null_of_another_store(tmp_path):
    path = store(tmp_path / "s.zarr", regions=REGIONS)
    low = store(tmp_path / "low.zarr", scores=np.full((30, LENGTH), -9.0))
    short = store(tmp_path / "short.zarr", lengths=np.full(30, 8))
    _, table = summarized(tmp_path, path, "chr1\t0\t10\nchr1\t30\t35\n", null=low)
    assert table.null_percentile.tolist() == [100] * len(table)
    with pytest.warns(GenoliftWarning, match="longer than every sequence"):
        _, table = summarized(tmp_path, path, "chr1\t0\t10\nchr1\t0\t8\n", null=short)
    assert table.null_percentile.isna().tolist() == [True, False]
    other = store(tmp_path / "other.zarr", target=2)
    with pytest.raises(InputError, match="is no null of"):
        summarized(tmp_path, path, "chr1\t0\t10\n", null=other)


def test_the_draw_depends_on_seed_and_length_alone(tmp_path):
    path = store(tmp_path / "s.zarr", regions=REGIONS)
    alone = summarized(tmp_path, path, "chr1\t3\t10\n")[1].null_percentile[0]
    among = summarized(tmp_path, path, "chr1\t0\t10\nchr1\t3\t10\nchr2\t0\t40\n")[1]
    assert among.null_percentile[among.line == 2].tolist() == [alone]
    other = summarized(tmp_path, path, "chr1\t3\t10\n", seed=1)[1].null_percentile[0]
    assert other != alone
    assert abs(other - alone) < 8


def test_zeros_are_halfway_and_have_no_share(tmp_path):
    path = store(tmp_path / "s.zarr", regions=REGIONS, scores=np.zeros((30, LENGTH)))
    _, table = summarized(tmp_path, path, "chr1\t0\t10\n")
    assert table["sum"][0] == 0
    assert table.null_percentile[0] == 50
    assert np.isnan(table.share[0])


def test_padding_is_not_part_of_the_null(tmp_path):
    rng = np.random.default_rng(0)
    texts = ["N" * 40 + "".join(rng.choice(list("ACGT"), 10)) for _ in range(6)]
    X = one_hot(texts)
    scores = np.where(np.arange(LENGTH) < 40, 0, 1.0)
    fields = {"inputs": X, "scores": np.tile(np.float32(scores), (6, 1))}
    names = [f"s{i}" for i in range(6)]
    for name, padded, right in (("padded", [[i, f"s{i}", 40, 0] for i in range(6)], 50), ("not", [], 90)):
        provenance = {"records": {"padded": padded}}
        made = Explanation(fields, names=names, method={"name": "test"}, provenance=provenance)
        made.save(tmp_path / f"{name}.zarr")
        _, table = summarized(tmp_path, tmp_path / f"{name}.zarr", "s0\t42\t45\n")
        # Bases that were drawn are all of the ten, or mostly padding: 8 of 48 places have a sum of 3.
        assert abs(table.null_percentile[0] - right) < 5


def test_nothing_matches(tmp_path):
    path = store(tmp_path / "s.zarr", regions=REGIONS)
    for bed, words in (
        ("1\t0\t20\n", "they are on 1, and the chromosomes of the store are chr1, chr2"),
        ("a\n", "line 1: a BED line has at least three columns"),
        ("chr1\t0\t90\n", "partly outside is the commonest reason"),
    ):
        with pytest.raises(InputError, match=words):
            summarized(tmp_path, path, bed)
        assert not (tmp_path / "t.tsv").exists()
    plain = store(tmp_path / "p.zarr")
    with pytest.raises(InputError, match="needs genome coordinates"):
        summarized(tmp_path, plain, "s_1\t0\t20\n", coordinates="genome")
