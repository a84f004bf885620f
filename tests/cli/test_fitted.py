"""Methods that are fitted on data before they explain, on the command line."""

import numpy as np
import pytest
from cli_files import LENGTH, fasta, random_sequences

import genolift as gl


@pytest.fixture(scope="module")
def some(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fitted")
    return fasta(folder / "two.fa", random_sequences(2)), fasta(folder / "training.fa", random_sequences(30))


@pytest.mark.slow
def test_patterns_fitted_on_a_file(files, genolift, some, tmp_path):
    two, training = some
    out = tmp_path / "s.zarr"
    command = ["explain", files.model, two, "--target", 0, "--method", "patternnet", "--out", out]
    told = genolift(*command, "--fit-on", training)
    assert told.code == 0, told.err
    found = gl.Explanation.load(out)
    assert type(found).__name__ == "SignalExplanation"
    assert found.method["fitted"]["sequences"] == 30
    fitted = gl.method("patternnet", gl.load_model(files.model), 0, progress=False)
    fitted.fit(gl.one_hot(list(random_sequences(30).values())))
    expected = fitted(gl.one_hot(list(random_sequences(2).values())))
    np.testing.assert_allclose(found.signal[:], expected.signal, atol=1e-5 * np.abs(expected.signal).max())
    assert "already complete" in genolift(*command, "--fit-on", training).out
    refused = genolift(*command, "--fit-on", two)
    assert refused.code == 2
    assert "method.fitted.sequences is 30 there and 2 here" in refused.err
    fitted.save(tmp_path / "patterns.npz")
    again = genolift(*command[:-1], tmp_path / "t.zarr", "--option", f"patterns={tmp_path / 'patterns.npz'}")
    assert again.code == 0, again.err
    np.testing.assert_allclose(gl.Explanation.load(tmp_path / "t.zarr").scores, found.scores, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("method", "lengths", "words"),
    [
        ("patternnet", None, "patternnet has no patterns yet; give --fit-on a FASTA file"),
        ("gradient", [LENGTH], "the method gradient is not fitted on data; leave out --fit-on"),
        (
            "patternnet",
            [LENGTH, 30],
            f"sequences of 30 to {LENGTH} bases; a method is fitted on sequences of one length",
        ),
        ("patternnet", [30], "patternnet cannot be fitted on"),
    ],
)
def test_what_cannot_be_fitted(files, genolift, some, tmp_path, method, lengths, words):
    arguments = ()
    if lengths is not None:
        arguments = ("--fit-on", fasta(tmp_path / "fit.fa", {f"s{n}": n * "A" for n in lengths}))
    out = tmp_path / "s.zarr"
    told = genolift("explain", files.model, some[0], "--target", 0, "--method", method, *arguments, "--out", out)
    assert told.code == 2
    (line,) = told.err.splitlines()
    assert words in line
    assert not out.exists()
