"""The same mistake, made in Python and on the command line: each is told the remedy in its own words."""

import pickle
from types import SimpleNamespace

import pytest
from cli_files import LENGTH, fasta, random_sequences

import genolift as gl
from genolift.support.errors import (
    FileProblem,
    GenoliftError,
    GenoliftWarning,
    InputError,
    Remedy,
    Setting,
    Undefined,
    UnsupportedModel,
    method_option,
    setting,
)
from genolift.support.tensorflow import quiet_tensorflow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Models and stores with which a user can make mistakes."""
    quiet_tensorflow()
    import keras

    layers, folder = keras.layers, tmp_path_factory.mktemp("place")
    keras.utils.set_random_seed(0)  # A logarithm is refused only where a prediction is not positive.

    class Odd(layers.Layer):
        def call(self, x):
            return keras.ops.expand_dims(keras.ops.det(x[:, :4]), 1)

    def network(name, *middle, units=1, shape=(LENGTH, 4)):
        model = keras.Sequential([keras.Input(shape), *middle, layers.Flatten(), layers.Dense(units)])
        model.save(folder / name)
        return model

    network("plain.keras")
    network("three.keras", units=3)
    network("lambda.keras", layers.Lambda(lambda x: x * 1.0, output_shape=(LENGTH, 4), name="code"))
    network("custom.keras", Odd(name="odd"))
    network("hidden.keras", layers.Conv1D(2, 3, activation="relu"))
    (folder / "odd.py").write_text(
        "import keras\nclass Odd(keras.layers.Layer):\n"
        "    def call(self, x):\n        return keras.ops.expand_dims(keras.ops.det(x[:, :4]), 1)\n"
    )
    (folder / "arch.json").write_text(network("any.keras").to_json())
    network("weighty.keras").save_weights(folder / "w.weights.h5")
    (folder / "text.keras").write_text("no model")
    sequences = random_sequences(3)
    X = gl.one_hot(list(sequences.values()))
    result = gl.method("gradient-x-input", gl.load_model(folder / "three.keras"), target=[0, 1])(X)
    result.save(folder / "two.zarr")
    gl.method("gradient-x-input", gl.load_model(folder / "plain.keras"))(X).save(folder / "one.zarr")
    gl.method("gradient-x-input", gl.load_model(folder / "plain.keras"))(X).save(folder / "damaged.zarr")
    (folder / "damaged.zarr" / "blocks" / "layout.json").write_text("{")
    gl.method("surrogate", gl.load_model(folder / "plain.keras"), samples=50, pairwise=False)(X).save(
        folder / "additive.zarr"
    )
    (folder / "there.tsv").write_text("")
    return SimpleNamespace(folder=folder, fasta=fasta(folder / "s.fa", sequences), X=X)


def load(name, **options):
    return lambda place: gl.load_model(place.folder / name, **options)


def method(name, model="plain.keras", layers=None, **options):
    def call(place):
        loaded = gl.load_model(place.folder / model, layers=layers)
        return gl.method(name, loaded, **options)(place.X)

    return call


def explain(model, *options):
    return lambda place, out: ("explain", place.folder / model, place.fasta, *options, "--out", out)


def reading(command, store, *options):
    return lambda place, out: (command, place.folder / store, *options, "--out", out)


def odd_layer():
    import keras

    class Odd(keras.layers.Layer):
        def call(self, x):
            return keras.ops.expand_dims(keras.ops.det(x[:, :4]), 1)

    return Odd


# What Python is asked, what the command line is asked, and the remedy in the words of each.
MISTAKES = {
    "Lambda": (load("lambda.keras"), explain("lambda.keras"), "load with unsafe=True", "give --unsafe"),
    "Lambda, replaced": (load("lambda.keras"), explain("lambda.keras"), "layers={'Lambda'", "--layers-from"),
    "unknown layer": (load("custom.keras"), explain("custom.keras"), "layers={'Odd': YourClass}", "--layers-from"),
    "no weights": (
        load("arch.json"),
        explain("arch.json"),
        "weights file with weights=",
        "weights file with --weights",
    ),
    "no architecture": (
        load("w.weights.h5"),
        explain("w.weights.h5"),
        "load_model('architecture.json', weights=...)",
        "MODEL.json and --weights",
    ),
    "no model": (load("text.keras"), explain("text.keras"), "(with weights=)", "(with --weights)"),
    "no target": (
        method("gradient-x-input", "three.keras"),
        explain("three.keras", "--method", "gradient-x-input"),
        "choose one by target=",
        "choose one by --target",
    ),
    "no rule": (
        lambda place: method("deeplift", "custom.keras", {"Odd": odd_layer()})(place),
        lambda place, out: explain("custom.keras", "--layers-from", place.folder / "odd.py")(place, out),
        "fallback='integrated-gradients'",
        "--fallback integrated-gradients",
    ),
    "budget": (
        method("gradient-x-input", memory="1KB"),
        explain("plain.keras", "--method", "gradient-x-input", "--memory", "1KB"),
        "give memory='",
        "give --memory ",
    ),
    "budget of activations": (
        lambda place: gl.activations(gl.load_model(place.folder / "hidden.keras"), None, place.X, memory="1KB"),
        lambda place, out: ("activations", place.folder / "hidden.keras", place.fasta, "--memory", "1KB", "--out", out),
        "memory='",
        "--memory ",
    ),
    "not fitted": (
        method("patternnet", "hidden.keras"),
        explain("hidden.keras", "--method", "patternnet"),
        "call fit(X)",
        "--fit-on a FASTA file",
    ),
    "nothing hidden": (
        method("maxent"),
        explain("plain.keras", "--method", "maxent"),
        "layer='name'",
        "--option layer=name",
    ),
    "outside the box": (
        method("lrp-zb", low=0.5, high=0.6),
        explain("plain.keras", "--method", "lrp-zb", "--option", "low=0.5", "--option", "high=0.6"),
        "give low= and high=",
        "--option low=LOW and --option high=HIGH",
    ),
    "logarithm": (
        method("surrogate", transform="log"),
        explain("plain.keras", "--method", "surrogate", "--option", "transform=log"),
        "transform='rank'",
        "--option transform=rank",
    ),
    "pairs in a small budget": (
        method("surrogate", pairwise=True, memory="30MB"),
        explain("plain.keras", *("--method", "surrogate", "--option", "pairwise=true", "--memory", "30MB")),
        "pairwise=False",
        "--option pairwise=false",
    ),
    "a store is there": (
        lambda place: gl.Explanation.load(place.folder / "two.zarr").save(place.folder / "one.zarr"),
        lambda place, out: ("explain", place.folder / "plain.keras", place.fasta, "--out", place.folder / "one.zarr"),
        "force=True",
        "--force",
    ),
    "a damaged store": (
        lambda place: gl.Explanation.load(place.folder / "damaged.zarr"),
        reading("plot", "damaged.zarr", "--sequence", "s0"),
        "score again with force=True",
        "score again with --force",
    ),
    "a file is there": (
        lambda place: gl.export(place.folder / "one.zarr", "tsv", place.folder / "there.tsv"),
        lambda place, out: ("export", place.folder / "one.zarr", "--to", "tsv", "--out", place.folder / "there.tsv"),
        "force=True to replace it",
        "--force to replace it",
    ),
    "one of two targets": (
        lambda place: gl.export(place.folder / "two.zarr", "tsv", place.folder / "two.tsv"),
        reading("export", "two.zarr", "--to", "tsv"),
        "choose one of them by target=",
        "choose one of them by --target",
    ),
    "one of two targets, drawn": (
        lambda place: gl.Explanation.load(place.folder / "two.zarr").plot(0),
        reading("plot", "two.zarr", "--sequence", "0"),
        "choose one of them by target=",
        "choose one of them by --target",
    ),
    "no coordinates": (
        lambda place: gl.export(place.folder / "one.zarr", "bedgraph", place.folder / "one.bedgraph"),
        reading("export", "one.zarr", "--to", "bedgraph"),
        "Fasta.regions(BED, width)",
        "--regions PEAKS.bed",
    ),
    "no pairs": (
        lambda place: gl.Explanation.load(place.folder / "additive.zarr").plot_map(0),
        reading("plot", "additive.zarr", "--sequence", "0", "--map"),
        "pairwise=True",
        "--option pairwise=true",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_is_told_in_its_own_words(mistake, place, genolift, tmp_path):
    python, command, in_python, on_command_line = MISTAKES[mistake]
    with pytest.raises(GenoliftError) as caught:
        python(place)
    told = genolift(*command(place, tmp_path / "out.png"))
    assert told.code == 2, told.out
    assert in_python in str(caught.value)
    assert on_command_line not in str(caught.value)
    line = told.err.splitlines()[-1]
    assert on_command_line in line
    assert in_python not in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [GenoliftError, InputError, FileProblem, UnsupportedModel, Undefined, GenoliftWarning])
def test_a_remedy_goes_with_its_error_to_other_processes(kind):
    remedy = Remedy.naming(
        "give {} or {} {}", setting("chrom_sizes", "a{}.txt"), method_option("maps", False), Setting("b", "c")
    )
    problem = pickle.loads(pickle.dumps(kind("it went wrong", remedy)))  # noqa: S301 - our own bytes
    assert str(problem) == "it went wrong; give chrom_sizes='a{}.txt' or maps=False b"
    assert problem.for_command_line() == "it went wrong; give --chrom-sizes a{}.txt or --option maps=false c"
    assert str(kind("alone")) == kind("alone").for_command_line() == "alone"


def test_a_warning_too(place, genolift, tmp_path):
    python = method("surrogate", pairwise=True, samples=50)
    with pytest.warns(GenoliftWarning, match="pairwise=False"):
        python(place)
    options = ("--option", "pairwise=true", "--option", "samples=50")
    told = genolift(*explain("plain.keras", "--method", "surrogate", *options)(place, tmp_path / "s.zarr"))
    assert told.code == 0, told.err
    assert "--option pairwise=false" in told.err
    assert "pairwise=False" not in told.err
