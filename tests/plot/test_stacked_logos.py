"""Rows of logos show what each result says, and alleles stand base above base."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from test_logo import drawn_letters

from genolift.cli.app import run
from genolift.plot.logo import plot_logo
from genolift.plot.logos.alleles import align, plot_alleles
from genolift.plot.logos.stacked import plot_logos
from genolift.plot.style import LOWERS, RAISES, render
from genolift.results.explanation import Explanation
from genolift.support.errors import InputError, Undefined

RNG = np.random.default_rng(0)
EYE = np.eye(4, dtype=np.float32)


def coded(text):
    return EYE[["ACGT".index(base) for base in text]]


def result(X, names, method="deeplift", targets=1, **options):
    hypothetical = RNG.normal(size=(len(X), targets, *X.shape[1:])).astype(np.float32)
    fields = {"inputs": X, "hypothetical": hypothetical, "raw_contributions": hypothetical * X[:, None]}
    fields["predictions"] = RNG.normal(size=(len(X), targets)).astype(np.float32)
    told = {"name": method, "units": "logit"}
    return Explanation(fields, names=names, target=list(range(targets)), method=told, **options)


@pytest.fixture
def two():
    X = EYE[RNG.integers(0, 4, (3, 30))]
    names = ["a", "b", "c"]
    return result(X, names, targets=2), result(X, names, "ism", targets=2)


def titles(figure):
    return [ax.get_title(loc="left") for ax in figure.axes]


def test_each_row_is_one_sequence_target_and_method(two):
    figure = plot_logos(two, ["c", "a"], [0, 1])
    assert titles(figure)[:3] == [
        "c   ·   output 0   ·   deeplift",
        "c   ·   output 0   ·   ism",
        "c   ·   output 1   ·   deeplift",
    ]
    assert len(figure.axes) == 8
    row, one = figure.axes[6], two[0]["a"].for_target(1)
    letters = drawn_letters(row)
    for place in range(30):
        base = "ACGT"[one.inputs[0, place].argmax()]
        assert letters[place, base] == pytest.approx(float(one.scores[0, place]), rel=1e-4)


def test_limits_are_shared_where_numbers_can_be_compared(two):
    same = plot_logos(two[0], ["a", "b"], [0])
    assert same.axes[0].get_ylim() == same.axes[1].get_ylim()
    others = plot_logos(two, ["a"], [0])
    assert others.axes[0].get_ylim() != others.axes[1].get_ylim()
    forced = plot_logos(two, ["a"], [0], limits="shared")
    assert forced.axes[0].get_ylim() == forced.axes[1].get_ylim()


def test_hypothetical_contributions_are_stacked(two):
    one = two[0]["b"].for_target(0)
    values = np.asarray(one.hypothetical)[0]
    (ax,) = plot_logos(two[0], ["b"], [0], "hypothetical").axes
    letters = drawn_letters(ax)
    assert len(letters) == 4 * 30
    for place in range(30):
        reaches = [0.0] + [letters[place, base] for base in "ACGT"]
        # The outermost letter ends where the sum of all on its side does.
        assert max(reaches) == pytest.approx(np.maximum(values[place], 0).sum(), abs=1e-4)
        assert min(reaches) == pytest.approx(np.minimum(values[place], 0).sum(), abs=1e-4)


def test_substitutions_are_changes_of_the_score(two):
    one = two[1]["a"].for_target(1)
    hypothetical, x = np.asarray(one.hypothetical)[0], np.asarray(one.inputs)[0]
    figure = plot_logos(two[1], ["a"], [1], "substitutions", start=5, end=20)
    (image,) = figure.axes[0].images
    shown = np.ma.filled(image.get_array(), np.nan)
    assert shown.shape == (4, 15)
    expected = (hypothetical - (hypothetical * x).sum(1, keepdims=True))[5:20].T
    np.testing.assert_allclose(shown[x[5:20].T == 0], expected[x[5:20].T == 0], rtol=1e-6)
    assert np.isnan(shown[x[5:20].T == 1]).all()
    assert list(image.get_extent()) == [4.5, 19.5, 3.5, -0.5]


def test_sizes_are_millimetres_and_fonts_are_in_the_file(two):
    figure = plot_logos(two, ["a", "b"], [0], width=180, row_height=15)
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx(180)
    assert b"/FontFile2" in render(figure, "pdf")
    for wrong in ({"width": 2}, {"row_height": -5}, {"limits": "same"}, {"view": "heat"}, {"start": 50}):
        with pytest.raises(InputError):
            plot_logos(two, ["a"], [0], **wrong)
    with pytest.raises(InputError, match="name a sequence"):
        plot_logos(two, [])


def test_a_method_without_hypothetical_contributions_says_so():
    X = EYE[RNG.integers(0, 4, (1, 10))]
    reasons = {"hypothetical": "occlusion hides windows"}
    plain = Explanation(
        {"inputs": X, "scores": np.ones((1, 10))}, undefined=reasons, names=["a"], method={"name": "occlusion"}
    )
    with pytest.raises(Undefined, match="occlusion hides windows"):
        plot_logos(plain, ["a"], view="hypothetical")


REF = "ACGTTGCAAACGTTAGCCAT"
CHANGES = {
    "chr1:6:G>T": (REF[:5] + "T" + REF[6:], 5, 1, 1),
    "chr1:6:GCA>G": ((REF[:6] + REF[8:] + "GG"), 6, 2, 0),
    "chr1:6:G>GTT": ((REF[:6] + "TT" + REF[6:])[:20], 6, 0, 2),
    "chr1:6:GC>TTT": ((REF[:5] + "TTT" + REF[7:])[:20], 5, 2, 3),
    # One A of three: which of them is missing cannot be told, and the gap stands where VCF has it, at the left.
    "chr1:8:A>AA": ((REF[:8] + "A" + REF[8:])[:20], 7, 0, 1),
    "chr1:7:CA>C": (REF[:7] + REF[8:] + "G", 7, 1, 0),
    # The same of a repeat of two bases.
    "chr1:11:CGTTA>C": (REF[:11] + REF[15:] + "GGGG", 11, 4, 0),
}


@pytest.mark.parametrize("variant", CHANGES)
def test_bases_that_both_alleles_have_share_a_column(variant):
    text, place, before, after = CHANGES[variant]
    ref, alt, change = align(coded(REF), coded(text), variant)
    assert change == (place, place + max(before, after))
    columns_ref, columns_alt = dict(zip(ref.tolist(), REF, strict=True)), dict(zip(alt.tolist(), text, strict=True))
    both = [c for c in columns_ref if c in columns_alt and not change[0] <= c < change[1]]
    assert all(columns_ref[c] == columns_alt[c] for c in both)
    assert len(both) == 20 - max(before, after)
    gap = set(range(*change)) - set(columns_ref if after > before else columns_alt)
    assert len(gap) == abs(after - before)


def alleles(tmp_path=None):
    names, X = [], []
    for variant, (text, *_) in CHANGES.items():
        names += [f"{variant}:ref", f"{variant}:alt"]
        X += [coded(REF), coded(text)]
    return result(np.stack(X), names, regions=[("chr1", 1000, 1020, "+")] * len(X))


def test_both_alleles_and_their_difference_are_drawn():
    both = alleles()
    figure = plot_alleles(both, "chr1:6:G>GTT", 0)
    ref, alt, difference = figure.axes
    assert [text.get_position() for text in ref.texts] == [(6, 0), (7, 0)]  # a dash for each missing base
    assert not alt.texts
    letters = {side: drawn_letters(ax) for side, ax in (("ref", ref), ("alt", alt))}
    scores = {side: both[f"chr1:6:G>GTT:{side}"].for_target(0).scores[0] for side in letters}
    assert letters["alt"][6, "T"] == pytest.approx(scores["alt"][6], rel=1e-4)
    assert letters["ref"][8, "C"] == pytest.approx(scores["ref"][6], rel=1e-4)
    bars = {
        round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in difference.patches if bar.get_width() < 1
    }
    assert bars[8] == pytest.approx(scores["alt"][8] - scores["ref"][6], rel=1e-4)
    assert bars[6] == pytest.approx(scores["alt"][6], rel=1e-4)
    drawn = [bar for bar in difference.patches if bar.get_width() < 1 and bar.get_height()]
    assert {(bar.get_height() > 0, to_hex(bar.get_facecolor())) for bar in drawn} == {(True, RAISES), (False, LOWERS)}
    ticks = dict(zip(difference.get_xticks(), [t.get_text() for t in difference.get_xticklabels()], strict=True))
    assert ticks[16] == "1,015"  # the base with the index 14 of the window, which begins at 1,001 as VCF counts
    assert difference.get_xlabel() == "position in chr1 (bp, 1-based as in VCF)"


def test_positions_of_the_genome_count_from_1_and_others_say_that_they_do_not():
    """The variant stands at the position that its name has, in windows that begin at base 2 of the chromosome."""
    names = ["chr1:7:G>T:ref", "chr1:7:G>T:alt"]
    X = np.stack([coded(REF), coded(REF[:5] + "T" + REF[6:])])
    both = result(X, names, regions=[("chr1", 1, 21, "+")] * 2)
    axis = plot_alleles(both, "chr1:7:G>T", 0, 0, 20).axes[2]
    ticks = dict(zip([t.get_text() for t in axis.get_xticklabels()], axis.get_xticks(), strict=True))
    assert ticks["10"] - 3 == 5  # where the alleles differ
    assert plot_logo(both, names[0]).get_suptitle().split("   ·   ")[:2] == [names[0], "chr1:2–21 (+, from 1)"]
    with pytest.raises(
        InputError,
        match=r"columns 0 to 30 are not among the 20 of chr1:7:G>T, which count from 0 at the start of its window, chr1:2$",
    ):
        plot_alleles(both, "chr1:7:G>T", 0, 0, 30)
    unknown = result(X, names)
    label = plot_alleles(unknown, "chr1:7:G>T").axes[2].get_xlabel().replace("\n", " ")
    assert label == "bp of the reference from the start of the window (0-based)"
    for figure in (plot_logos(unknown, names), plot_logo(unknown, names[0])):
        assert figure.axes[-1].get_xlabel() == "bp from the start of the sequence (0-based)"


def test_what_is_no_pair_of_alleles_is_said():
    both = alleles()
    with pytest.raises(InputError, match="no alleles of 'chr1:9:G>T' in this store; it has chr1:6:G>T"):
        plot_alleles(both, "chr1:9:G>T")
    with pytest.raises(InputError, match="are not those of its alleles"):
        align(coded(REF), coded(REF[:5] + "T" + REF[6:]), "chr1:6:GC>G")
    with pytest.raises(InputError, match="are not those of its alleles"):
        align(coded(REF), coded(REF), "chr1:6:G>T")
    with pytest.raises(InputError, match="is no variant"):
        align(coded(REF), coded(REF), "peak_7")


def test_the_command(tmp_path, capsys):
    both, path = alleles(), tmp_path / "alleles.zarr"
    both.save(path)
    out = tmp_path / "picture.png"

    def told(*options):
        code = run(["plot", str(path), *map(str, options), "--out", str(out)])
        written = capsys.readouterr()
        return code, written.out + written.err

    bed = tmp_path / "marks.bed"
    bed.write_text("chr1\t1004\t1009\tGATA\t0\t+\n")
    for options in (
        ("--alleles", "chr1:6:G>GTT"),
        ("--sequence", "chr1:6:G>T:ref", "--sequence", "chr1:6:G>T:alt", "--width", 90, "--annotations", bed),
        ("--sequence", "chr1:6:G>T:ref", "--view", "substitutions"),
    ):
        out.unlink(missing_ok=True)
        assert told(*options) == (0, f"{out}\n")
        assert out.read_bytes().startswith(b"\x89PNG")
    for options, words in (
        ((), "name a sequence by --sequence, or a variant by --alleles"),
        (("--alleles", "x", "--sequence", "y"), "--alleles draws one variant"),
        (("--alleles", "chr1:6:G>T", "--view", "hypothetical"), "alleles are drawn by their scores"),
        (("--sequence", "chr1:6:G>T:ref", "--map"), "holds no map"),
        (("--sequence", "nobody", "--width", "90"), "nobody"),
    ):
        code, text = told(*options)
        assert code == 2, options
        assert words in text
        assert text.count("\n") == 1


def test_rows_of_one_method_share_limits_beside_another_method(two):
    figure = plot_logos(two, ["a", "b"], [0])
    a, a_ism, b, b_ism = [ax.get_ylim() for ax in figure.axes]
    assert a == b
    assert a_ism == b_ism
    assert a != a_ism
    free = [ax.get_ylim() for ax in plot_logos(two, ["a", "b"], [0], limits="free").axes]
    assert len(set(free)) == 4


def test_a_row_of_nothing_and_what_is_not_finite_do_not_stretch_the_others():
    X = EYE[RNG.integers(0, 4, (3, 30))]
    scores = np.full((3, 30), 0.01, np.float32)
    scores[1], scores[2, 4] = 0, np.nan
    e = Explanation({"inputs": X, "scores": scores}, names=["a", "b", "c"], target=0, method={"name": "ism"})
    assert {ax.get_ylim()[1] < 0.02 for ax in plot_logos(e, ["a", "b", "c"]).axes} == {True}
    assert plot_logo(e, "c").axes[0].get_ylim()[1] < 0.02


def test_stores_of_one_method_are_told_apart(two):
    one = two[0]
    assert titles(plot_logos([one, one], ["a"], [0])) == [
        "a   ·   deeplift, explanation 1",
        "a   ·   deeplift, explanation 2",
    ]
    assert titles(plot_logos([one, one], ["a"], [0], labels=["x", "y"]))[1] == "a   ·   deeplift, y"


@pytest.mark.parametrize("height", [None, 10])
def test_the_label_at_the_side_is_not_cut(two, height):
    for view in ("scores", "hypothetical", "substitutions"):
        figure = plot_logos(two[0], ["a"], [0], view, row_height=height)
        render(figure, "png", 100)  # which lays the figure out
        (extent,) = [one.get_window_extent() for one in figure.texts if one.get_text() == figure.get_supylabel()]
        assert extent.y0 >= 0, (view, figure.get_supylabel())
        assert extent.y1 <= figure.bbox.height


def test_long_sequences_are_bars_in_which_no_peak_is_lost():
    X = EYE[RNG.integers(0, 4, (1, 50_000))]
    scores = np.zeros((1, 50_000), np.float32)
    scores[0, 31_234], scores[0, 7] = 2, -1
    e = Explanation({"inputs": X, "scores": scores, "hypothetical": X}, names=["a"], target=0, method={"name": "ism"})
    above, below = plot_logos(e, ["a"]).axes[0].patches[:2]
    values, edges, _ = above.get_data()
    assert values.max() == 2
    assert edges[values.argmax()] <= 31_234 < edges[values.argmax() + 1]
    assert below.get_data().values.min() == -1
    with pytest.raises(InputError, match="50,000 bases are too many for a picture in rows"):
        plot_logo(e, "a")
    with pytest.raises(InputError, match="hypothetical contributions of 50,000 positions cannot be told apart"):
        plot_logos(e, ["a"], view="hypothetical")


@pytest.mark.parametrize("view", ["scores", "hypothetical", "substitutions"])
def test_a_narrow_picture_can_be_read(two, view):
    long = result(EYE[RNG.integers(0, 4, (1, 1200))], ["a"])
    figure = plot_logos(
        long, ["a"], [0], view, start=1100, end=1160, width=80 if view == "substitutions" else 60, row_height=15
    )
    render(figure, "png", 100)
    ax = figure.axes[0]
    for axis in (ax.xaxis, ax.yaxis) if view != "substitutions" else (ax.xaxis,):
        boxes = [one.get_window_extent() for one in axis.get_ticklabels() if one.get_text()]
        middles = [((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2) for box in boxes]
        x, y = (ax.bbox.x0, ax.bbox.x1), (ax.bbox.y0, ax.bbox.y1)
        inside = [x[0] <= a <= x[1] if axis is ax.xaxis else y[0] <= b <= y[1] for a, b in middles]
        shown = [box for box, there in zip(boxes, inside, strict=True) if there]
        assert len(shown) >= 2 or axis is ax.yaxis
        assert not any(a.overlaps(b) for k, a in enumerate(shown) for b in shown[k + 1 :])
    below = ax.xaxis.label.get_window_extent()
    assert below.x1 <= figure.bbox.width


@pytest.mark.parametrize("view", ["scores", "hypothetical", "substitutions"])
@pytest.mark.parametrize("width", [None, 90, 180])
def test_labels_of_marks_keep_apart_in_every_size(view, width):
    e = result(EYE[RNG.integers(0, 4, (2, 200))], ["a", "b"])
    marks = {
        "a": [
            (44, 54, "GATA_disc1", "+"),
            (62, 78, "TAL1_known1", "+"),
            (90, 96, "GATA_disc1", "-"),
            (99, 101, "CTCF"),
        ],
        "b": [(10, 20, "GATA_disc1", "+")],
    }
    figure = plot_logos(e, ["a", "b"], [0], view, width=width, highlight=marks)
    render(figure, "png", 100)
    for ax in figure.axes[:2]:
        title = ax.title if ax.title.get_text() else ax._left_title
        boxes = [one.get_window_extent() for one in [*ax.texts, title]]
        assert len(boxes) == 1 + len(marks["ab"[figure.axes.index(ax)]])
        assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[k + 1 :])


def test_a_picture_without_room_for_its_axes_is_refused(two):
    figure = plot_logos(two[0], ["a"], [0], "substitutions", width=10, row_height=10)
    with pytest.raises(InputError, match="the picture is too small for the words around it; give more width= or"):
        render(figure, "png")


@pytest.mark.parametrize("name", ["a$\\frac{$b", "cost$_1$"])
def test_a_name_with_dollar_signs_is_a_name(name):
    import matplotlib.pyplot as plt

    one = result(EYE[RNG.integers(0, 4, (1, 30))], [name])
    marks = [(3, 8, name, "+")]
    for figure in (plot_logos(one, [name], highlight={name: marks}), plot_logo(one, name, highlight=marks)):
        render(figure, "png")
    # On axes of the user's, whose settings are their own.
    figure, ax = plt.subplots()
    plot_logo(one, name, ax=ax, highlight=marks)
    figure.canvas.draw()
    plt.close(figure)
