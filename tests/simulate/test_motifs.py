import numpy as np
import pytest

from genolift.simulate.motifs import Motif, read_motifs
from genolift.support.errors import FileProblem, InputError

P = [[0.1, 0.2, 0.3, 0.4], [1.0, 0, 0, 0], [0, 0, 0.5, 0.5], [0.25, 0.25, 0.25, 0.25], [0, 1.0, 0, 0]]


def test_log_odds_by_hand():
    odds = Motif("m", P).log_odds([0.3, 0.2, 0.2, 0.3])
    assert odds.shape == (5, 4)
    assert odds[1, 0] == pytest.approx(np.log((0.999 + 0.00025) / 0.3))
    assert odds[1, 1] == pytest.approx(np.log(0.00025 / 0.2))


def test_rounded_rows_are_renormalised_and_others_refused():
    motif = Motif("m", [[0.333, 0.333, 0.333, 0.0005]])
    assert motif.matrix.sum() == pytest.approx(1, abs=1e-15)
    with pytest.raises(InputError, match=r"row 2 of motif 'm' sums to 0\.9"):
        Motif("m", [[1, 0, 0, 0], [0.9, 0, 0, 0]])
    with pytest.raises(InputError, match="between 0 and 1"):
        Motif("m", [[1.2, -0.2, 0, 0]])
    with pytest.raises(InputError, match="four numbers"):
        Motif("m", [[1, 0, 0]])
    with pytest.raises(InputError, match="four numbers"):
        Motif("m", [[1, 0, 0, 0], [1, 0]])


def test_reverse_complement_and_consensus():
    motif = Motif("m", P)
    np.testing.assert_allclose(motif.reverse_complement().matrix, np.array(P)[::-1, ::-1], rtol=1e-15)
    assert motif.consensus == "TAGAC"
    assert motif.width == 5


def rows(sep=" ", scale=1.0, prefix=""):
    return "".join(prefix + sep.join(f"{v * scale:g}" for v in row) + "\n" for row in P)


MEME = f"""MEME version 5

ALPHABET= ACGT

strands: + -

Background letter frequencies
A 0.25 C 0.25 G 0.25 T 0.25

MOTIF MA1.1 first
letter-probability matrix: alength= 4 w= 5 nsites= 3 E= 0
{rows()}URL http://example.org

MOTIF second
letter-probability matrix: alength= 4 w= 5
{rows("  ")}
"""
JASPAR = ">MA1.1 first\n" + "".join(
    f"{base} [ {' '.join(f'{1000 * row[i]:g}' for row in P)} ]\n" for i, base in enumerate("ACGT")
)
PFM = ">MA1.1\tfirst\n" + "".join(" ".join(f"{1000 * row[i]:g}" for row in P) + "\n" for i in range(4))
HOMER = f">TAGAC\tfirst\t6.05\t-1783\t0\n{rows(chr(9))}>OTHER\tsecond\n{rows()}"
PFM = PFM.replace("\tfirst", " first")
ENCODE = ">MA1.1 first other words\n" + "".join(
    f"{letter} " + " ".join(f"{v:.6f}" for v in row) + "\n" for letter, row in zip("NAKGC", P, strict=True)
)
TRANSFAC = (
    "AC  MA1.1\nXX\nID  first\nXX\nP0      A      C      G      T\n"
    + "".join(f"{i:02d} " + " ".join(f"{1000 * v:g}" for v in row) + " N\n" for i, row in enumerate(P, 1))
    + "XX\n//\n"
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (MEME, ["MA1.1", "first", "second"]),
        (JASPAR, ["MA1.1", "first"]),
        (PFM, ["MA1.1", "first"]),
        (HOMER, ["TAGAC", "first", "OTHER", "second"]),
        (ENCODE, ["MA1.1", "first"]),
        (TRANSFAC, ["MA1.1", "first"]),
    ],
    ids=["meme", "jaspar", "pfm", "homer", "encode", "transfac"],
)
def test_formats(tmp_path, text, names):
    path = tmp_path / "motifs.txt"
    path.write_text(text)
    motifs = read_motifs(path)
    assert list(motifs) == names
    for motif in motifs.values():
        np.testing.assert_allclose(motif.matrix, P, atol=1e-6)  # as many digits as the texts have


def test_square_matrices_are_read_the_way_their_sums_say(tmp_path):
    by_position = [[4, 3, 2, 1], [10, 0, 0, 0], [0, 10, 0, 0], [9, 1, 0, 0]]
    path = tmp_path / "motifs.txt"
    for table in (np.array(by_position), np.array(by_position).T):
        path.write_text(">m\n" + "".join(" ".join(map(str, row)) + "\n" for row in table))
        np.testing.assert_allclose(read_motifs(path)["m"].matrix, np.array(by_position) / 10)


def test_a_square_matrix_is_read_the_way_the_motifs_after_it_are(tmp_path):
    """Its sums alone would say that rows are bases, and then of the second motif two positions would be lost."""
    square = np.array([[5, 5, 5, 5], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1]])
    longer = np.array([[10, 0, 0, 0], [0, 20, 0, 0], [0, 0, 5, 0], [9, 0, 0, 1], [9, 0, 0, 1], [0, 20, 0, 0]])
    path = tmp_path / "motifs.txt"
    for turned in (False, True):
        tables = {"square": square, "longer": longer}
        path.write_text(
            "".join(
                f">{name}\n" + "".join(" ".join(map(str, row)) + "\n" for row in (table.T if turned else table))
                for name, table in tables.items()
            )
        )
        motifs = read_motifs(path)
        for name, table in tables.items():
            np.testing.assert_allclose(motifs[name].matrix, table / table.sum(1, keepdims=True))


def test_what_is_no_motif_file(tmp_path):
    path = tmp_path / "motifs.txt"
    for text, words in [
        ("hello\n", "holds no motifs"),
        (">a\n1 2 3\n", "not four numbers"),
        (MEME.replace("ACGT\n", "ACDEFGHIKLMNPQRSTVWY\n"), "alphabet"),
        (">a b\n0 0 0 0\n1 0 0 0\n", "without any counts"),
    ]:
        path.write_text(text)
        with pytest.raises(InputError, match=words) as caught:
            read_motifs(path)
        assert "motifs.txt" in str(caught.value)
    with pytest.raises(FileProblem, match="does not exist"):
        read_motifs(tmp_path / "no.meme")
