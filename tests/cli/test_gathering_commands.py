"""`genolift merge` and `genolift subset` as they are typed."""

import numpy as np
import pytest
from cli_files import fasta, random_sequences

from genolift.cli.app import run
from genolift.results.explanation import Explanation


@pytest.mark.slow
def test_shards_that_are_merged_are_the_whole_run(files, genolift, tmp_path):
    sequences = random_sequences(12)
    half = {
        "a": dict(list(sequences.items())[:5]),
        "b": dict(list(sequences.items())[5:]),
    }

    def explained(name, path):
        out = tmp_path / f"{name}.zarr"
        command = ["explain", files.model, path, "--target", "0", "2", "--references", "shuffled:3", "--out", out]
        assert run([str(argument) for argument in command]) == 0
        return out

    shards = [explained(name, fasta(tmp_path / f"{name}.fa", some)) for name, some in half.items()]
    whole = Explanation.load(explained("whole", files.fasta))
    out = tmp_path / "merged.zarr"
    told = genolift("merge", *shards, "--out", out)
    assert (told.code, told.out) == (0, f"{out}: 12 sequences of 2 stores\n")
    merged = Explanation.load(out)
    assert merged.names == whole.names
    for name in whole.defined:
        one, other = np.asarray(getattr(merged, name)), np.asarray(getattr(whole, name))
        # Residuals are rounding errors of sums, which batches of other sizes make otherwise.
        size = np.abs(whole.predictions if name == "residual" else other)
        assert np.allclose(one, other, rtol=1e-5, atol=1e-5 * np.nanmax(size)), name
    assert merged.provenance["command"] == f"genolift merge {shards[0]} {shards[1]} --out {out}"
    assert genolift("merge", *shards, "--out", out).out == f"{out} is already complete: 12 sequences of 2 stores\n"
    assert "merged of" in genolift("info", out).out

    (tmp_path / "list.txt").write_text("s7\ns2\n")
    part = tmp_path / "part.zarr"
    told = genolift("subset", out, "--names", tmp_path / "list.txt", "--out", part)
    assert (told.code, told.out) == (0, f"{part}: 2 sequences of {out}\n")
    assert np.array_equal(np.asarray(Explanation.load(part).scores), np.asarray(merged.scores)[[2, 7]])
    for arguments, words in (
        (("merge", shards[0], shards[0]), "has the name 's0'"),
        (("merge", shards[0], files.fasta), "is a file, not a score store"),
        (("subset", out), "give one of them"),
        (("subset", out, "--regions", tmp_path / "list.txt"), "no genome coordinates; choose by --names"),
    ):
        told = genolift(*arguments, "--out", tmp_path / "no.zarr")
        assert (told.code, told.out) == (2, "")
        assert words in told.err
    assert not (tmp_path / "no.zarr").exists()
