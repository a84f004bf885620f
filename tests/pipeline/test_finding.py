"""Seqlets and hits of stores: coordinates, nulls, columns."""

import shutil
from itertools import pairwise

import h5py
import numpy as np
import pandas as pd
import pytest

from genolift.evaluate.discovery import matching
from genolift.evaluate.discovery.hits import ContributionPattern
from genolift.pipeline.discovery.finding import Search, write_shuffled
from genolift.pipeline.discovery.patterns import PatternHits, read_patterns, write_hits
from genolift.pipeline.discovery.seqlets import Seqlets, known_motifs, write_seqlets
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import decode, one_hot, reverse_complement
from genolift.sequence.fasta import read_fasta
from genolift.support.errors import FileProblem, InputError, Undefined

COLUMNS = ["#chrom", "start", "end", "name", "score", "strand", "sequence", "importance"]
MOTIF, LENGTH = "CAGATAAG", 60
HEIGHT = np.float32([1.2, 1, 2, 3, 3, 2, 1, 1])


def scored(n, folder, name, planted=True, **options):
    """A store of ``n`` sequences, half of which have the motif, or its reverse complement, at position i + 5."""
    rng = np.random.default_rng(n + planted)
    texts = ["".join(rng.choice(list("ACGT"), LENGTH)) for _ in range(n)]
    scores = rng.laplace(scale=0.05, size=(n, LENGTH)).astype(np.float32)
    for i in range(0, n if planted else 0, 2):
        start, back = i % 40 + 5, i % 4 == 0
        text = reverse_complement(MOTIF) if back else MOTIF
        texts[i] = texts[i][:start] + text + texts[i][start + 8 :]
        scores[i, start : start + 8] += HEIGHT[::-1] if back else HEIGHT
    X = one_hot(texts)
    options = {"method": {"name": "test", "seed": n}, "target": 1, "names": [f"s {i}" for i in range(n)]} | options
    contributions = X * scores[..., None]
    fields = {"inputs": X, "raw_contributions": contributions, "hypothetical": contributions}
    Explanation(fields, **options).save(folder / name)
    return folder / name


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finding")
    regions = [(f"chr{1 + i % 2}", 1000 * i, 1000 * i + LENGTH, "+-."[i % 3]) for i in range(40)]
    scored(40, folder, "s.zarr", regions=regions)
    scored(40, folder, "plain.zarr")
    scored(60, folder, "null.zarr", planted=False)
    with h5py.File(folder / "modisco.h5", "w") as file:
        cwm = np.zeros((30, 4))
        cwm[10:18] = one_hot([MOTIF])[0] * HEIGHT[:, None]
        for name, matrix in (("pattern_10", cwm[:, ::-1]), ("pattern_9", cwm)):
            file[f"pos_patterns/{name}/contrib_scores"] = matrix
            file[f"pos_patterns/{name}/seqlets/n_seqlets"] = [20]
        file["neg_patterns/pattern_0/contrib_scores"] = -cwm
    return folder


def expected(i, regions):
    """Where the motif of sequence ``i`` is in the genome: (chrom, start, end, strand)."""
    start, strand = i % 40 + 5, "-" if i % 4 == 0 else "+"
    if regions is None:
        return f"s_{i}", start, start + 8, strand
    region = regions[i]
    if region.strand == "-":
        return region.chrom, region.end - start - 8, region.end - start, "+" if strand == "-" else "-"
    return region.chrom, region.start + start, region.start + start + 8, strand


def read(path):
    table = pd.read_csv(path, sep="\t", dtype={"strand": str, "#chrom": str})
    order = list(zip(table["#chrom"], table["start"], table["end"], strict=True))
    assert order == sorted(order)
    assert table["score"].between(0, 1000).all()
    return table


@pytest.mark.parametrize("null", [None, "null.zarr"])
@pytest.mark.parametrize("store", ["s.zarr", "plain.zarr"])
def test_seqlets(folder, tmp_path, store, null):
    out = tmp_path / "seqlets.bed"
    e = Explanation.load(folder / store)
    search = Search(folder / store, null=null and folder / null)
    written = write_seqlets(Seqlets(search, out))
    table = read(out)
    assert list(table) == [*COLUMNS, "p", "q"]
    assert len(table) == written.positive + written.negative
    assert (table["q"] <= 0.05).all()
    assert (table["strand"] == ".").all()
    for i in range(0, 40, 2):
        chrom, start, end, _ = expected(i, e.regions)
        near = table[(table["#chrom"] == chrom) & (table["start"] < end) & (table["end"] > start)]
        assert len(near) == 1
        assert near["sequence"].item() == f"s_{i}"
        assert abs(near["start"].item() - start) <= 3
        assert abs(near["end"].item() - end) <= 3
        place = i % 40 + 5
        assert near["importance"].item() == pytest.approx(e.scores[i, place : place + 8].sum(), rel=0.1)


def test_seqlets_get_their_motif(folder, tmp_path, monkeypatch):
    """With a Tomtom of our own that knows the motif by its letters."""
    asked = []

    def tomtom(queries, targets, n_nearest):
        asked.extend(queries)
        answer = np.zeros((6, len(queries), 1))
        for k, query in enumerate(queries):
            text = "".join("ACGT"[b] for b in query.argmax(axis=0))
            answer[0, k], answer[4, k] = (
                (1e-9, float("TTATC" in text)) if "GATAA" in text or "TTATC" in text else (1, 0)
            )
        return answer

    monkeypatch.setattr(matching, "_library", lambda: tomtom)
    monkeypatch.setattr(matching, "_FEW", 0)
    meme = tmp_path / "motifs.meme"
    rows = "\n".join(" ".join(map(str, row)) for row in one_hot([MOTIF])[0])
    meme.write_text(f"MEME version 5\n\nALPHABET= ACGT\n\nMOTIF MA1 GATA::X\nletter-probability matrix:\n{rows}\n")
    assert list(known_motifs(meme)) == ["MA1_GATA::X"]
    out = tmp_path / "seqlets.bed"
    written = write_seqlets(Seqlets(Search(folder / "s.zarr", null=folder / "null.zarr"), out, motifs=meme))
    assert written.motifs == {"MA1_GATA::X": 20}
    table = read(out)
    assert list(table)[-3:] == ["motif", "motif_p", "motif_q"]
    regions = Explanation.load(folder / "s.zarr").regions
    found = table[table["motif_q"] <= 0.05].set_index("sequence")
    for i in range(0, 40, 2):
        assert found.loc[f"s_{i}", "strand"] == expected(i, regions)[3]
        assert found.loc[f"s_{i}", "motif"] == "MA1_GATA::X"


@pytest.mark.parametrize("null", [None, "null.zarr"])
@pytest.mark.parametrize("store", ["s.zarr", "plain.zarr"])
def test_hits(folder, tmp_path, store, null):
    out = tmp_path / "hits.bed"
    e = Explanation.load(folder / store)
    counts = write_hits(
        PatternHits(Search(folder / store, null=null and folder / null), folder / "modisco.h5", out)
    ).counts
    table = read(out)
    assert list(table) == [*COLUMNS, "similarity", "p", "q"]
    assert list(counts) == ["pos_patterns.pattern_9", "pos_patterns.pattern_10", "neg_patterns.pattern_0"]
    assert counts["pos_patterns.pattern_9"] >= 20
    assert sum(counts.values()) == len(table)
    hits = table[(table["name"] == "pos_patterns.pattern_9") & (table["similarity"] > 0.95)]
    assert len(hits) == 20
    places = set(zip(hits["#chrom"], hits["start"], hits["end"], hits["strand"], strict=True))
    assert places == {expected(i, e.regions) for i in range(0, 40, 2)}


def test_patterns_are_read(folder, tmp_path):
    patterns = read_patterns(folder / "modisco.h5")
    assert [pattern.name for pattern in patterns] == [
        "pos_patterns.pattern_9",
        "pos_patterns.pattern_10",
        "neg_patterns.pattern_0",
    ]
    assert all(isinstance(pattern, ContributionPattern) for pattern in patterns)
    assert decode((patterns[0].cwm > 0).astype(float)[None]) == [MOTIF]
    text = tmp_path / "text.h5"
    text.write_text("no HDF5")
    empty, other = tmp_path / "empty.h5", tmp_path / "other.h5"
    h5py.File(empty, "w").close()
    with h5py.File(other, "w") as file:
        file["pos_patterns/pattern_0/contrib_scores"] = np.zeros((5, 4))
    for path, error, words in (
        (text, FileProblem, "not a TF-MoDISco result"),
        (empty, InputError, "holds no patterns"),
        (other, InputError, "pos_patterns.pattern_0 are zero everywhere"),
        (tmp_path, FileProblem, "directory"),
        (tmp_path / "none", FileProblem, "does not exist"),
    ):
        with pytest.raises(error, match=words):
            read_patterns(path)


def test_a_pattern_that_is_zero_is_left_out_and_others_are_refused_for_what_they_are(folder, tmp_path, caplog):
    path = tmp_path / "some.h5"
    shutil.copy(folder / "modisco.h5", path)
    with h5py.File(path, "a") as file:
        file["neg_patterns/pattern_7/contrib_scores"] = np.zeros((9, 4))
    assert [pattern.name for pattern in read_patterns(path)] == [
        pattern.name for pattern in read_patterns(folder / "modisco.h5")
    ]
    assert "zero everywhere are left out: neg_patterns.pattern_7" in caplog.text
    for matrix, words in ((np.full((9, 4), np.nan), "not finite"), (np.ones((4, 9)), r"the shape \(4, 9\)")):
        with h5py.File(path, "a") as file:
            del file["neg_patterns/pattern_7"]
            file["neg_patterns/pattern_7/contrib_scores"] = matrix
        with pytest.raises(InputError, match=words):
            read_patterns(path)


def test_a_null_must_be_made_alike(folder, tmp_path):
    for changes, words in (
        ({"method": {"name": "other"}}, "method.name is 'other' there and 'test' here"),
        ({"target": 0}, "target is 0 there and 1 here"),
        ({"provenance": {"model": {"sha256": "x"}}}, "model is"),
    ):
        other = scored(4, tmp_path, f"{len(list(tmp_path.iterdir()))}.zarr", **changes)
        with pytest.raises(InputError, match=words):
            write_seqlets(Seqlets(Search(folder / "s.zarr", null=other), tmp_path / "x.bed"))
    assert not (tmp_path / "x.bed").exists()


def test_hits_need_contributions(folder, tmp_path):
    e = Explanation.load(folder / "s.zarr")
    Explanation({"inputs": e.inputs, "scores": e.scores}, undefined={"hypothetical": "why"}).save(tmp_path / "p.zarr")
    with pytest.raises(Undefined, match="why"):
        write_hits(PatternHits(Search(tmp_path / "p.zarr"), folder / "modisco.h5", tmp_path / "x.bed"))
    assert write_seqlets(Seqlets(Search(tmp_path / "p.zarr"), tmp_path / "x.bed")).positive >= 20


def test_shuffles_to_make_a_null_of(folder, tmp_path):
    X = np.array(Explanation.load(folder / "s.zarr").inputs[:3])
    X[1, 4] = 0.25
    mixed = Explanation.concatenate(
        [Explanation({"inputs": X, "scores": X[..., 0]}), Explanation({"inputs": X[:, :20], "scores": X[:, :20, 0]})]
    )
    mixed.save(tmp_path / "m.zarr")
    assert write_shuffled(tmp_path / "m.zarr", tmp_path / "many.fa", seed=1) == 6 * 20  # few sequences need many
    assert write_shuffled(tmp_path / "m.zarr", tmp_path / "null.fa", seed=1, copies=1) == 6
    many = dict(read_fasta(tmp_path / "many.fa"))
    assert all(many[name] == text for name, text in read_fasta(tmp_path / "null.fa"))
    assert len(set(many.values())) > 100
    records = list(read_fasta(tmp_path / "null.fa"))
    assert [len(text) for _, text in records] == [60] * 3 + [20] * 3
    originals = [text[:length] for text, length in zip(decode(mixed.inputs), mixed.lengths, strict=True)]
    for (_, text), original in zip(records, originals, strict=True):
        assert sorted(pairwise(text)) == sorted(pairwise(original))
        assert text != original
    assert records[1][1][4] == "N"
    with pytest.raises(FileProblem, match="there already"):
        write_shuffled(tmp_path / "m.zarr", tmp_path / "null.fa")


def test_what_is_not_finite_in_a_store_or_its_null_is_refused_with_the_name(folder, tmp_path):
    e = Explanation.load(folder / "plain.zarr")
    contributions = np.array(e.raw_contributions)
    contributions[3, 7] = np.nan
    fields = {"inputs": e.inputs, "raw_contributions": contributions, "hypothetical": contributions}
    Explanation(fields, method=e.method, target=1, names=list(e.names)).save(tmp_path / "bad.zarr")
    words = "scores of 's 3' hold NaN or infinite values"
    for search in (Search(tmp_path / "bad.zarr"), Search(folder / "plain.zarr", null=tmp_path / "bad.zarr")):
        with pytest.raises(InputError, match=words):
            write_seqlets(Seqlets(search, tmp_path / "x.bed"))
        with pytest.raises(InputError, match="of 's 3' hold NaN or infinite values"):
            write_hits(PatternHits(search, folder / "modisco.h5", tmp_path / "x.bed"))
    assert not (tmp_path / "x.bed").exists()
