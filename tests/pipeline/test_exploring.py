"""The explorer's answers, and whom its server answers."""

import io
import json
import re
import socket
import threading
import zipfile

import click
import numpy as np
import pytest

from genolift.cli.common_options import LOUDNESS
from genolift.cli.explore import command
from genolift.methods.factory import method
from genolift.models.zoo import build
from genolift.pipeline.common.modelfile import ModelFile
from genolift.pipeline.common.reading import Reading
from genolift.pipeline.common.recipe import Recipe
from genolift.pipeline.exploring import wording
from genolift.pipeline.exploring.choices import Choices
from genolift.pipeline.exploring.explorer import Asked, Explorer
from genolift.pipeline.exploring.job import Exploring, best_words, explore
from genolift.pipeline.exploring.wording import for_page
from genolift.results.explanation import Explanation
from genolift.sequence.alphabet import one_hot
from genolift.sequence.shuffle import shuffle
from genolift.support.errors import GenoliftError, InputError, Remedy, UnsupportedModel, setting
from genolift.support.stopping import Abandoned, stopping
from genolift.support.texts import Texts

pytest.importorskip("starlette")
LENGTH = 60
SEQUENCE = "ACGTTGCA" * 7 + "GATA"
FIELDS = ("references", "method")


@pytest.fixture(scope="module")
def explorer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explore")
    build("tal_gata", length=LENGTH, tasks=2, filters=4, seed=3).save(folder / "m.keras")
    (folder / "s.fa").write_text(f">one\n{SEQUENCE}\n>short\nACGT\n>two\n{SEQUENCE[::-1]}\n")
    reading = Reading(folder / "s.fa", on_bad="skip")
    made = Explorer(ModelFile(folder / "m.keras"), Recipe("deeplift", ("0",)), reading)
    made.folder = folder
    yield made
    made.close()


@pytest.fixture
def client(explorer):
    from starlette.testclient import TestClient

    from genolift.pipeline.exploring.serving import application

    app = application(explorer, "secret", {"GATA": "GATAAG"})
    return TestClient(app, base_url="http://127.0.0.1", headers={"X-Genolift-Token": "secret"})


def asked(**more):
    return {"tab": "t", "number": 1, "sequence": SEQUENCE, "target": "0", **more}


def test_an_answer_is_what_the_method_and_the_model_say(explorer, client):
    found = client.post("/api/explain", json=asked()).json()
    X = one_hot([SEQUENCE])
    expected = method("deeplift", explorer.model, 0, progress=False)(X)
    np.testing.assert_allclose(found["predictions"], expected.predictions, rtol=1e-6)
    probability = explorer.model.predict(X, verbose=0)[0, 0]
    np.testing.assert_allclose(1 / (1 + np.exp(-found["predictions"][0])), probability, rtol=1e-5)
    assert found["content"]["tracks"][0]["sequence"] == SEQUENCE
    assert found["scale"] == "logit"
    assert found["residual"] < 1e-5


def test_what_only_warns_is_told_in_the_page(explorer, client):
    """Of a sequence of one letter all shuffles are the sequence itself, so its scores mean nothing."""
    same = "A" * LENGTH
    for _ in range(2):  # each time, and not the first time alone
        remarks = client.post("/api/explain", json=asked(sequence=same)).json()["remarks"]
        assert remarks == [
            "the sequence has no other shuffle that keeps its 2-lets, so it is compared with itself, and the scores say "
            "nothing; give other references, as in references background:0.25,0.25,0.25,0.25"
        ]
    assert client.post("/api/explain", json=asked()).json()["remarks"] == []


def test_without_a_target_the_first_number_of_the_only_output_is_explained(explorer):
    one = Explorer(ModelFile(explorer.folder / "m.keras"), Recipe("deeplift", ()))
    one.make_ready()
    assert one.about()["target"] == "0"


def test_effects_are_differences_of_predictions(explorer, client):
    found = np.reshape(client.post("/api/effects", json=asked()).json()["changes"], (LENGTH, 4))
    base = method("ism", explorer.model, 0, progress=False)
    before = base(one_hot([SEQUENCE])).predictions[0]
    for position, letter in ((0, "T"), (30, "A"), (59, "C")):
        changed = SEQUENCE[:position] + letter + SEQUENCE[position + 1 :]
        after = base(one_hot([changed])).predictions[0]
        assert found[position, "ACGT".index(letter)] == pytest.approx(after - before, abs=2e-6)
        assert found[position, "ACGT".index(SEQUENCE[position])] == 0


def test_sequences_to_choose_from(explorer, client):
    # The short one is left out.
    assert explorer.about()["sequences"] == {"listed": [[0, "one"], [1, "two"]], "count": 2}
    assert client.post("/api/sequence", json=asked(row=1)).json() == {"sequence": SEQUENCE[::-1]}
    assert client.post("/api/sequence", json=asked(row=9)).json() == {"problem": "there is no sequence 9"}


def test_a_stretch_is_shuffled_and_the_rest_stays(client):
    found = client.post("/api/shuffle", json=asked(start=8, end=40, seed=5)).json()["sequence"]
    assert found == SEQUENCE[:8] + shuffle(SEQUENCE[8:40], 1, seed=5)[0] + SEQUENCE[40:]
    problem = client.post("/api/shuffle", json=asked(start=8, end=400, seed=5)).json()["problem"]
    assert problem == "the stretch 8 to 400 does not lie in 0 to 60, or holds no base"
    problem = client.post("/api/shuffle", json=asked(start=None, end=40, seed=5)).json()["problem"]
    assert problem == "the base to shuffle from is a whole number"


def test_the_store_can_be_opened(client, tmp_path):
    answer = client.post("/api/store", json=asked(name="../../escape"))
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert all(name.startswith("scores.zarr/") for name in archive.namelist())
        archive.extractall(tmp_path)
    assert list(Explanation.load(tmp_path / "scores.zarr").names) == ["../../escape"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"sequence": "ACGT"}, "the sequence has 4 bases, and the model takes 60; add 56"),
        ({"sequence": SEQUENCE + "A"}, "takes 60; remove 1"),
        ({"sequence": "  "}, "paste one"),
        ({"sequence": SEQUENCE[:-1] + "!"}, "'!'"),
        ({"sequence": 5}, "an object with a text 'sequence'"),
        ({"method": "deeplit"}, "did you mean deeplift"),
        ({"method": "attention-rollout"}, "attention"),
        ({"target": "7"}, "7"),
        ({"references": "nothing"}, "references 'nothing' are not understood"),
        ({"number": "x"}, "whole 'number'"),
    ],
)
def test_mistakes_are_sentences(client, more, words):
    answer = client.post("/api/explain", json=asked(**more))
    assert answer.status_code == 200
    assert words in answer.json()["problem"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"target": None}, "(N, 2); choose one by the field “target”"),
        ({"target": "1,1"}, "(2,); choose one number, as in target tasks:0"),
        (
            {"method": "patternnet"},
            "give --fit-on a FASTA file with sequences such as the model was trained on, or give --option "
            "patterns=file.npz (an option of `genolift explain`; this page has no field for it)",
        ),
    ],
)
def test_the_page_says_what_to_do_in_the_page(client, more, words):
    problem = client.post("/api/explain", json=asked(**more)).json()["problem"]
    assert problem.endswith(words)
    assert not re.search(r"target=|call fit|genolift\.|--target", problem)


def test_remedies_are_told_by_the_fields_of_the_page():
    give = Remedy.naming("give {}, {}, or leave {} out", setting("target", "counts:0"), *map(setting, FIELDS))
    told = for_page(InputError("no", give))
    assert told == "no; give target counts:0, the field “references”, or leave the field “method” out"
    for name, taken in (("memory", "explore"), ("layers_from", "explore"), ("width", "explain")):
        told = for_page(UnsupportedModel("no", Remedy.naming("give {}", setting(name))))
        assert told.startswith(f"no; give --{name.replace('_', '-')} (an option of `genolift {taken}`")
    assert for_page(InputError("only this")) == "only this"
    options = {one.name.replace("_", "-") for one in command.params if isinstance(one, click.Option)}
    assert options - {"target", *FIELDS} - {one.name for one in LOUDNESS} == wording._TAKEN


def test_what_is_pasted_may_have_a_header_and_blanks(explorer):
    assert explorer.read(f">name of it\n{SEQUENCE[:30].lower()} \r\n{SEQUENCE[30:]}\n") == SEQUENCE


def test_whom_the_server_answers(client):
    page = client.get("/?token=secret")
    assert page.status_code == 200
    assert client.get("/").status_code == 403
    assert client.get("/?token=secre").status_code == 403
    for token in ("", "wrong", "sécret".encode("latin-1")):
        assert client.post("/api/explain", json=asked(), headers={"X-Genolift-Token": token}).status_code == 403
    # An address alone does not let a form of another page ask.
    assert client.post("/api/explain?token=secret", json=asked(), headers={"X-Genolift-Token": ""}).status_code == 403
    assert client.get("/?token=secret", headers={"Host": "evil.example"}).status_code == 400
    assert client.post("/api/explain", content="{", headers={"Content-Type": "application/json"}).status_code == 400
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy


def test_a_hundred_thousand_references_are_given_up(explorer):
    """They would take minutes, and are given up before the next few are compared."""
    given_up, told = threading.Event(), []

    def run():
        try:
            with stopping(given_up.is_set):
                explorer.explain(Asked(SEQUENCE, references="shuffled:100000", target="0"))
        except Abandoned:
            told.append("given up")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(2)
    assert told == []
    given_up.set()
    thread.join(20)
    assert told == ["given up"]


def test_mistakes_before_anything_is_served(tmp_path):
    (tmp_path / "m.keras").write_text("")
    job = Exploring(ModelFile(tmp_path / "m.keras"), regions=tmp_path / "r.bed")
    with pytest.raises(InputError, match="regions are of a FASTA file"):
        explore(job, print)
    with pytest.raises(InputError, match="did you mean deeplift"):
        explore(Exploring(ModelFile(tmp_path / "m.keras"), method="deeplit"), print)
    with pytest.raises(InputError, match="memory budget 'lots' is not a size"):
        explore(Exploring(ModelFile(tmp_path / "m.keras"), memory="lots"), print)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} cannot be used .*; give another, or 0 for a free one"):
            explore(Exploring(ModelFile(tmp_path / "m.keras"), port=port), print)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"target": "7"}, "target 7 is out of range"),
        ({"target": "counts"}, "the model has no output named 'counts'"),
        ({"target": "0", "method": "attention-rollout"}, "attention"),
    ],
)
def test_what_does_not_fit_the_model_is_told_before_a_page_is_opened(explorer, tmp_path, given, words):
    explorer.model.save(tmp_path / "m.keras")
    opened = []
    with pytest.raises(GenoliftError, match=words):
        explore(Exploring(ModelFile(tmp_path / "m.keras"), **given), opened.append)
    assert opened == []


def test_the_best_words_of_motifs(tmp_path):
    (tmp_path / "m.meme").write_text(
        "MEME version 4\n\nALPHABET= ACGT\n\nMOTIF A1\nletter-probability matrix: alength= 4 w= 3\n"
        "0.1 0.1 0.7 0.1\n0.7 0.1 0.1 0.1\n0.1 0.1 0.1 0.7\n"
    )
    assert best_words(tmp_path / "m.meme") == {"A1": "GAT"}
    # A motif that has an accession and a name is offered once, and found by both.
    (tmp_path / "two.meme").write_text((tmp_path / "m.meme").read_text().replace("A1", "MA0001.1 TFX"))
    assert best_words(tmp_path / "two.meme") == {"MA0001.1_TFX": "GAT"}


def test_two_sequences_are_not_taken_for_one(explorer):
    with pytest.raises(InputError, match="the text holds 2 sequences; paste one of them"):
        explorer.read(f">a\n{SEQUENCE[:30]}\n>b\n{SEQUENCE[30:]}\n")


def test_small_effects_are_not_rounded_away(explorer, monkeypatch):
    x = one_hot([SEQUENCE])
    tiny = Explanation({"inputs": x, "hypothetical": 1e-9 * np.arange(4 * LENGTH).reshape(1, LENGTH, 4)}, target=0)
    monkeypatch.setattr(explorer, "_explanation", lambda asked: tiny)
    changes = explorer.effects(Asked(SEQUENCE))["changes"]
    expected = tiny.hypothetical[0] - (tiny.hypothetical[0] * x[0]).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(changes, expected.reshape(-1), rtol=1e-5, atol=1e-15)


def test_names_are_found_by_parts_of_them_and_the_list_is_bounded():
    names = ["Gata1_HUMAN", "TAL1", "GATA2_HUMAN", "xGATA1", "gata1"]
    choices = Choices(names, 3)
    assert choices.find() == ([0, 1, 2], 5)
    assert choices.find(" ") == choices.find()
    # The name itself comes first, then what begins so.
    assert choices.find("GATA1 ") == ([4, 0, 3], 3)
    assert choices.find("gata") == ([0, 2, 4], 4)
    assert choices.find("human gata2") == ([2], 1)
    assert choices.find("none") == ([], 0)
    assert Choices(Texts(f"peak_{k}" for k in range(5000)), 1000).find("peak_4999") == ([4999], 1)


def test_all_motifs_and_sequences_can_be_found(explorer, client):
    from starlette.testclient import TestClient

    from genolift.pipeline.exploring.serving import application

    app = application(explorer, "secret", {f"M{k}": "ACG" * k for k in range(1, 71)})
    many = TestClient(app, base_url="http://127.0.0.1", headers={"X-Genolift-Token": "secret"})
    page = many.get("/?token=secret").text
    about = json.loads(re.search(r'id="about">(.*?)</script>', page, re.DOTALL)[1])
    assert (len(about["motifs"]["listed"]), about["motifs"]["count"]) == (60, 70)
    assert many.post("/api/find-motifs", json=asked(text="m68")).json() == {"listed": [["M68", "ACG" * 68]], "count": 1}
    assert client.post("/api/find-sequences", json=asked(text="TW")).json() == {"listed": [[1, "two"]], "count": 1}
    assert client.post("/api/find-sequences", json=asked(text="three")).json() == {"listed": [], "count": 0}
    assert client.post("/api/find-sequences", json=asked(text="w"), headers={"X-Genolift-Token": ""}).status_code == 403


def test_no_browser_of_text_takes_the_terminal(monkeypatch):
    import webbrowser

    from genolift.cli.explore import _open

    opened = []
    monkeypatch.setattr(webbrowser.GenericBrowser, "open", lambda self, address: opened.append(address))
    for browser, expected in ((webbrowser.GenericBrowser("w3m"), []), (webbrowser.BackgroundBrowser("x"), None)):
        monkeypatch.setattr(webbrowser, "get", lambda browser=browser: browser)
        monkeypatch.setattr(type(browser), "open", lambda self, address: opened.append(address))
        _open("http://127.0.0.1:1/")
        assert opened == (["http://127.0.0.1:1/"] if expected is None else expected)


def test_a_prediction_without_a_sigmoid_is_no_logit(tmp_path):
    import keras

    inputs = keras.Input((LENGTH, 4))
    keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(inputs))).save(tmp_path / "m.keras")
    explorer = Explorer(ModelFile(tmp_path / "m.keras"), Recipe("gradient-x-input", ("0",)))
    assert explorer.explain(Asked(SEQUENCE, method="gradient-x-input"))["scale"] is None
    explorer.close()


def test_methods_that_cannot_be_used_are_named(explorer, client):
    found = client.post("/api/refusals", json=asked()).json()["refused"]
    assert {"attention", "attention-rollout", "built-in", "patternnet", "pattern-attribution"} <= set(found)
    assert not {"deeplift", "ism", "sis"} & set(found)
    about = explorer.about()
    assert sorted(name for _, names in about["methods"] for name in names) == sorted(about["summaries"])
