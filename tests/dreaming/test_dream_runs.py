"""Starts depend on their seed alone, a search that was stopped goes on where it was, and mistakes are one sentence."""

import numpy as np
import pytest
from dream_models import K, L, convolution, keras, linear, real_sequences

import genolift as gl
from genolift.dreaming import Unit, climbing
from genolift.dreaming.realism import Parts, position_distances, windows_of, word_distances
from genolift.sequence.alphabet import encode
from genolift.support.errors import FileProblem, InputError, UnsupportedModel


def arrays(dream):
    return [dream.relaxed, dream.codes, dream.values, *dream.history.values()]


def test_the_same_call_gives_the_same_and_another_seed_does_not():
    model = convolution()
    one, same, other = (gl.dream(model, 0, starts=3, steps=20, seed=seed) for seed in (0, 0, 1))
    for a, b in zip(arrays(one), arrays(same), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one.relaxed, other.relaxed)


def test_a_start_is_the_same_among_others_and_in_blocks():
    model = convolution()
    few, many = (gl.dream(model, 0, starts=count, steps=20) for count in (2, 5))
    places = [int(np.flatnonzero(many.starts == start)[0]) for start in few.starts]
    np.testing.assert_allclose(many.relaxed[places], few.relaxed, rtol=1e-4, atol=1e-6)
    small = gl.dream(model, 0, starts=5, steps=20, memory=20_000)
    np.testing.assert_allclose(small.relaxed, many.relaxed, rtol=1e-4, atol=1e-6)


def test_the_best_come_first():
    dream = gl.dream(convolution(), 0, starts=6, steps=20)
    assert (np.diff(dream.values) <= 0).all()
    assert sorted(dream.starts) == list(range(6))
    rows = dream.to_tsv().splitlines()
    assert rows[0].split("\t")[:5] == ["start", "relaxed", "discrete", "lost", "output"]
    assert len(rows) == 7
    assert rows[1].split("\t")[-1] == dream.sequences[0]
    assert dream.to_fasta().startswith(f">dream_{dream.starts[0]} {dream.values[0]:.6g}\n{dream.sequences[0]}\n")


@pytest.mark.parametrize("stopped", [pytest.param(1, marks=pytest.mark.slow), 17])
def test_a_search_that_was_stopped_goes_on(stopped, tmp_path, monkeypatch):
    """With the bytes of one that was not, although momenta and the learning rate have a history."""
    model = convolution()
    whole = gl.dream(model, 0, starts=3, steps=30)
    state = tmp_path / "search.npz"
    real, calls = climbing.Climb._at, []

    def at(self, points, step):
        calls.append(step)
        if step == stopped:
            raise KeyboardInterrupt
        return real(self, points, step)

    monkeypatch.setattr(climbing, "_SECONDS", -1)
    monkeypatch.setattr(climbing.Climb, "_at", at)
    with pytest.raises(KeyboardInterrupt):
        gl.dream(model, 0, starts=3, steps=30, state=state)
    monkeypatch.setattr(climbing.Climb, "_at", real)
    calls.clear()
    monkeypatch.setattr(climbing.Climb, "_at", lambda *all: (calls.append(all[-1]), real(*all))[1])
    continued = gl.dream(model, 0, starts=3, steps=30, state=state)
    assert calls[0] == stopped
    for a, b in zip(arrays(whole), arrays(continued), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(FileProblem, match="keeps another search"):
        gl.dream(model, 0, starts=3, steps=31, state=state)
    state.write_bytes(b"rubbish")
    with pytest.raises(FileProblem, match="damaged"):
        gl.dream(model, 0, starts=3, steps=30, state=state)


def test_real_sequences_are_divided_into_parts_that_share_none():
    real = real_sequences(100)
    parts = Parts.of([*real, real[0].lower(), real[1]])
    groups = [{one.tobytes() for one in part} for part in (parts.expert, parts.judge, parts.compared)]
    assert [len(part) for part in groups] == [50, 25, 25]
    assert len(set.union(*groups)) == 100
    with pytest.raises(InputError, match="79 different real sequences"):
        Parts.of(real[:79])


def test_p_of_real_sequences_is_one():
    """Sequences like those that are compared with are at most as often unlikely as p says, and all percentiles occur."""
    from genolift.dreaming.realism import judge_realism

    p, percentiles = [], []
    for seed in range(40):
        made = real_sequences(90, 20, seed)
        codes = np.stack([encode(text) for text in made[80:]])
        found = judge_realism(Parts.of(made[:80], seed), codes)
        p.append(found.p)
        percentiles.append(found.percentile)
    p, percentiles = np.concatenate(p), np.concatenate(percentiles)
    for level in (0.1, 0.2, 0.5):
        # Rows of one division share what they are compared with; the bound leaves room for 40 independent divisions.
        assert (p <= level).mean() <= level + 3 * np.sqrt(level * (1 - level) / 40)
    assert abs(percentiles.mean() - 50) < 5
    assert (p <= 0.5).mean() > 0.3


def test_a_sequence_of_one_base_is_not_like_real_ones():
    from genolift.dreaming.realism import judge_realism

    parts = Parts.of(real_sequences(400, 30))
    found = judge_realism(parts, np.stack([np.zeros(30, np.uint8), encode(real_sequences(1, 30, 78)[0])]))
    assert found.p[0] == pytest.approx(2 / 101)
    assert found.percentile[0] == 0
    assert found.p[1] > 0.05


def test_windows_are_cut_out_of_longer_sequences():
    long = [encode("ACGT" * 10 + "N" + "TTTTTTTT") for _ in range(25)]
    windows = windows_of(long, 20, 0)
    assert windows.shape == (25, 20)
    assert (windows < 4).all()
    assert len({row.tobytes() for row in windows}) > 1
    with pytest.raises(InputError, match="only 0 of 25 real sequences"):
        windows_of(long, 41, 0)


def test_distances_by_hand():
    codes = np.stack([encode(text) for text in ("AAAAAAAC", "AAAAAAAG", "CAAAAAAA")])
    np.testing.assert_allclose(position_distances(codes)[0], [0, 1 / 8, 2 / 8])
    # Words: AAAAAA, AAAAAC; AAAAAA, AAAAAG; CAAAAA, AAAAAA. Two of three are shared by none.
    np.testing.assert_allclose(word_distances(codes)[0], [0, 2 / 3, 2 / 3])


def two_inputs():
    a, b = keras.Input((L, 4)), keras.Input((3,))
    return keras.Model([a, b], K.Dense(1)(K.Concatenate()([K.Flatten()(a), b])))


def tokens():
    inputs = keras.Input((L,), dtype="int32")
    return keras.Model(inputs, K.Dense(1)(K.Flatten()(K.Embedding(4, 3)(inputs))))


def code_model(length):
    code = keras.Input((2,))
    return keras.Model(code, K.Reshape((length, 4))(K.Dense(4 * length)(code)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"length": 13}, "takes sequences of 12, and not of 13"),
        ({"target": 2}, "target 2 is out of range"),
        ({"target": [0, 1]}, "one target is maximised at a time"),
        ({"target": Unit("nowhere", 0)}, "runs no layer 'nowhere'; it runs"),
        ({"target": Unit("conv", 3)}, r"has 3 units \(0 to 2\)"),
        ({"target": Unit("conv", 0, 9)}, r"has 9 rows \(0 to 8\)"),
        ({"starts": 0}, "starts=0"),
        ({"steps": 0}, "steps=0"),
        ({"rate": float("nan")}, "rate=nan"),
        ({"weight": -1.0}, "weight=-1.0"),
        ({"strength": -1.0}, "strength=-1.0"),
        ({"penalty": "l1"}, "l2, entropy, none"),
        ({"expert": "markov"}, "real sequences, and none are given"),
        ({"expert": "pixelcnn"}, "'markov' or a density"),
        ({"order": 2}, "an order is that of the expert"),
        ({"typical": True}, "give both"),
        ({"memory": 100}, "more than the budget"),
        ({"generator": code_model(12), "penalty": "l2"}, "for entropy or none"),
        ({"generator": code_model(11)}, "makes sequences of 11 bases, and the model takes 12"),
        ({"real": real_sequences(100, 8)}, "have 12 known bases in a row"),
        ({"growth": 2.0}, "growth=2.0"),
    ],
)
def test_mistakes_are_told_in_one_sentence(options, said):
    with pytest.raises(InputError, match=said) as raised:
        gl.dream(convolution(), options.pop("target", 0), **{"steps": 3, "starts": 1, **options})
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("make", "options", "said"),
    [
        (two_inputs, {}, "a function of one sequence"),
        (tokens, {}, "one sequence|takes tokens"),
        (lambda: lambda x: x, {}, "does not declare the length"),
        (lambda: convolution(None), {}, "any length"),
        (lambda: convolution(None), {"length": 3}, "."),
        (lambda: linear()[0], {"target": Unit("flatten_x", 0)}, "runs no layer"),
    ],
)
def test_models_that_cannot_be_dreamt_of(make, options, said):
    with pytest.raises((InputError, UnsupportedModel), match=said):
        gl.dream(make(), options.pop("target", None), starts=1, steps=2, **options)


@pytest.mark.parametrize(("channel", "over"), [(-1, "max"), (1.5, "max"), (0, "median"), (0, -1)])
def test_units_that_cannot_be(channel, over):
    with pytest.raises(InputError):
        Unit("conv", channel, over)


def test_any_length_and_a_function():
    model = convolution(None)
    assert gl.dream(model, 0, length=17, starts=1, steps=3).X.shape == (1, 17, 4)
    dream = gl.dream(lambda x: model(x)[:, :1], 0, length=9, starts=2, steps=3)
    np.testing.assert_allclose(dream.outputs, model.predict(dream.X, verbose=0)[:, 0], rtol=1e-4)


def test_a_number_that_is_not_finite_is_told():
    with pytest.raises(InputError, match=r"not a finite number at step 0; try rate=0\.01"):
        gl.dream(lambda x: x[:, :, 0] * 1e38 * 1e38, 0, length=5, starts=1, steps=2)
