"""`genolift export` as it is typed."""

import numpy as np
import pytest
from cli_files import LENGTH


@pytest.fixture(scope="module")
def store(files, tmp_path_factory):
    """Scores of two targets for regions of a genome, by the command line."""
    from genolift.cli.app import run

    folder = tmp_path_factory.mktemp("scored")
    rng = np.random.default_rng(5)
    genome = folder / "genome.fa"
    genome.write_text("".join(f">{c}\n{''.join(rng.choice(list('ACGT'), 300))}\n" for c in ("chrB", "chrA")))
    bed = folder / "regions.bed"
    bed.write_text("chrA\t100\t160\ta\t0\t-\nchrB\t10\t70\tb\t0\t+\nchrA\t130\t190\tc\t0\t+\n")
    out = folder / "s.zarr"
    arguments = ["explain", files.model, genome, "--regions", bed, "--target", "2", "0", "--method", "gradient-x-input"]
    assert run([str(argument) for argument in [*arguments, "--out", out]]) == 0
    return out


def test_every_format(store, genolift, tmp_path):
    made = {
        "modisco": ["m.ohe.npz", "m.shap.npz"],
        "chrombpnet": ["m.counts_scores.h5", "m.interpreted_regions.bed"],
        "finemo": ["m.finemo.npz"],
        "bedgraph": ["m.bedgraph"],
        "npz": ["m.npz"],
        "tsv": ["m.tsv"],
    }
    for to, names in made.items():
        out = tmp_path / ("m" if to == "modisco" else names[0])
        told = genolift("export", store, "--to", to, "--target", 0, "--out", out)
        assert told.code == 0, told.err
        assert told.out.split() == [str(tmp_path / name) for name in names]
        again = genolift("export", store, "--to", to, "--target", 0, "--out", out)
        assert (again.code, again.out) == (2, "")
        assert "--force" in again.err
        assert genolift("export", store, "--to", to, "--target", 0, "--out", out, "--force").code == 0
    assert {path.name for path in tmp_path.iterdir()} == {name for names in made.values() for name in names}


@pytest.mark.parametrize("more", [(), ("--chrom-sizes", "genome.fa")])
def test_bigwig_needs_no_more_than_the_store(more, store, genolift, tmp_path, monkeypatch):
    library = pytest.importorskip("pyBigWig")
    monkeypatch.chdir(store.parent)
    out = tmp_path / "t.bw"
    told = genolift("export", store, "--to", "bigwig", "--target", 2, *more, "--out", out)
    assert told.code == 0, told.err
    with library.open(str(out)) as file:
        assert list(file.chroms().items()) == [("chrB", 300), ("chrA", 300)]  # as in the genome
        assert np.isfinite(file.values("chrA", 100, 190)).all()
        assert np.isfinite(file.values("chrB", 10, 10 + LENGTH)).all()


def test_mistakes(store, files, genolift, tmp_path):
    out = tmp_path / "x"
    for arguments, words in (
        ((store, "--to", "tsv", "--out", out), "targets were explained (2, 0); choose one of them by --target"),
        ((store, "--to", "tsv", "--target", 1, "--out", out), "not among those explained"),
        ((store, "--to", "docx", "--out", out), "docx"),
        ((store, "--to", "tsv", "--target", 0), "--out"),
        ((store, "--to", "tsv", "--target", 0, "--form", "h5", "--out", out), "takes no form"),
        ((store, "--to", "bigwig", "--target", 0, "--chrom-sizes", tmp_path / "none", "--out", out), "does not exist"),
        ((store, "--to", "tsv", "--target", 0, "--out", tmp_path / "none" / "x"), "no directory"),
        ((store, "--to", "tsv", "--target", 0, "--out", tmp_path), "is a directory"),
        ((tmp_path / "none.zarr", "--to", "tsv", "--out", out), "not there"),
        ((files.fasta, "--to", "tsv", "--out", out), "not a score store"),
    ):
        told = genolift("export", *arguments)
        assert (told.code, told.out) == (2, "")
        (line,) = told.err.splitlines()
        assert line.startswith("genolift: error: ")
        assert words in line
    assert not list(tmp_path.iterdir())


def test_several_targets_in_one_call(store, genolift, tmp_path):
    told = genolift("export", store, "--to", "modisco", "--target", "2", "0", "--out", tmp_path / "m")
    names = [f"m.{target}.{part}.npz" for target in (2, 0) for part in ("ohe", "shap")]
    assert (told.code, told.out.split()) == (0, [str(tmp_path / name) for name in names])
    for target in (2, 0):
        assert genolift("export", store, "--to", "modisco", "--target", target, "--out", tmp_path / "one").code == 0
        for part in ("ohe", "shap"):
            one = tmp_path / f"one.{part}.npz"
            assert (tmp_path / f"m.{target}.{part}.npz").read_bytes() == one.read_bytes()
            one.unlink()
    told = genolift("export", store, "--to", "tsv", "--target", "all", "--out", tmp_path / "t.tsv.gz")
    assert told.out.split() == [str(tmp_path / f"t.{target}.tsv.gz") for target in (2, 0)]
    before = sorted(tmp_path.iterdir())
    for targets, words in (
        (("0", "1"), "not among those explained"),
        (("all", "0"), "no other beside"),
        ((), "choose"),
    ):
        arguments = ("export", store, "--to", "tsv", "--out", tmp_path / "u.tsv")
        told = genolift(*arguments, *[word for one in targets for word in ("--target", one)])
        assert told.code == 2
        assert words in told.err
    assert sorted(tmp_path.iterdir()) == before
