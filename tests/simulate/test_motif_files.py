"""Files of motifs are read strictly against what they say of themselves."""

import io
import logging
import re

import numpy as np
import pytest
from Bio import motifs as biopython

from genolift.pipeline.common.known import known_motifs
from genolift.pipeline.experiments.experiments import motif as chosen
from genolift.simulate.motifs import MotifFile, read_motifs
from genolift.support.errors import InputError

HEAD = "MEME version 5\n\nALPHABET= ACGT\n\n"
LINE = "letter-probability matrix: alength= 4 w= 5 nsites= 20 E= 0\n"


def rows(word):
    return "".join(" ".join("0.94" if base == letter else "0.02" for base in "ACGT") + "\n" for letter in word)


def meme(body, line=LINE, head=HEAD):
    return f"{head}MOTIF odd\n{line}{body}"


@pytest.fixture
def read(tmp_path):
    def of(text, *more):
        (tmp_path / "some.txt").write_text(text)
        return read_motifs(tmp_path / "some.txt", *more)

    return of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (meme(rows("CAT") + "nan nan nan nan\n" + rows("G")), "line 10: 'nan nan nan nan' is not four numbers"),
        (meme(rows("CAT") + "0,02 0,94 0,02 0,02\n" + rows("G")), "not four numbers"),
        (meme(rows("CA") + ".2 .2 .2 .2 .2\n" + rows("TG")), "not four numbers"),
        (meme(rows("CA") + "# half of it\n" + rows("TGA")), "line 9: '# half of it'"),
        (meme(rows("CAT")), "its matrix has 3 rows, and w= 5 in line 6"),
        (meme(rows("CATGAA")), "line 12: there are more rows than w= 5"),
        (meme(rows("CATGA") + "\n" + rows("G")), "more rows than w= 5"),
        (meme(rows("CATGA"), LINE.replace("alength= 4", "alength= 20")), "alength= is 20"),
        (meme(rows("CATGA"), LINE.replace("w= 5", "w= many")), "w= is many"),
        (meme(rows("CATGA"), LINE.replace("nsites= 20", "nsites= some")), "nsites= is some"),
        (meme("0.5 0.1 0.1 0.1\n" + rows("CATG")), r"line 7: 0\.5 0\.1 0\.1 0\.1 sums to 0\.8"),
        (meme("9 1 0 0\n" * 5), "sums to 10; MEME's format holds probabilities"),
        (meme("1.2 -0.9 -0.4 -2\n" * 5), "log-odds or contributions"),
        (meme("-80 120 30 -500\n" * 5, LINE.replace("letter-probability", "log-odds")), "a log-odds matrix and no"),
        (meme(""), "its matrix has 0 rows"),
        (meme("", ""), "no letter-probability matrix"),
        (meme(rows("CATGA") + LINE + rows("CATGA")), "2 letter-probability matrices"),
        (HEAD + LINE + rows("CATGA"), "without a line MOTIF"),
    ],
)
def test_a_matrix_is_what_its_header_promises(read, text, words):
    with pytest.raises(InputError, match=words) as caught:
        read(text)
    assert "some.txt" in str(caught.value)
    assert "'odd'" in str(caught.value) or "MOTIF" in str(caught.value)


def test_matrices_that_are_right_are_read(read):
    for body, line in [
        (rows("CATGA"), LINE),
        (rows("CATGA") + "URL http://x\n", LINE),
        (rows("CAT") + "\n" + rows("GA") + "-----\n", LINE),
        (rows("CATGA") + "\n\n0.3 seconds\n", LINE.replace("w= 5", "")),
        (rows("CATGA").replace("0.94", "0.93"), LINE.replace("= ", "=")),
    ]:
        assert read(meme(body, line))["odd"].consensus == "CATGA"


MODIFIED = 'A "Adenine" ~ T "Thymine"\nC "Cytosine" ~ G "Guanine"\n{}N "Any" FFFFFF = ACGT\nEND ALPHABET\n\n'


def test_alphabets_of_modified_bases_are_refused_by_name(read):
    plain = HEAD.replace("ALPHABET= ACGT\n", 'ALPHABET "DNA with names" DNA-LIKE\n' + MODIFIED.format(""))
    assert read(meme(rows("CATGA"), head=plain))["odd"].consensus == "CATGA"
    modified = HEAD.replace("ALPHABET= ACGT\n", 'ALPHABET "DNA" DNA-LIKE\n' + MODIFIED.format('m "5mC" ~ 1 "G:5mC"\n'))
    with pytest.raises(InputError, match=r"the difference is 1, m.*modified bases"):
        read(meme(rows("CATGA"), head=modified))
    for letters in ("ACGU", "ACDEFGHIKLMNPQRSTVWY"):
        with pytest.raises(InputError, match=f"alphabet is {letters}"):
            read(meme(rows("CATGA"), head=HEAD.replace("ACGT", letters)))


def test_motifs_of_one_name_are_told_apart(read, tmp_path):
    short = LINE.replace("w= 5", "w= 2")
    two = HEAD + "".join(
        f"MOTIF 1 {name}\n{short}{rows(word)}\n" for name, word in [("a", "CA"), ("b", "TG"), ("a", "CA")]
    )
    found = read(two)
    assert {name: motif.consensus for name, motif in found.items()} == {"1#1": "CA", "a": "CA", "1#2": "TG", "b": "TG"}
    with pytest.raises(InputError, match="several motifs named '1'; ask for '1#1' and '1#2'"):
        MotifFile.read(tmp_path / "some.txt").get("1")
    jaspar = ">MA1.1\tG1\nA [9 0]\nC [0 9]\nG [0 0]\nT [0 0]\n>MA1.2\tG1\nA [0 0]\nC [0 0]\nG [9 0]\nT [0 9]\n"
    assert {name: motif.consensus for name, motif in read(jaspar).items()} == {"MA1.1": "AC", "MA1.2": "GT"}
    with pytest.raises(InputError, match=r"several motifs named 'G1'; ask for 'MA1\.1' and 'MA1\.2'"):
        chosen("G1", tmp_path / "some.txt")
    assert list(known_motifs(tmp_path / "some.txt")) == ["MA1.1_G1", "MA1.2_G1"]


def test_one_bad_motif_does_not_matter_where_another_is_asked_for(read, tmp_path, caplog):
    text = ">g\tX\nA [ 9 0 3 ]\nC [ 0 9 3 ]\nG [ 0 0 3 ]\nT [ 0 0 3 ]\n>bad\tY\nA [ 5 0 ]\nC [ 0 0 ]\nG [ 9 0 ]\nT [ 3 0 ]\n"
    with pytest.raises(InputError, match=r"motif 'bad', line 6: position 2: 0 0 0 0 is a position without any counts"):
        read(text)
    path = tmp_path / "some.txt"
    assert chosen("g", path)[1].consensus == "ACA"
    for name in ("bad", "Y"):
        with pytest.raises(InputError, match="without any counts"):
            chosen(name, path)
    with caplog.at_level(logging.WARNING, "genolift"):
        assert list(known_motifs(path)) == ["g_X"]
        assert list(read_motifs(path, on_bad="skip")) == ["g", "X"]
    assert "1 of 2 motifs are left out" in caplog.text
    assert "'bad'" in caplog.text


def test_lettered_rows_without_brackets_are_bases(read):
    counts = np.array([[12, 1, 2, 5], [3, 9, 4, 4], [1, 1, 17, 1], [6, 5, 4, 5]])
    lettered = ">m\n" + "".join(
        f"{base} {' '.join(map(str, row))}\n" for base, row in zip("ACGT", counts.T, strict=True)
    )
    bracketed = re.sub(r"^([ACGT]) (.*)$", r"\1 [ \2 ]", lettered, flags=re.MULTILINE)
    judge = biopython.parse(io.StringIO(bracketed), "jaspar")[0]
    wanted = np.array([judge.counts[base] for base in "ACGT"]).T / 20
    np.testing.assert_allclose(read(lettered)["m"].matrix, wanted)
    np.testing.assert_allclose(read(lettered.replace("A ", "A | "))["m"].matrix, wanted)
    head, *lines = lettered.splitlines()
    np.testing.assert_allclose(read("\n".join([head, *lines[::-1]]))["m"].matrix, wanted)


def test_what_may_be_bases_or_positions_is_refused_until_a_format_is_named(read):
    even = np.array([[7, 1, 1, 1], [1, 2, 3, 4], [1, 4, 2, 3], [1, 3, 4, 2]])
    text = ">m\n" + "".join(" ".join(map(str, row)) + "\n" for row in even)
    with pytest.raises(InputError, match="may be bases or positions") as caught:
        read(text)
    assert "motif_format='jaspar'" in str(caught.value)
    assert "--motif-format jaspar" in caught.value.for_command_line()
    np.testing.assert_allclose(read(text, "homer")["m"].matrix, even / 10)
    np.testing.assert_allclose(read(text, "jaspar")["m"].matrix, even.T / 10)
    uneven = text.replace("7 1 1 1", "9 1 2 1")
    with pytest.raises(InputError, match="may be bases or positions"):
        read(uneven)
    same_turned = ">m\n9 1 0 0\n1 9 0 0\n0 0 8 2\n0 0 2 8\n"
    assert read(same_turned)["m"].consensus == "ACGT"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (">m\nA [ 9 0 1 ]\nC [ 0 9 ]\nG [ 0 0 1 ]\nT [ 0 0 1 ]\n", "'m', line 3: .* has not as many numbers"),
        (">m\nA [ 9 0 ]\nC [ 0 9 ]\nG [ 0 0 ]\n", "'m', line 1: it has 3 rows"),
        (">m\nA [ 9 0 ]\nC [ 0 9 ]\nG [ 0 0 ]\nG [ 0 0 ]\n", "one for each of A, C, G and T"),
        (">m\nA [ 9 nan ]\nC [ 0 9 ]\nG [ 0 0 ]\nT [ 0 0 ]\n", "'m', line 2: .* is not a row of numbers"),
        (">m\tn\n0.9 0.1 0 0\n0.5 0.1 0 0\n", "'m', line 3: .* sums to 0.6"),
        (">m\tn\n0.9 -0.1 0.1 0.1\n0.5 0.5 0 0\n", "log-odds or contributions"),
        (">m\tn\n1.9 0 0 0\n0.1 0.1 0.6 0.2\n0 0.2 0.1 0\n", "bits or contributions"),
        ("remark\n>m\tn\n1 0 0 0\n0 1 0 0\n", "stands before the first motif"),
        ("AC m\nP0 A C G T\n01 1 2 3 4\n03 1 2 3 4\n//\n", "'m', line 4: position 03 stands where 2"),
        ("AC m\nP0 A C G T\n01 1 2 3\n//\n", "'m', line 3: .* four numbers"),
        ("AC m\nP0 A C G U\n01 1 2 3 4\n//\n", "the columns are A C G U"),
        ("AC m\nP0 A C G T\n//\n", "'m', line 1: it has no matrix"),
        ("<html><body>MEME version 5</body></html>", "HTML or XML"),
    ],
)
def test_other_formats_are_as_strict(read, text, words):
    with pytest.raises(InputError, match=words):
        read(text)


def test_columns_of_transfac_stand_in_the_order_of_their_header(read):
    text = "AC m\nP0 T G C A\n01 1 2 3 14\n02 10 0 5 5 N\n//\n"
    judge = biopython.parse(io.StringIO("ID m\nP0 A C G T\n01 14 3 2 1\n02 5 5 0 10\n//\n"), "transfac", strict=False)[
        0
    ]
    np.testing.assert_allclose(read(text)["m"].matrix * 20, np.array([judge.counts[base] for base in "ACGT"]).T)
