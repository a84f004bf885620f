"""Stores that are merged, and parts of stores: the same scores under the same names, or a refusal that says why."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from stored import assert_same, full

from genolift.pipeline.common.execution import Execution
from genolift.pipeline.stores import gather
from genolift.pipeline.stores.merge import Merging, merge
from genolift.pipeline.stores.subset import Subset, subset
from genolift.results.explanation import Explanation
from genolift.results.kinds import SubsetExplanation
from genolift.results.reading import read_provenance
from genolift.support.errors import FileProblem, GenoliftWarning, InputError

QUIET = Execution(progress=False)
PROVENANCE = {"model": {"sha256": "m"}, "versions": {"genolift": "0.1.0", "numpy": "2.0"}}


def windows(chrom, n, length=8):
    return [(chrom, 10 * i, 10 * i + length, "+-"[i % 2]) for i in range(n)]


def saved(path, n=10, length=8, prefix="s", dtype=None, **options):
    options = {"target": 1, "method": {"name": "deeplift", "seed": 0, "genolift": "0.1.0"}} | options
    options = {"names": [f"{prefix}{i}" for i in range(n)], "provenance": PROVENANCE} | options
    full(n, length, **options).save(path, dtype=dtype)
    return path


@pytest.fixture
def two(tmp_path):
    """Two stores of regions on two chromosomes."""
    sizes = {"chrom_sizes": [["chr1", 500], ["chr2", 600]]}
    return tuple(
        saved(
            tmp_path / f"{chrom}.zarr",
            prefix=chrom,
            regions=windows(chrom, 10),
            provenance={**PROVENANCE, **sizes, "sequences": {"sha256": chrom, "unknown": 2, "encoding": "uniform"}},
        )
        for chrom in ("chr1", "chr2")
    )


def merged(out, *stores, **options):
    return merge(Merging(stores, out, execution=QUIET, **options))


def refused(*stores, out="out.zarr", **options):
    with pytest.raises(InputError) as error:
        merged(stores[0].parent / out, *stores, **options)
    assert not (stores[0].parent / out).exists()
    return str(error.value)


@pytest.mark.parametrize("at_once", [3, 256])
def test_a_merged_store_holds_what_its_parts_hold(two, tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(gather, "_LARGEST_BLOCK", at_once)
    done = merged(tmp_path / "out.zarr", *two)
    assert (done.sequences, done.now) == (20, 20)
    out = Explanation.load(tmp_path / "out.zarr")
    assert_same(out, Explanation.concatenate(map(Explanation.load, two)))
    told = out.provenance
    assert [one["store"] for one in told["merged"]] == ["chr1.zarr", "chr2.zarr"]
    assert told["chrom_sizes"] == [["chr1", 500], ["chr2", 600]]
    assert told["sequences"]["unknown"] == 4
    assert merged(tmp_path / "out.zarr", *two).now == 0


def test_sequences_of_different_lengths_and_half_precision(tmp_path):
    a, b = (saved(tmp_path / f"{n}.zarr", length=n, prefix=f"{n}_", dtype="float16") for n in (8, 12))
    merged(tmp_path / "out.zarr", a, b)
    out = Explanation.load(tmp_path / "out.zarr")
    assert out.lengths.tolist() == [8] * 10 + [12] * 10
    assert_same(out, Explanation.concatenate(map(Explanation.load, (a, b))))
    assert read_provenance(tmp_path / "out.zarr")["done"] == 20


def test_an_interrupted_merger_continues(two, tmp_path, monkeypatch):
    monkeypatch.setattr(gather, "_LARGEST_BLOCK", 4)
    write = gather.StoreWriter.write

    def until_third(self, k, explanation):
        if k == 3:
            raise KeyboardInterrupt
        write(self, k, explanation)

    monkeypatch.setattr(gather.StoreWriter, "write", until_third)
    with pytest.raises(KeyboardInterrupt):
        merged(tmp_path / "out.zarr", *two)
    with pytest.raises(FileProblem, match="incomplete: 12 of 20"):
        Explanation.load(tmp_path / "out.zarr")
    monkeypatch.setattr(gather.StoreWriter, "write", write)
    with pytest.raises(InputError, match="holds another result"):
        merged(tmp_path / "out.zarr", *reversed(two))
    assert merged(tmp_path / "out.zarr", *two).now == 8
    assert_same(Explanation.load(tmp_path / "out.zarr"), Explanation.concatenate(map(Explanation.load, two)))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"target": 2}, "target is 1 there and 2 here"),
        ({"method": {"name": "deeplift", "seed": 1}}, "method.seed is 0 there and 1 here"),
        ({"provenance": PROVENANCE | {"model": {"sha256": "n"}}}, "model.sha256 is 'm' there and 'n' here"),
        ({"dtype": "float16"}, "dtype is 'float32' there and 'float16' here"),
        ({"targets": (2,), "target": [1, 2]}, "target is 1 there"),
        ({"targets": (2,)}, "fields.raw_contributions is 'float32 (N, L, 4)' there and 'float32 (N, 2, L, 4)' here"),
        ({"regions": windows("chr3", 10)}, "regions is False there and True here"),
    ],
)
def test_the_first_difference_is_named(tmp_path, other, words):
    a, b = saved(tmp_path / "a.zarr"), saved(tmp_path / "b.zarr", prefix="b", **other)
    told = refused(a, b)
    assert told.startswith(f"{b} cannot be merged with {a}: ")
    assert words in told


def test_a_field_that_one_has_not_is_a_difference(tmp_path):
    a = saved(tmp_path / "a.zarr")
    whole = Explanation.load(saved(tmp_path / "b.zarr", prefix="b"))
    fields = {name: np.asarray(value) for name, value in whole.fields.items() if name != "hypothetical"}
    options = {"target": 1, "method": whole.method, "provenance": PROVENANCE, "names": whole.names}
    Explanation(fields, **options).save(tmp_path / "c.zarr")
    assert "fields.hypothetical is 'float32 (N, L, 4)' there and None here" in refused(a, tmp_path / "c.zarr")


def test_stores_of_other_versions_are_merged_with_a_warning(tmp_path):
    a = saved(tmp_path / "a.zarr")
    made = {"versions": {"genolift": "0.1.1", "numpy": "2.0"}}
    method = {"name": "deeplift", "seed": 0, "genolift": "0.1.1"}
    b = saved(tmp_path / "b.zarr", prefix="b", method=method, provenance=PROVENANCE | made)
    with pytest.warns(GenoliftWarning, match=r"made by different versions \(genolift is '0.1.0' there and '0.1.1'"):
        merged(tmp_path / "out.zarr", a, b)
    parts = Explanation.load(tmp_path / "out.zarr").provenance["merged"]
    assert [part["versions"]["genolift"] for part in parts] == ["0.1.0", "0.1.1"]


def test_chromosomes_of_different_assemblies(tmp_path):
    a, b = (
        saved(tmp_path / f"{i}.zarr", prefix=f"{i}", provenance=PROVENANCE | {"chrom_sizes": [["chr1", size]]})
        for i, size in enumerate((500, 501))
    )
    assert "chr1 has 501 bases, and in stores before it has 500" in refused(a, b)


def test_repeated_names(tmp_path):
    a, b = (saved(tmp_path / f"{i}.zarr") for i in "ab")
    shutil.copytree(a, tmp_path / "copy.zarr")
    assert f"{b} has the name 's0', which {a} has already, and so have 9 more sequences" in refused(a, b)
    assert "has other bases" in refused(a, b, on_repeated="skip")
    assert merged(tmp_path / "skipped.zarr", a, tmp_path / "copy.zarr", on_repeated="skip").sequences == 10
    assert_same(Explanation.load(tmp_path / "skipped.zarr"), Explanation.load(a))
    assert merged(tmp_path / "all.zarr", a, b, tmp_path / "copy.zarr", on_repeated="rename").sequences == 30
    names = Explanation.load(tmp_path / "all.zarr").names
    assert [names[i] for i in (0, 10, 20, 29)] == ["s0", "s0#2", "s0#3", "s9#3"]


def test_repeated_regions(tmp_path, two):
    own = Explanation.load(two[0])
    fields = {name: np.asarray(value) for name, value in own.fields.items()}
    about = {"target": 1, "method": own.method, "provenance": {k: v for k, v in own.provenance.items() if k != "store"}}
    moved = [("chr1", 990, 998, "+"), *windows("chr1", 10)[1:]]
    for name, names in (("renamed", [f"n{i}" for i in range(10)]), ("alike", own.names)):
        Explanation(fields, regions=moved, names=names, **about).save(tmp_path / f"{name}.zarr")
    assert "has the region chr1:10-18 (-), which" in refused(two[0], tmp_path / "renamed.zarr")
    other = {"provenance": about["provenance"], "prefix": "other", "regions": windows("chr1", 10)}
    told = refused(two[0], saved(tmp_path / "genome.zarr", **other), on_repeated="skip")
    assert "has other bases than the sequence of the same name or region" in told
    out = tmp_path / "skip.zarr"
    assert merged(out, two[0], tmp_path / "renamed.zarr", on_repeated="skip").sequences == 11
    assert Explanation.load(out).names == [*own.names, "n0"]
    told = refused(two[0], tmp_path / "alike.zarr", on_repeated="skip")
    assert "has the name 'chr10' for another region" in told
    assert "rename" in told


def test_what_cannot_be_merged_at_all(two, tmp_path):
    assert "two stores or more" in refused(two[0])
    with pytest.raises(InputError, match="lies in the store"):
        merged(two[0], *two)
    with pytest.raises(InputError, match="lies in the store"):
        merge(Merging(two, two[1] / "inside.zarr", execution=replace(QUIET, force=True)))
    with pytest.raises(FileProblem, match="not there"):
        merged(tmp_path / "out.zarr", two[0], tmp_path / "none.zarr")


def test_results_of_other_types_keep_their_type(tmp_path):
    rng = np.random.default_rng(1)
    for i in range(2):
        inputs = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (3, 6))]
        fields = {"inputs": inputs, "subsets": rng.integers(0, 3, (3, 6)), "subset_count": np.full(3, 2)}
        SubsetExplanation(fields, names=[f"{i}{k}" for k in range(3)]).save(tmp_path / f"{i}.zarr")
    merged(tmp_path / "out.zarr", tmp_path / "0.zarr", tmp_path / "1.zarr")
    out = Explanation.load(tmp_path / "out.zarr")
    assert type(out) is SubsetExplanation
    assert out.subsets.shape == (6, 6)


def taken(store, **options):
    done = subset(Subset(store, store.parent / "part.zarr", execution=QUIET, **options))
    return done, Explanation.load(store.parent / "part.zarr")


def test_a_part_by_names_is_in_the_order_of_the_store(two, tmp_path):
    (tmp_path / "list.txt").write_text("chr17\n>chr12 described\n# no name\n")
    done, part = taken(two[0], names=tmp_path / "list.txt")
    assert done.sequences == 2
    assert_same(part, Explanation.load(two[0])[[2, 7]])
    assert part.provenance["subset"]["store"] == "chr1.zarr"
    assert subset(Subset(two[0], tmp_path / "part.zarr", names=tmp_path / "list.txt", execution=QUIET)).now == 0


def test_a_part_by_regions_is_what_bedtools_intersect_would_take(two, tmp_path, caplog):
    # Regions are chr1 0-8, 10-18, 20-28 ...; half-open, so that neither 18-20 nor 8-10 touches one.
    (tmp_path / "some.bed").write_text("chr1\t8\t10\nchr1\t17\t21\nchr1\t55\t56\nchr9\t0\t100\n")
    caplog.set_level("INFO", "genolift")
    _, part = taken(two[0], regions=tmp_path / "some.bed")
    assert part.names == ["chr11", "chr12", "chr15"]
    assert "2 of 4 regions of" in caplog.text


def test_what_cannot_be_taken(two, tmp_path):
    def error(text, **options):
        (tmp_path / "list").write_text(text)
        choice = {"names": tmp_path / "list"} | options
        with pytest.raises(InputError) as error:
            subset(Subset(two[0], tmp_path / "part.zarr", execution=QUIET, **choice))
        assert not (tmp_path / "part.zarr").exists()
        return str(error.value)

    by_regions = {"regions": tmp_path / "list", "names": None}
    assert "line 2: " in (told := error("chr11\nchr1x\nmore\n"))
    assert "has no sequence 'chr1x', and 1 more lines cannot be used" in told
    assert "nothing is left" in error("none\n", on_bad="skip")
    assert "line 1: start is 'x'" in error("chr1\tx\t2\nchr1\t0\t3\n", **by_regions)
    assert "the regions are on chr7, and the sequences on chr1" in error("chr7\t1\t2\n", **by_regions)
    assert "give one of them" in error("", names=None)
    assert "give one of them" in error("", regions=tmp_path / "list")
    (tmp_path / "list").write_text("chr11\nchr1x\n")
    assert taken(two[0], names=tmp_path / "list", on_bad="skip")[1].names == ["chr11"]
    named = saved(tmp_path / "named.zarr")
    with pytest.raises(InputError, match="no genome coordinates"):
        subset(Subset(named, tmp_path / "other.zarr", regions=tmp_path / "list", execution=QUIET))


def test_models_of_several_inputs(tmp_path):
    """Rows beside the sequences are each store's own; what all sequences share must be the same."""
    rng = np.random.default_rng(3)

    def made(name, also, n=4):
        dna, beside = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (n, 6))], rng.normal(size=(n, 3)).astype("f4")
        fields = {"inputs": {"dna": dna, "bias": beside}, "raw_contributions": {"dna": dna, "bias": beside}}
        about = {"provenance": {"model": {"sha256": "m", "also": also}}, "names": [f"{name}{i}" for i in range(n)]}
        Explanation(fields, **about).save(tmp_path / f"{name}.zarr")
        return tmp_path / f"{name}.zarr"

    a, b = made("a", {"bias": {"sha256": "1"}, "c": 0.5}), made("b", {"bias": {"sha256": "2"}, "c": 0.5})
    merged(tmp_path / "out.zarr", a, b)
    out = Explanation.load(tmp_path / "out.zarr")
    assert_same(out, Explanation.concatenate(map(Explanation.load, (a, b))))
    assert out.provenance["model"]["also"]["c"] == 0.5
    assert out.provenance["model"]["also"]["bias"]["sha256"] not in ("1", "2")
    assert "model.also.c is 0.5 there and 0.6 here" in refused(
        a, made("d", {"bias": {"sha256": "3"}, "c": 0.6}), out="no"
    )
    assert "model.also.bias is" in refused(a, made("e", {"bias": 0.0, "c": 0.5}), out="no")
