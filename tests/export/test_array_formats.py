"""What is exported reads back, by each format's own reader, as the fields it was made from."""

import json
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from explained import explained, positions_only, stored

import genolift as gl
from genolift.export.formats import modisco
from genolift.export.options import Options
from genolift.results.explanation import Explanation
from genolift.results.lazy import LazyArray
from genolift.sequence.alphabet import decode, reverse_complement
from genolift.support.errors import FileProblem, GenoliftWarning, InputError

LONG = 400  # MoDISco's window, at which nothing is to be told


def transposed(array):
    return np.asarray(array).transpose(0, 2, 1)


def known(explanation):
    """The one-hot inputs, with zeros where the base is not known."""
    return (np.asarray(explanation.inputs) == 1).astype(np.int8)


def test_modisco_pair(tmp_path):
    e = explained(length=LONG)
    written = gl.export(stored(e, tmp_path), to="modisco", out=tmp_path / "m")
    assert written == [tmp_path / "m.ohe.npz", tmp_path / "m.shap.npz"]
    sequences, scores = (np.load(path)["arr_0"] for path in written)
    assert sequences.shape == scores.shape == (5, 4, LONG)
    np.testing.assert_array_equal(sequences, transposed(known(e)))
    np.testing.assert_array_equal(scores, transposed(e.hypothetical))
    assert scores.dtype == np.float32
    assert set(np.unique(sequences.sum(axis=1))) == {0, 1}
    assert sequences[0, :, 2].sum() == 0


@pytest.mark.parametrize(("out", "form"), [("m.h5", None), ("m.hdf5", None), ("m", "h5")])
def test_modisco_h5(tmp_path, out, form):
    e = explained(length=LONG)
    written = gl.export(e, to="modisco", out=tmp_path / out, form=form)
    assert written == [tmp_path / out]
    with h5py.File(written[0]) as file:
        assert set(file) == {"input_seqs", "hyp_scores"}
        np.testing.assert_array_equal(file["hyp_scores"][:], e.hypothetical)
        np.testing.assert_array_equal(file["input_seqs"][:], known(e))


def test_modisco_names():
    for out, form in (("m.npz", None), ("m", "npz"), ("m", None)):
        files = modisco.files(Path(out), Options(own={"form": form}))
        assert [path.name for path in files] == ["m.ohe.npz", "m.shap.npz"]


@pytest.mark.parametrize(("length", "told"), [(400, None), (401, "-w 400"), (99, "-w 98"), (98, "-w 98"), (30, "41")])
def test_modisco_is_told_its_window(tmp_path, length, told):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gl.export(explained(length=length), to="modisco", out=tmp_path / "m")
    ours = [str(w.message) for w in caught if issubclass(w.category, GenoliftWarning)]
    assert len(ours) == (told is not None)
    assert all(told in message for message in ours)


@pytest.mark.parametrize("to", ["modisco", "chrombpnet"])
def test_hypothetical_scores_are_not_made_up(tmp_path, to):
    with pytest.raises(gl.Undefined, match=r"occlusion removes whole positions.*deeplift"):
        gl.export(positions_only(), to=to, out=tmp_path / "m")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("to", ["modisco", "chrombpnet"])
def test_mixed_lengths_are_refused(tmp_path, to):
    mixed = Explanation.concatenate([explained(length=12), explained(length=9)])
    with pytest.raises(InputError, match="9 to 12 bases"):
        gl.export(mixed, to=to, out=tmp_path / "m")


def test_chrombpnet(tmp_path):
    regions = [("chr1", 10 * i, 10 * i + 12, strand) for i, strand in enumerate("++-.-")]
    e = explained(regions=regions)
    out = tmp_path / "peaks.counts_scores.h5"
    written = gl.export(stored(e, tmp_path), to="chrombpnet", out=out)
    assert written == [out, tmp_path / "peaks.interpreted_regions.bed"]
    back = np.array([r[3] == "-" for r in regions])
    forward = lambda a: np.where(back[:, None, None], reverse_complement(a), a)  # noqa: E731
    bases, h = forward(known(e)), forward(e.hypothetical)
    with h5py.File(out) as file:
        expected = {"raw/seq": bases, "shap/seq": h, "projected_shap/seq": bases * h}
        for name, values in expected.items():
            assert file[name].shape == (5, 4, 12)
            assert file[name].dtype == (np.int8 if name == "raw/seq" else np.float16)
            np.testing.assert_array_equal(file[name][:], transposed(values).astype(file[name].dtype))
    bed = pd.read_csv(written[1], sep="\t", header=None)
    assert bed.shape == (5, 10)
    for i, (chrom, start, end, _) in enumerate(regions):
        assert tuple(bed.iloc[i, :3]) == (chrom, start, end)
        assert bed.iloc[i, 1] + bed.iloc[i, 9] - 12 // 2 == start  # how chrombpnet finds the window


def test_chrombpnet_keeps_the_spread_over_models(tmp_path):
    e = explained(regions=[("chr1", 0, 12, "+")] * 4 + [("chr1", 0, 12, "-")])
    spread = np.random.default_rng(0).random(e.scores.shape, np.float32)
    several = Explanation({**e.fields, "spread": spread}, names=e.names, regions=e.regions, method={"models": 3})
    gl.export(several, to="chrombpnet", out=tmp_path / "peaks.h5")
    with h5py.File(tmp_path / "peaks.h5") as file:
        np.testing.assert_array_equal(file["spread/seq"][:], [*spread[:4], spread[4, ::-1]])


def test_chrombpnet_without_coordinates_says_so(tmp_path):
    with pytest.warns(GenoliftWarning, match="no regions are written"):
        written = gl.export(explained(), to="chrombpnet", out=tmp_path / "peaks")
    assert written == [tmp_path / "peaks"]
    assert list(tmp_path.iterdir()) == written


def scaled(factor):
    e = explained()
    fields = {name: np.asarray(e._fields[name]) for name in ("inputs", "raw_contributions", "hypothetical")}
    return Explanation({name: x if name == "inputs" else x * np.float32(factor) for name, x in fields.items()})


@pytest.mark.filterwarnings("ignore::genolift.support.errors.GenoliftWarning")
def test_half_precision_is_not_overrun_in_silence(tmp_path):
    with pytest.raises(InputError, match="half precision"):
        gl.export(scaled(1e6), to="chrombpnet", out=tmp_path / "x.h5")
    with pytest.warns(GenoliftWarning, match="coarse"):
        gl.export(scaled(1e-3), to="chrombpnet", out=tmp_path / "x.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["x.h5"]


def test_npz_has_every_field(tmp_path):
    regions = [("chr1", i, i + 12, "-") for i in range(5)]
    e = explained(targets=[("counts", 0), "profile"], regions=regions, names=[f"../{i} é" for i in range(5)])
    (path,) = gl.export(stored(e, tmp_path), to="npz", out=tmp_path / "all.npz")
    found = np.load(path)
    for name in e.defined:
        np.testing.assert_array_equal(found[name], getattr(e, name))
        assert found[name].dtype == getattr(e, name).dtype
    assert found["names"].tolist() == e.names
    columns = [found[key].tolist() for key in ("chroms", "starts", "ends", "strands")]
    assert list(zip(*columns, strict=True)) == regions
    assert json.loads(found["about"].item())["method"] == {"name": "test"}
    assert all("/" not in entry and ".." not in entry for entry in zipfile.ZipFile(path).namelist())


def test_npz_of_one_target_and_of_several_inputs(tmp_path):
    e = explained(targets=[3, 1])
    (path,) = gl.export(e, to="npz", out=tmp_path / "one.npz", target=1)
    np.testing.assert_array_equal(np.load(path)["scores"], e.scores[:, 1])
    X = np.asarray(e.inputs)
    several = Explanation({"inputs": {"a/b": X, "c": X[:, :3, 0]}, "raw_contributions": {"a/b": 2 * X, "c": None}})
    (path,) = gl.export(several, to="npz", out=tmp_path / "several.npz")
    found = np.load(path)
    assert found["input_names"].tolist() == ["a/b", "c"]
    np.testing.assert_array_equal(found["raw_contributions.0"], 2 * X)
    assert "raw_contributions.1" not in found
    np.testing.assert_array_equal(found["inputs.1"], X[:, :3, 0])


@pytest.mark.parametrize("name", ["t.tsv", "t.tsv.gz"])
def test_tsv(tmp_path, name):
    short = explained(
        n=2, length=9, seed=1, regions=[("chrX", 5, 14, "-"), ("chrX", 50, 59, ".")], names=["a\tb", "q'\""]
    )
    long = explained(n=2, length=12, regions=[("chr1", 0, 12, "+"), ("chr2", 7, 19, "-")])
    e = Explanation.concatenate([short, long])
    (path,) = gl.export(stored(e, tmp_path), to="tsv", out=tmp_path / name)
    table = pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""])
    assert len(table) == 9 * 2 + 12 * 2
    assert list(dict.fromkeys(table["sequence"])) == e.names
    for i, name in enumerate(e.names):
        rows, one = table[table["sequence"] == name], e[i]
        length = one.inputs.shape[1]
        assert rows["position"].tolist() == list(range(length))
        assert "".join(rows["base"]) == decode(one.inputs)[0]
        np.testing.assert_array_equal(rows["score"].astype(np.float32), one.scores[0])
        hypothetical = rows[[f"hypothetical_{base}" for base in "ACGT"]].astype(np.float32)
        np.testing.assert_array_equal(hypothetical, one.hypothetical[0])
        assert rows["standard_error"].isna().all()
        region = one.regions[0]
        places = range(region.start, region.end)
        assert rows["genome_position"].tolist() == list(places if region.strand != "-" else reversed(places))


def test_tsv_is_what_pandas_writes(tmp_path):
    """Names that need quotes, numbers of every size, and errors that are none."""
    rng, shape = np.random.default_rng(4), (6, 12)
    names = ["a\tb", 'say "x"', "", " b ", "c\nd", "e,f"]
    e = explained(n=6, names=names)
    sizes = (10.0 ** rng.integers(-30, 30, shape)).astype(np.float32)
    raw = np.asarray(e.raw_contributions) * sizes[..., None]
    raw[:, 3], raw[:, 4, :] = 0, np.asarray(e.inputs)[:, 4]
    errors = np.where(rng.random(shape) < 0.5, sizes, np.nan).astype(np.float32)
    e = Explanation({"inputs": e.inputs, "raw_contributions": raw, "standard_error": errors}, names=names)
    (path,) = gl.export(e, to="tsv", out=tmp_path / "t.tsv")
    table = pd.DataFrame(
        {
            "sequence": np.repeat(names, 12),
            "position": np.tile(np.arange(12), 6),
            "base": list("".join(decode(e.inputs))),
            "score": np.asarray(e.scores).ravel(),
            "standard_error": errors.ravel(),
        }
    )
    assert path.read_bytes().decode() == table.to_csv(sep="\t", index=False, lineterminator="\n")


def test_tsv_of_positions_alone(tmp_path):
    e = positions_only()
    (path,) = gl.export(e, to="tsv", out=tmp_path / "t.tsv")
    table = pd.read_csv(path, sep="\t")
    assert list(table) == ["sequence", "position", "base", "score"]
    np.testing.assert_array_equal(table["score"].astype(np.float32), e.scores.ravel())


@pytest.mark.parametrize("to", ["modisco", "chrombpnet", "npz", "tsv", "bedgraph"])
@pytest.mark.filterwarnings("ignore::genolift.support.errors.GenoliftWarning")
def test_stores_are_read_in_blocks_and_once(tmp_path, to, monkeypatch):
    """A store larger than memory can be exported: no reading covers more than a block of it."""
    monkeypatch.setattr("genolift.export.formats.npz._BLOCK_BYTES", 2**12)
    e = explained(n=1000, regions=[("chr1", 20 * i, 20 * i + 12) for i in range(1000)])
    reads = []

    def rows(name, array):
        def read(start, stop):
            if stop - start > 1:
                reads.append((name, start, stop, array[start:stop].nbytes))
            return array[start:stop]

        return LazyArray(array.shape, array.dtype, read)

    fields = {name: rows(name, np.asarray(value)) for name, value in e._fields.items()}
    lazy = Explanation(fields, regions=e.regions, names=e.names, method=e.method)
    gl.export(lazy, to=to, out=tmp_path / "lazy.out")
    assert reads
    assert all(stop - start <= 256 or size <= 2**12 for _, start, stop, size in reads)
    if to != "npz":  # which has derived fields beside those they are derived from
        assert len(set(reads)) == len(reads)
    gl.export(e, to=to, out=tmp_path / "whole.out")
    for path in tmp_path.glob("lazy.*"):
        assert path.read_bytes() == (tmp_path / path.name.replace("lazy", "whole")).read_bytes()


@pytest.mark.filterwarnings("ignore::genolift.support.errors.GenoliftWarning")
def test_scores_that_are_no_numbers_are_refused(tmp_path):
    e = explained()
    h = np.array(e.hypothetical)
    h[3, 2, 1] = np.inf
    broken = Explanation({"inputs": e.inputs, "hypothetical": h}, names=e.names)
    with pytest.raises(InputError, match="'s3'"):
        gl.export(broken, to="modisco", out=tmp_path / "m.h5")
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore::genolift.support.errors.GenoliftWarning")
def test_nothing_is_overwritten_or_half_written(tmp_path, monkeypatch):
    e = explained()
    taken = tmp_path / "m.shap.npz"
    taken.write_text("precious")
    with pytest.raises(FileProblem, match="there already"):
        gl.export(e, to="modisco", out=tmp_path / "m")
    assert taken.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [taken]

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("genolift.export.formats.modisco.as_bases", fail)
        with pytest.raises(FileProblem, match="No space left"):
            gl.export(e, to="modisco", out=tmp_path / "m", force=True)
    assert taken.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [taken]
    gl.export(e, to="modisco", out=tmp_path / "m", force=True)
    assert np.load(taken)["arr_0"].shape == (5, 4, 12)


def test_paths_that_cannot_be(tmp_path):
    e = explained()
    store = stored(e, tmp_path)
    for out, words in ((tmp_path, "is a directory"), (tmp_path / "none" / "t.tsv", "no directory")):
        with pytest.raises(FileProblem, match=words):
            gl.export(e, to="tsv", out=out)
    for force in (False, True):
        with pytest.raises(InputError, match="inside the score store"):
            gl.export(store, to="tsv", out=store / "t.tsv", force=force)
    assert not (store / "t.tsv").exists()
    with pytest.raises(InputError, match="no format 'parquet'"):
        gl.export(e, to="parquet", out=tmp_path / "t")
    with pytest.raises(InputError, match="takes no form"):
        gl.export(e, to="tsv", form="h5", out=tmp_path / "t")
    with pytest.raises(InputError, match="takes no chrom-sizes"):
        gl.export(e, to="modisco", chrom_sizes="x", out=tmp_path / "t")
