"""`genolift explain --resume-check`: what the command would find, without doing it."""

import json
import shutil
import subprocess
import sys

import pytest
from cli_files import fasta, random_sequences

from genolift.pipeline.scoring import scoring
from genolift.results.store import StoreWriter

OPTIONS = ("--target", "0", "1", "--references", "shuffled:2", "--seed", "3")

SILENT = """
import sys
from genolift.cli.app import run
code = run(sys.argv[1:])
print(code, *(name for name in ("tensorflow", "keras") if name in sys.modules))
"""


@pytest.fixture(scope="module")
def place(files, tmp_path_factory):
    """A folder with windows of a genome, and a store of which two of five blocks are done."""
    from genolift.cli.app import run

    folder = tmp_path_factory.mktemp("resume")
    fasta(folder / "genome.fa", random_sequences(2, 1000))
    (folder / "r.bed").write_text("".join(f"s0\t{i}\t{i + 200}\tr{i}\n" for i in range(10)))
    write = StoreWriter.write

    def until_third(self, k, explanation):
        if k == 2:
            raise KeyboardInterrupt
        write(self, k, explanation)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "_LARGEST_BLOCK", 2)
        patch.setattr(StoreWriter, "write", until_third)
        assert run([str(word) for word in command(files, folder)]) == 130
    return folder


def command(files, folder, *options, model=None, regions="r.bed", out="s.zarr", own=OPTIONS):
    given = (
        "explain",
        model or files.model,
        folder / "genome.fa",
        "--regions",
        folder / regions,
        "--out",
        folder / out,
    )
    return [*given, *own, *options]


def contents(store):
    return {file: file.read_bytes() for file in store.rglob("*") if file.is_file()}


def test_an_interrupted_store_would_be_continued(files, place, genolift):
    before = contents(place / "s.zarr")
    told = genolift(*command(files, place, "--resume-check"))
    assert (told.code, told.err) == (0, "")
    assert told.out == f"{place / 's.zarr'} would be continued: 2 of 5 blocks are done, 4 of 10 sequences\n"
    assert contents(place / "s.zarr") == before


def test_tensorflow_is_not_loaded_for_it(files, place):
    """Nor where the command differs in what does not matter."""
    for options in ((), ("--workers", "2"), ("--memory", "2GB")):
        words = [str(word) for word in command(files, place, "--resume-check", *options)]
        told = subprocess.run([sys.executable, "-c", SILENT, *words], capture_output=True, text=True)
        assert told.stdout.splitlines()[-1] == "0", told.stderr
    wrong = [str(word) for word in command(files, place, "--resume-check", model=files.any_length)]
    told = subprocess.run([sys.executable, "-c", SILENT, *wrong], capture_output=True, text=True)
    assert told.stdout.splitlines()[-1] == "2"
    assert "model.sha256 is" in told.stderr


def test_the_same_work_in_other_words_is_the_same(files, place, genolift):
    own = (*OPTIONS, "--rule", "genomics")
    assert "would be continued" in genolift(*command(files, place, "--resume-check", own=own)).out


def test_a_store_of_an_earlier_genolift_is_checked_with_the_model(files, place, genolift, tmp_path):
    shutil.copytree(place / "s.zarr", tmp_path / "s.zarr")
    root = tmp_path / "s.zarr" / "zarr.json"
    told = json.loads(root.read_text())
    del told["attributes"]["genolift"]["provenance"]["asked"]
    root.write_text(json.dumps(told))
    arguments = command(files, place, "--resume-check", out=tmp_path / "s.zarr")
    assert "2 of 5 blocks are done" in genolift(*arguments).out
    assert genolift(*arguments, "--force").out.endswith("would be replaced: this command would begin a store\n")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--seed", "4"), "method.seed is 3 there and 4 here"),
        (("--target", "0", "2"), "target[1] is 1 there and 2 here"),
        (("--rule", "rescale"), "method.rule is 'genomics' there and 'rescale' here"),
        (("--dtype", "float16"), "dtype is 'float32' there and 'float16' here"),
        (("--unknown", "zero"), "sequences.encoding is 'uniform' there and 'zero' here"),
    ],
)
def test_what_would_be_refused_is_told_in_the_same_words(files, place, genolift, options, words):
    own = OPTIONS[3:] if options[0] == "--target" else OPTIONS
    arguments = command(files, place, *options, own=own)
    told = genolift(*arguments, "--resume-check")
    assert told.code == 2
    assert words in told.err
    assert genolift(*arguments).err.splitlines()[-1] == told.err.splitlines()[-1]


def test_other_regions(files, place, genolift):
    (place / "other.bed").write_text("".join(f"s0\t{i}\t{i + 200}\tr{i}\n" for i in range(1, 11)))
    told = genolift(*command(files, place, "--resume-check", regions="other.bed"))
    assert told.code == 2
    assert "holds another result: names[0] is 'r0' there and 'r1' here" in told.err


def test_what_is_not_there_or_something_else(files, place, genolift, tmp_path):
    told = genolift(*command(files, place, "--resume-check", out="new.zarr"))
    assert (told.code, told.out) == (0, f"{place / 'new.zarr'} is not there yet: this command would begin a store\n")
    assert not (place / "new.zarr").exists()
    assert "is a file, not a score store" in genolift(*command(files, place, "--resume-check", out="r.bed")).err


def test_a_store_that_is_being_written(files, place, genolift):
    code = f"""
import sys
from pathlib import Path
from genolift.results.lock import hold
lock = hold(Path({str(place / "s.zarr")!r}))
print("held", flush=True)
sys.stdin.read()
"""
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        assert "is being written by another process" in genolift(*command(files, place, "--resume-check")).err
    finally:
        other.communicate("")
    assert genolift(*command(files, place, "--resume-check")).code == 0


def test_a_finished_store(files, place, genolift):
    """The last test of this module, because it finishes the store."""
    assert genolift(*command(files, place)).code == 0
    told = genolift(*command(files, place, "--resume-check"))
    assert told.out == f"{place / 's.zarr'} is complete: 10 sequences; this command would change nothing\n"
