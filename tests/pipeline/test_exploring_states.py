"""States of the explorer in a real Chromium: what the page shows is always of the state that it shows."""

import json
import re
import subprocess
from contextlib import contextmanager
from urllib.parse import quote

import keras
import numpy as np
import pytest
from chromium import chromium, needs_chromium, opened
from started import started

from genolift.methods.factory import method
from genolift.models.loading import load_model
from genolift.models.zoo import build
from genolift.sequence.alphabet import one_hot

pytest.importorskip("starlette")
pytestmark = [pytest.mark.slow, needs_chromium]
LENGTH = 60
SEQUENCE = "ACGTTGCA" * 7 + "GATA"
PATIENT = 120_000  # ms, for the first answer of a model


@contextmanager
def serving(folder, *more):
    process = started(["explore", "m.keras", *more, "--no-browser"], cwd=folder, stdout=subprocess.PIPE)
    try:
        yield re.search(r"http\S+", process.stdout.readline())[0]
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Yield the model and the address of a page on it."""
    folder = tmp_path_factory.mktemp("states")
    build("tal_gata", length=LENGTH, tasks=2, filters=4, seed=3).save(folder / "m.keras")
    (folder / "s.fa").write_text(f">one\n{SEQUENCE}\n>two\n{SEQUENCE[::-1]}\n")
    with serving(folder, "--target", "0", "--fasta", "s.fa") as address:
        yield load_model(folder / "m.keras"), address


@pytest.fixture
def page(served):
    with chromium() as browser, opened(browser, served[1], offline=False) as one:
        one.wait_for_selector("#logo path.base", timeout=PATIENT)
        yield one


def strongest_effect(model, sequence, target):
    """Return the largest change by one substitution."""
    values = method("ism", model, target, progress=False)(one_hot([sequence])).hypothetical[0]
    return np.abs(values - (values * one_hot([sequence])[0]).sum(axis=1, keepdims=True)).max()


def expect_effects(page, model, sequence, target):
    """Wait until the map says what substitutions of a sequence change."""
    value = strongest_effect(model, sequence, target)
    for _ in range(300):
        found = re.search(r"largest is ([\d.e−]+\d)", page.locator("#heatWords").inner_text())
        if found and float(found[1].replace("−", "-")) == pytest.approx(value, rel=2e-3):
            assert "stale" not in (page.locator("#heat").get_attribute("class") or "")
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"the map says {page.locator('#heatWords').inner_text()!r}, and not {value}")


def open_state(page, tmp_path, **state):
    (tmp_path / "state.json").write_text(json.dumps(state))
    page.set_input_files("#open", tmp_path / "state.json")


def test_a_state_of_the_same_sequence_is_answered_by_its_own_method(page, tmp_path):
    assert "residual" in page.locator("#answer").inner_text()
    open_state(page, tmp_path, sequence=SEQUENCE, name="one", method="gradient", references="", target="1")
    page.wait_for_function("() => /^prediction (?!.*residual)/.test(document.getElementById('answer').textContent)")
    page.click("#undo")
    assert page.input_value("#method") == "deeplift"
    assert page.input_value("#target") == "0"
    page.locator("#answer", has_text="residual").wait_for()
    page.click("#redo")
    assert page.input_value("#method") == "gradient"


def test_effects_follow_the_sequence_and_the_target(page, served):
    page.click("#effects")
    expect_effects(page, served[0], SEQUENCE, 0)
    page.fill("#target", "1")
    page.locator("#target").blur()
    expect_effects(page, served[0], SEQUENCE, 1)
    page.fill("#word", "CACA")
    page.fill("#at", "10")
    page.press("#at", "Enter")
    changed = SEQUENCE[:10] + "CACA" + SEQUENCE[14:]
    assert page.input_value("#sequence") == changed
    expect_effects(page, served[0], changed, 1)
    # By the keyboard: the strongest ones are buttons.
    button = page.locator("#strongest button").first
    position, base = button.get_attribute("data-position"), button.get_attribute("data-base")
    button.focus()
    page.keyboard.press("Enter")
    changed = changed[: int(position)] + base + changed[int(position) + 1 :]
    assert page.input_value("#sequence") == changed
    expect_effects(page, served[0], changed, 1)
    assert page.evaluate("document.activeElement.parentElement.id") == "strongest"
    page.click("#effects")
    assert page.locator("#heat").is_hidden()


def test_the_map_stands_below_the_columns_of_the_logo(page, served):
    page.click("#effects")
    expect_effects(page, served[0], SEQUENCE, 0)
    places = """() => {
        const left = (one) => one.getBoundingClientRect().left, found = {};
        const root = document.getElementById("logo").shadowRoot;
        for (const one of root.querySelectorAll("path.base")) found[one.dataset.position] = left(one);
        return [...document.querySelectorAll("#map rect")].filter((one) => found[one.dataset.position] !== undefined)
          .map((one) => Math.abs(left(one) - found[one.dataset.position]));
    }"""
    far = page.evaluate(places)
    assert len(far) > 20
    assert max(far) < 8
    page.locator("#logo [data-do=closer]").click()
    page.wait_for_function("count => document.querySelectorAll('#map rect').length < count", arg=len(far))
    inner = page.locator("#map rect").evaluate_all("all => all.map((one) => Number(one.dataset.position))")
    assert min(inner) >= LENGTH / 4 - 1
    assert max(inner) <= 3 * LENGTH / 4


def test_late_answers_change_nothing(page, served):
    """A shuffle that is answered after a later edit would undo the edit, and late effects would be of another state."""
    page.evaluate(
        """() => {
            const real = window.fetch, late = new Set(["/api/shuffle", "/api/effects"]);
            const wait = () => new Promise((done) => setTimeout(done, 1500));
            window.fetch = async (url, ...more) => {
                const answer = await real(url, ...more);
                if (late.delete(url)) await wait();
                return answer;
            };
        }"""
    )
    page.click("#shuffle")
    page.click("#effects")
    page.wait_for_timeout(300)
    page.fill("#word", "GGGG")
    page.fill("#at", "30")
    page.click("#write")
    changed = SEQUENCE[:30] + "GGGG" + SEQUENCE[34:]
    expect_effects(page, served[0], changed, 0)
    page.wait_for_timeout(1500)
    expect_effects(page, served[0], changed, 0)
    assert page.input_value("#sequence") == changed


def test_the_list_shows_which_sequence_is_shown(page):
    chosen = "document.getElementById('names').selectedOptions[0]?.textContent ?? ''"
    page.select_option("#names", label="two")
    page.locator("#which", has_text="two, 60 bases").wait_for()
    page.click("#undo")
    assert page.evaluate(chosen) == "one"
    page.click("#random")
    assert page.locator("#which").inner_text() == "random, 60 bases"
    assert page.evaluate(chosen) == ""
    assert re.fullmatch(f"[ACGT]{{{LENGTH}}}", page.input_value("#sequence"))


def test_what_is_selected_in_the_text_is_shuffled(page):
    page.locator("#sequence").evaluate("one => { one.focus(); one.setSelectionRange(8, 40); }")
    page.wait_for_function("() => document.getElementById('from').value === '8'")
    assert (page.input_value("#to"), page.input_value("#at")) == ("40", "8")
    page.press("#to", "Enter")
    page.wait_for_function("text => document.getElementById('sequence').value !== text", arg=SEQUENCE)
    text = page.input_value("#sequence")
    assert (text[:8], text[40:], sorted(text)) == (SEQUENCE[:8], SEQUENCE[40:], sorted(SEQUENCE))


def test_a_link_is_opened_in_a_page_that_is_open(page, served, tmp_path):
    page.click("#link")
    page.locator("#said", has_text="link").wait_for()
    state = {"model": "other.keras", "sequence": SEQUENCE[::-1], "name": "two", "method": "deeplift", "target": "0"}
    page.evaluate("text => { location.hash = text; }", quote(json.dumps(state)))
    page.wait_for_function("text => document.getElementById('sequence').value === text", arg=SEQUENCE[::-1])
    page.locator("#problem", has_text="saved with the model other.keras, and this page is of m.keras").wait_for()
    page.evaluate("location.hash = '%7B'")
    page.locator("#problem", has_text="the address holds no state that can be read").wait_for()
    open_state(page, tmp_path, sequence=SEQUENCE, target=3)
    page.locator("#problem", has_text="this is not a state that was saved here").wait_for()
    open_state(page, tmp_path, sequence=SEQUENCE, colour="red")
    page.locator("#problem", has_text="the state holds “colour”, which is not known here").wait_for()


def test_nothing_is_saved_or_kept_of_nothing(page):
    page.fill("#sequence", "")
    page.wait_for_function("() => document.getElementById('which').textContent === 'The model takes 60 bases.'")
    for button, words in (("fasta", "no sequence to save"), ("keep", "no answer to keep"), ("save", "no sequence")):
        page.click(f"#{button}")
        page.locator("#problem", has_text=words).wait_for()


def test_methods_are_grouped_and_those_that_refuse_the_model_are_marked(page):
    groups = page.locator("#method optgroup").evaluate_all("all => all.map((one) => one.label)")
    assert groups[:2] == ["DeepLIFT", "gradients"]
    assert page.locator("#summary").inner_text() == "deeplift: differences from references by DeepLIFT's rules"
    page.focus("#method")
    page.wait_for_function("() => /not for/.test(document.getElementById('method').textContent)", timeout=PATIENT)
    marked = page.locator("#method option").evaluate_all(
        "all => all.filter((o) => /not for/.test(o.textContent)).map((o) => o.value)"
    )
    assert {"attention", "patternnet", "built-in"} <= set(marked)
    assert not {"deeplift", "ism", "sis", "gradient"} & set(marked)
    assert page.input_value("#method") == "deeplift"


def test_of_several_outputs_the_page_offers_those_that_make_sense(tmp_path):
    inputs = keras.Input((LENGTH, 4))
    hidden = keras.layers.GlobalMaxPooling1D()(keras.layers.Conv1D(4, 5)(inputs))
    outputs = {
        "tasks": keras.layers.Dense(3, name="tasks")(hidden),
        "level": keras.layers.Dense(1, name="level")(hidden),
    }
    keras.Model(inputs, outputs).save(tmp_path / "m.keras")
    (tmp_path / "s.fa").write_text(f">one\n{SEQUENCE}\n")
    with (
        serving(tmp_path, "--fasta", "s.fa") as address,
        chromium() as browser,
        opened(browser, address, offline=False) as page,
    ):
        page.locator("#offered button").first.wait_for(timeout=PATIENT)
        page.wait_for_function("text => document.getElementById('sequence').value === text", arg=SEQUENCE)
        assert page.locator("#problem").inner_text() == ""
        told = page.locator("#offered button").all_inner_texts()
        assert told[0] == "level:0 (the only number of this output)"
        assert [one.partition(" ")[0] for one in told] == ["level:0", "tasks:0", "tasks:1", "tasks:2"]
        page.locator("#offered button", has_text="tasks:2").click()
        page.locator("#answer", has_text="prediction").wait_for(timeout=PATIENT)
        assert page.input_value("#target") == "tasks:2"
        assert page.locator("#outputs").is_hidden()
