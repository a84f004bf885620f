"""Letters that are not UTF-8 are read as Latin-1, as older programs write them, and do not make a file binary."""

import gzip

import pytest

from genolift.pipeline.common.sources import read_names
from genolift.sequence.files import open_text
from genolift.sequence.vcf import read_vcf
from genolift.simulate.motifs import read_motifs
from genolift.support.errors import FileProblem


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_text_in_two_encodings(tmp_path, pack):
    (tmp_path / "f").write_bytes(pack("\ufeffΩ é\n".encode() + "é\n".encode("latin-1")))
    with open_text(tmp_path / "f") as lines:
        assert list(lines) == ["Ω é\n", "é\n"]


READERS = {
    "names": (lambda path: [name for _, name in read_names(path)], b"# caf\xe9\ncaf\xe9\n", ["café"]),
    "vcf": (lambda path: [one.id for one in read_vcf(path)], b"##by=Andr\xe9\nchr1\t5\tcaf\xe9\tA\tC\n", ["café"]),
    "motifs": (lambda path: list(read_motifs(path)), b">caf\xe9\nA [1 0]\nC [0 1]\nG [0 0]\nT [0 0]\n", ["café"]),
}


@pytest.mark.parametrize("kind", READERS)
def test_readers_of_text(tmp_path, kind):
    read, content, names = READERS[kind]
    (tmp_path / "f").write_bytes(content)
    assert read(tmp_path / "f") == names
    (tmp_path / "f").write_bytes(content.decode("latin-1").encode("utf-16"))
    with pytest.raises(FileProblem, match="binary"):
        read(tmp_path / "f")
