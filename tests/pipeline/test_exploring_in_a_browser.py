"""The explorer in a real Chromium: an edit's answer is the model's."""

import re
import signal
import subprocess

import numpy as np
import pytest
from chromium import chromium, needs_chromium, opened
from started import started

from genolift.models.loading import load_model
from genolift.models.zoo import build
from genolift.sequence.alphabet import one_hot

pytest.importorskip("starlette")
pytestmark = [pytest.mark.slow, needs_chromium]
LENGTH = 60
SEQUENCE = "ACGTTGCA" * 7 + "GATA"
PATIENT = 120_000  # ms, for the first answer of a model


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Yield the model and the address that the command prints; and see that Ctrl-C ends it quietly."""
    folder = tmp_path_factory.mktemp("explore")
    build("tal_gata", length=LENGTH, tasks=2, filters=4, seed=3).save(folder / "m.keras")
    (folder / "s.fa").write_text(f"><i>one</i>\n{SEQUENCE}\n>two\n{SEQUENCE[::-1]}\n")
    (folder / "m.meme").write_text(
        "MEME version 4\n\nALPHABET= ACGT\n\nMOTIF GAT\nletter-probability matrix: alength= 4 w= 3\n"
        "0 0 1 0\n1 0 0 0\n0 0 0 1\n"
    )
    command = ["explore", "m.keras", "--target", 0, "--fasta", "s.fa", "--motifs", "m.meme", "--no-browser"]
    process = started(command, cwd=folder, stdout=subprocess.PIPE)
    first = process.stdout.readline()
    address = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", first)
    assert address, first + process.stderr.read()
    yield load_model(folder / "m.keras"), address[0]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode in (0, 130)
    assert "Traceback" not in said


@pytest.fixture
def page(served):
    with chromium() as browser, opened(browser, served[1], offline=False) as one:
        one.wait_for_selector("#logo path.base", timeout=PATIENT)
        yield one


def logit(model, sequence):
    p = float(model.predict(one_hot([sequence]), verbose=0)[0, 0])
    return np.log(p / (1 - p))


def expect_prediction(page, model, sequence):
    """Wait until the page shows what the model predicts."""
    value = logit(model, sequence)
    for _ in range(PATIENT // 100):
        found = re.match(r"prediction ([\d.e−]+)", page.locator("#answer").inner_text())
        if found and float(found[1].replace("−", "-")) == pytest.approx(value, rel=2e-3, abs=1e-5):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"the page says {page.locator('#answer').inner_text()}, and the model {value}")


def test_edits_are_answered_by_the_model(page, served):
    model, _ = served
    assert page.locator("#sequence").input_value() == SEQUENCE
    expect_prediction(page, model, SEQUENCE)
    page.fill("#word", "gatt")
    page.fill("#at", "20")
    page.click("#write")
    changed = SEQUENCE[:20] + "GATT" + SEQUENCE[24:]
    assert page.locator("#sequence").input_value() == changed
    expect_prediction(page, model, changed)
    # A click on a base, and then on another letter.
    page.locator("#logo .frame").focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.locator("#logo .panel button[data-base=T]").click()
    expect_prediction(page, model, "T" + changed[1:])
    page.click("#undo")
    page.click("#undo")
    assert page.locator("#sequence").input_value() == SEQUENCE
    expect_prediction(page, model, SEQUENCE)
    page.click("#redo")
    assert page.locator("#sequence").input_value() == changed


def test_a_motif_is_dragged_in(page):
    chip = page.locator(".motif")
    assert chip.inner_text() == "GAT GAT"
    box = page.locator("#logo .frame").bounding_box()
    chip.drag_to(page.locator("#logo .frame"), target_position={"x": box["width"] / 2, "y": 60})
    text = page.locator("#sequence").input_value()
    assert text != SEQUENCE
    assert len(text) == LENGTH
    (start,) = {
        k
        for k in range(LENGTH - 2)
        if text[k : k + 3] == "GAT" and text[:k] + SEQUENCE[k : k + 3] + text[k + 3 :] == SEQUENCE
    }
    assert abs(start - LENGTH / 2) < 6


def test_mistakes_are_told_and_states_are_kept(page, served):
    model, _ = served
    page.fill("#sequence", "ACGT")
    page.locator("#problem", has_text="the sequence has 4 bases, and the model takes 60; add 56").wait_for()
    page.fill("#sequence", SEQUENCE[::-1])
    expect_prediction(page, model, SEQUENCE[::-1])
    assert page.locator("#problem").inner_text() == ""
    page.click("#keep")
    page.fill("#sequence", "A" + SEQUENCE[::-1][1:-1] + "C")
    page.locator("#answer", has_text="change").wait_for()
    assert page.locator("#logo path.base[data-track='1']").count() > 0
    page.click("#effects")
    page.locator("#heat rect").first.wait_for(timeout=PATIENT)
    with page.expect_download() as waiting:
        page.click("#fasta")
    assert waiting.value.suggested_filename == "_i_one_i_.fa"
    with page.expect_download() as waiting:
        page.click("#store")
    assert waiting.value.suggested_filename.endswith(".zarr.zip")
    page.click("#link")
    page.locator("#problem").wait_for(state="attached")
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    page.locator("#answer", has_text="prediction").wait_for(timeout=PATIENT)
    assert page.locator("#sequence").input_value() == "A" + SEQUENCE[::-1][1:-1] + "C"


def saved_fasta(page):
    with page.expect_download() as waiting:
        page.click("#fasta")
    return waiting.value.suggested_filename, waiting.value.path().read_text()


def test_what_is_pasted_has_its_own_name(page, served):
    model, _ = served
    other = SEQUENCE[::-1]
    page.fill("#sequence", f">mine of today\n{other[:30]}\n{other[30:]}\n")
    # At once, before the model has answered, a word goes to its place among the bases, and not among those of the header.
    page.wait_for_function("bases => document.getElementById('sequence').value === bases", arg=other)
    page.fill("#word", "CCC")
    page.fill("#at", "2")
    page.click("#write")
    changed = f"{other[:2]}CCC{other[5:]}"
    expect_prediction(page, model, changed)
    assert saved_fasta(page) == ("mine.fa", f">mine\n{changed}\n")
    page.click("#undo")
    page.click("#undo")
    assert saved_fasta(page) == ("_i_one_i_.fa", f"><i>one</i>\n{SEQUENCE}\n")
    # An edit leaves the name, and other bases in the place of all do not.
    page.fill("#sequence", "A" + SEQUENCE[1:-1] + "C")
    expect_prediction(page, model, "A" + SEQUENCE[1:-1] + "C")
    assert saved_fasta(page)[0] == "_i_one_i_.fa"
    page.evaluate(
        """bases => {
            const field = document.getElementById("sequence");
            field.select();
            field.dispatchEvent(new ClipboardEvent("paste"));
            field.value = bases;
            field.dispatchEvent(new InputEvent("input"));
        }""",
        other,
    )
    expect_prediction(page, model, other)
    assert saved_fasta(page) == ("sequence.fa", f">sequence\n{other}\n")


def test_an_answer_to_something_else_cannot_be_edited(page, served):
    model, _ = served
    logo = page.locator("#logo")
    page.fill("#sequence", SEQUENCE[:-1])
    page.locator("#problem", has_text="add 1").wait_for()
    assert page.locator("#answer").inner_text() == ""
    assert logo.evaluate("one => one.inert")
    page.fill("#sequence", SEQUENCE)
    expect_prediction(page, model, SEQUENCE)
    assert not logo.evaluate("one => one.inert")
    page.fill("#word", "GAT")
    page.fill("#at", "")
    page.click("#write")
    assert "say at which position" in page.locator("#problem").inner_text()
    assert page.input_value("#sequence") == SEQUENCE


def test_letters_are_typed_over_the_chosen_base(page, served):
    model, _ = served
    page.fill("#sequence", SEQUENCE)
    expect_prediction(page, model, SEQUENCE)
    page.locator("#logo .frame").focus()
    page.keyboard.type("gat")  # no base is chosen yet
    assert page.input_value("#sequence") == SEQUENCE
    page.keyboard.press("Home")
    page.keyboard.type("gat")
    typed = "GAT" + SEQUENCE[3:]
    assert page.input_value("#sequence") == typed
    expect_prediction(page, model, typed)
    for _ in range(3):
        page.keyboard.press("Control+z")
    assert page.input_value("#sequence") == SEQUENCE
    page.keyboard.press("End")
    page.keyboard.type("nc")  # The last base is written over, and nothing behind it.
    assert page.input_value("#sequence") == SEQUENCE[:-1] + "C"


def test_what_only_warns_stands_in_the_page(page, served):
    page.fill("#sequence", "A" * LENGTH)
    page.locator("#remarks", has_text="no other shuffle").wait_for()
    page.fill("#sequence", SEQUENCE)
    page.wait_for_function("() => document.getElementById('remarks').textContent === ''")


def test_a_base_is_changed_and_changed_back_by_the_keyboard(page, served):
    model, _ = served
    page.fill("#sequence", SEQUENCE)
    expect_prediction(page, model, SEQUENCE)
    page.locator("#logo .frame").focus()
    for key in ("Home", "Enter", "Tab", "Enter"):
        page.keyboard.press(key)
    changed = "C" + SEQUENCE[1:]
    expect_prediction(page, model, changed)
    assert page.evaluate("document.getElementById('logo').shadowRoot.activeElement.className") == "frame"
    page.keyboard.press("Control+z")
    assert page.input_value("#sequence") == SEQUENCE
    page.keyboard.press("Control+Shift+Z")
    assert page.input_value("#sequence") == changed


def test_the_change_to_another_target_is_no_effect(page, served):
    page.fill("#sequence", SEQUENCE)
    expect_prediction(page, served[0], SEQUENCE)
    page.click("#keep")
    page.fill("#target", "1")
    page.locator("#target").blur()
    page.locator("#answer", has_text="of another target").wait_for()
    assert "change" not in page.locator("#answer").inner_text()


def test_another_method_has_limits_of_its_own(page, served):
    page.fill("#sequence", SEQUENCE)
    expect_prediction(page, served[0], SEQUENCE)
    page.click("#keep")
    assert "limits" not in page.locator("#answer").inner_text()
    page.select_option("#method", "gradient")
    page.locator("#answer", has_text="each method has limits of its own").wait_for(timeout=PATIENT)
    # The largest letter of either fills its row.
    highest = page.locator("#logo path.base").evaluate_all(
        """all => all.reduce((found, p) => {
          const high = Math.abs(Number(/scale\\(\\S+ (\\S+)\\)/.exec(p.getAttribute("transform"))[1]));
          found[p.dataset.track] = Math.max(found[p.dataset.track] ?? 0, high);
          return found;
        }, {})"""
    )
    assert min(highest.values()) > 50


def test_what_is_no_state_is_told(page, tmp_path):
    for text, words in (("null", "not a state"), ('{"sequence": "A", "method": "none"}', "the method none")):
        (tmp_path / "state.json").write_text(text)
        page.set_input_files("#open", tmp_path / "state.json")
        page.locator("#problem", has_text=words).wait_for()


@pytest.fixture(scope="module")
def served_with_many(tmp_path_factory):
    """Yield the address of a page with more sequences and motifs than it lists."""
    folder = tmp_path_factory.mktemp("many")
    build("tal_gata", length=LENGTH, tasks=1, filters=4, seed=3).save(folder / "m.keras")
    (folder / "s.fa").write_text("".join(f">peak_{k}\n{SEQUENCE[k % 50 :]}{SEQUENCE[: k % 50]}\n" for k in range(1500)))
    matrix = "letter-probability matrix: alength= 4 w= 3\n0 0 1 0\n1 0 0 0\n0 0 0 1\n"
    motifs = "".join(f"MOTIF MA{k:04}.1 factor{k}\n{matrix}\n" for k in range(90))
    (folder / "m.meme").write_text(f"MEME version 4\n\nALPHABET= ACGT\n\n{motifs}")
    command = ["explore", "m.keras", "--fasta", "s.fa", "--motifs", "m.meme", "--no-browser"]
    process = started(command, cwd=folder, stdout=subprocess.PIPE)
    try:
        yield re.search(r"http\S+", process.stdout.readline())[0]
    finally:
        process.kill()
        process.communicate()


def test_every_sequence_and_every_motif_can_be_found(served_with_many, tmp_path):
    with chromium() as browser, opened(browser, served_with_many, offline=False) as page:
        page.wait_for_selector("#logo path.base", timeout=PATIENT)
        assert page.locator("#names option").count() == 1000
        assert page.locator("#left").inner_text() == "1,000 of 1,500 are listed; find others by a part of their name"
        assert page.locator(".motif").count() == 60
        page.fill("#find", "PEAK_14")
        page.locator("#left", has_text="111 of 1,500").wait_for()
        page.fill("#find", "peak_1499")
        page.locator("#left", has_text=re.compile("^1 of 1,500$")).wait_for()
        assert page.locator("#names").evaluate("one => one.selectedIndex") == -1
        page.select_option("#names", label="peak_1499")
        page.wait_for_function(
            "text => document.getElementById('sequence').value === text", arg=SEQUENCE[49:] + SEQUENCE[:49]
        )
        page.fill("#findMotif", "ma0089")
        page.locator("#leftMotifs", has_text="1 of 90").wait_for()
        page.locator(".motif").click()
        assert page.input_value("#word") == "GAT"
        page.fill("#findMotif", "<b>")
        page.locator("#leftMotifs", has_text="no motif has “<b>” in its name").wait_for()
        assert page.locator(".motif").count() == 0
        page.fill("#findMotif", "")
        page.locator("#leftMotifs", has_text="60 of 90 are listed").wait_for()

        browser.close()
