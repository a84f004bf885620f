"""A small model and FASTA file, and the command line called in this process."""

import gzip
from types import SimpleNamespace

import pytest
from cli_files import LENGTH, fasta, random_sequences

from genolift.cli.app import run
from genolift.models.zoo import build


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """``model`` (three tasks, length 60), ``any_length`` (the same without a length), ``fasta`` of twelve records."""
    folder = tmp_path_factory.mktemp("cli")
    build("tal_gata", length=LENGTH, filters=4, width=5).save(folder / "model.keras")
    build("tal_gata", length=None, filters=4, width=5).save(folder / "any_length.keras")
    return SimpleNamespace(
        folder=folder,
        model=folder / "model.keras",
        any_length=folder / "any_length.keras",
        fasta=fasta(folder / "twelve.fa", random_sequences(12)),
    )


@pytest.fixture
def genolift(capsys):
    """``genolift(*arguments)`` gives ``code``, ``out`` and ``err``."""

    def call(*arguments):
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return call


@pytest.fixture(scope="session")
def bad_files(tmp_path_factory):
    """Files that are not FASTA, by what is wrong with them; a text that the message must hold."""
    folder = tmp_path_factory.mktemp("bad")
    good = "".join(f">{name}\n{sequence}\n" for name, sequence in random_sequences(500).items())

    def write(name: str, content: bytes):
        (folder / name).write_bytes(content)
        return folder / name

    (folder / "folder.fa").mkdir()
    return {
        "missing": (folder / "missing.fa", "does not exist"),
        "directory": (folder / "folder.fa", "is a directory"),
        "empty": (write("empty.fa", b""), "holds no sequences"),
        "duplicate": (
            write("duplicate.fa", b">a\n" + b"ACGT" * 15 + b"\n>a\n" + b"ACGT" * 15 + b"\n"),
            "two records are named 'a'",
        ),
        "binary": (write("binary.fa", bytes(range(256)) * 20), "not a FASTA file"),
        "truncated": (write("truncated.fa.gz", gzip.compress(good.encode())[:-200]), "truncated"),
        "protein": (write("protein.fa", b">p\nMKTAYIAKQRQISFVKSHFSRQ\n"), "protein"),
        "headerless": (write("text.fa", b"ACGTACGT\n"), "first line does not begin with '>'"),
    }
