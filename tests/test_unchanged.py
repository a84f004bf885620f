"""Holds results still, bit by bit, while the modules of the package are being rearranged; goes when that is done.

Every job here is run as it was when ``unchanged.json`` was written, and the digests of what it gives are compared with
those that were written then. Digests are of bits, so they hold for one kind of processor and one set of library
versions; elsewhere all is skipped. ``python tests/test_unchanged.py`` writes the file anew from what there is now, and
takes options of pytest, such as ``-k deeplift``, for some of the jobs.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
sys.path += [str(HERE / "helpers")]
import field_models  # noqa: E402
import keras_cases  # noqa: E402
import method_models  # noqa: E402

import genolift as gl  # noqa: E402
from genolift.cli import main  # noqa: E402

tf, keras = method_models.quiet_tensorflow(), method_models.keras
K, ops = keras.layers, keras.ops
RECORD = HERE / "unchanged.json"
RECORDING = "GENOLIFT_RECORD_UNCHANGED"

# What the bits of results, and of files, depend on beside genolift.
LIBRARIES = ["tensorflow", "keras", "numpy", "scipy", "scikit-learn", "pandas", "zarr", "numcodecs", "h5py", "pyBigWig"]
LIBRARIES += ["memelite", "numba"]

# Jobs by name; each gives arrays, texts or bytes by name.
JOBS: dict[str, Callable[[], dict]] = {}
# Jobs of tensors so large that parts are compiled; in all others compiling is off, and they take seconds less.
COMPILED = {"deeplift/compiled"}


def job(title: str, /, **options):
    """Enter a function, with these options, as the job of this name; several may be stacked."""

    def enter(function):
        assert title not in JOBS
        JOBS[title] = partial(function, **options)
        return function

    return enter


# Digests ------------------------------------------------------------------------------------------------------------


def digest(value) -> str:
    """Of an array's type, shape and bytes; of the bytes of a file; of anything else as JSON."""
    if isinstance(value, bytes):
        data = value
    elif hasattr(value, "shape") or np.isscalar(value):
        array = np.asarray(value)
        if array.dtype == object:
            return digest(array.tolist())
        data = f"{array.dtype.str} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes()
    else:
        data = json.dumps(value, sort_keys=True, default=str).encode()
    return hashlib.sha256(data).hexdigest()[:16]


def leaves(name: str, value) -> Iterator[tuple[str, object]]:
    """A field's arrays by name; there are several where the model has several inputs."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from leaves(f"{name}.{key}", one)
    elif isinstance(value, list | tuple):
        for i, one in enumerate(value):
            yield from leaves(f"{name}.{i}", one)
    elif value is not None:
        yield name, np.asarray(value)


def fields(found) -> dict:
    """Every field of an explanation, and how it says that it was made.

    Left out are the version, and the paths of layers, in which Keras counts the models that the process has made.
    """
    arrays = {name: one for field in found.defined for name, one in leaves(field, getattr(found, field))}
    return arrays | {"method": {key: value for key, value in found.method.items() if key not in ("genolift", "layers")}}


def fingerprint() -> dict[str, str]:
    """The machine and the libraries."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    said = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    machine = {
        "processor": said.get("model name", platform.processor()),
        "flags": digest(sorted(said.get("flags", "").split())),
        "processors": str(count),
        "python": platform.python_version(),
    }
    return machine | {name: version(name) for name in LIBRARIES}


def version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"


# Models and sequences -----------------------------------------------------------------------------------------------

built = cache(method_models.build)
X = method_models.sequences(4)
LONG = np.eye(4, dtype=np.float32)[np.random.default_rng(11).integers(0, 4, (3, field_models.LENGTH))]
DRAWN = np.eye(4, dtype=np.float32)[np.random.default_rng(5).integers(0, 4, (4, 3, method_models.LENGTH))]


@cache
def field_model(name: str):
    """A network of the field in miniature, and its target."""
    model, target = field_models.MODELS[name]()
    return keras_cases.randomised(model, 1), target


def sorting() -> keras.Model:
    """Maxima of windows, then the largest of each channel in order."""
    inputs = keras.Input((method_models.LENGTH, 4))
    h = K.MaxPooling1D(2)(K.Conv1D(4, 3, padding="same", activation="gelu")(inputs))
    h = ops.sort(h, axis=1) * 0.5 + h
    top = ops.top_k(ops.transpose(h, (0, 2, 1)), 3)[0]
    return keras_cases.randomised(keras.Model(inputs, K.Dense(2)(K.Flatten()(top))), 2)


def determinant(x):
    """An operation that has no rule, between others that do."""
    return tf.linalg.det(tf.eye(4) + tf.nn.relu(x[:, :4] - 0.1 * x[:, 4:8]))[:, None]


def several(count: int) -> keras.Model:
    """DNA beside further inputs that are none."""
    inputs = [keras.Input((method_models.LENGTH, 4), name="dna")]
    inputs += [keras.Input((3,), name=f"signal_{i}") for i in range(1, count)]
    parts = [K.Flatten()(K.Conv1D(3, 3, activation="relu")(inputs[0]))]
    parts += [K.Dense(3, activation="tanh")(one) for one in inputs[1:]]
    h = K.Dense(5, activation="relu")(K.Concatenate()(parts))
    return keras_cases.randomised(keras.Model(inputs, K.Dense(2)(h)), 3)


def dilated() -> keras.Model:
    """Convolutions with pools between them, then dilated ones added to what they read."""
    inputs = keras.Input((64, 4), name="dna")
    h = K.MaxPooling1D(2)(K.Conv1D(5, 5, padding="same", activation="relu", name="first")(inputs))
    for rate in (2, 4):
        h = K.Add()([h, K.Conv1D(5, 3, dilation_rate=rate, padding="same", activation="relu", name=f"rate_{rate}")(h)])
    h = K.AveragePooling1D(2, name="averaged")(h)
    return keras_cases.randomised(keras.Model(inputs, K.Dense(2)(K.Flatten()(h))), 4)


WIDE = np.eye(4, dtype=np.float32)[np.random.default_rng(12).integers(0, 4, (3, 64))]


# DeepLIFT -----------------------------------------------------------------------------------------------------------


def own_references(x):
    """Each sequence backwards, and moved round by three."""
    return np.stack([x[:, ::-1], np.roll(x, 3, axis=1)], axis=1)


REFERENCES = {
    "zeros": gl.references.Zeros(),
    "background": gl.references.Background([0.3, 0.2, 0.2, 0.3]),
    "shuffled": gl.references.Shuffled(4, k=2, seed=1),
    "shuffled1": gl.references.Shuffled(3, k=1, seed=2),
    "until_enough": gl.references.Shuffled("auto", tolerance=0.2, cap=24),
    "sampled": gl.references.Sampled(3, seed=4),
    "fixed": gl.references.Fixed(DRAWN),
    "shared": gl.references.Fixed(DRAWN[0]),
    "callable": own_references,
    "text": "background:0.25,0.25,0.25,0.25",
}
RULES = {
    "rescale": "rescale",
    "revealcancel": "revealcancel",
    "genomics": "genomics",
    "mapping": {"first": "revealcancel", "hidden": "rescale", "Dense": "revealcancel"},
}


def deeplift(kind: str, target=(0, 1), **options) -> dict:
    given = list(target) if isinstance(target, tuple) else target
    return fields(gl.DeepLift(built(kind), given, progress=False, **options)(X))


for _name, _rule in RULES.items():
    for _kind in ("conv", "residual", "attention"):
        if _name != "mapping" or _kind == "conv":
            job(f"deeplift/{_name}/{_kind}", kind=_kind, rule=_rule, references=REFERENCES["shuffled"])(deeplift)
for _name, _references in REFERENCES.items():
    job(f"deeplift/references/{_name}", kind="conv", references=_references)(deeplift)
for _kind in ("pooled", "recurrent"):
    job(f"deeplift/revealcancel/{_kind}", kind=_kind, rule="revealcancel", references=REFERENCES["fixed"])(deeplift)
for _name, _options in {
    "one_target": {"target": 1},
    "kept_activation": {"activation": "keep"},
    "rc_average": {"rc_average": True},
    "mean_normalised": {"mean_normalise": True},
    "hidden_layer": {"layer": "second"},
    "hidden_target": {"target": gl.targets.Hidden("hidden", 2)},
    "mean_centred": {"target": gl.targets.MeanCentred(0)},
    "little_memory": {"memory": "200KB", "rule": "revealcancel"},
}.items():
    job(f"deeplift/{_name}", **{"kind": "conv", "references": REFERENCES["shuffled"], **_options})(deeplift)


@job("deeplift/function_target")
def function_target():
    method = gl.DeepLift(built("conv"), lambda y: y[:, 0] * y[:, 1], references=REFERENCES["fixed"], progress=False)
    return fields(method(X))


@job("deeplift/sorting/rescale", rule="rescale")
@job("deeplift/sorting/revealcancel", rule="revealcancel")
def sorted_values(rule):
    return fields(gl.DeepLift(sorting(), [0, 1], rule=rule, references=REFERENCES["fixed"], progress=False)(X))


@job("deeplift/fallback")
def fallback():
    references = gl.references.Fixed(DRAWN)
    method = gl.DeepLift(determinant, references=references, fallback="integrated-gradients", progress=False)
    found = method(X)
    return fields(found) | {"left": found.provenance["fallback"]["left"]}


@job("deeplift/two_inputs", count=2)
@job("deeplift/three_inputs", count=3)
def several_inputs(count):
    rng = np.random.default_rng(6)
    given = {"dna": X} | {f"signal_{i}": rng.normal(size=(4, 3)).astype(np.float32) for i in range(1, count)}
    references = {"dna": gl.references.Fixed(DRAWN)} | {f"signal_{i}": np.zeros((1, 3)) for i in range(1, count)}
    return fields(gl.DeepLift(several(count), [0, 1], references=references, progress=False)(given))


@job("deeplift/ensemble")
def ensemble():
    models = [several(1), dilated_as_short(), several(1)]
    return fields(gl.method("deeplift", models, 0, references=REFERENCES["shuffled"], progress=False)(X))


def dilated_as_short() -> keras.Model:
    inputs = keras.Input((method_models.LENGTH, 4), name="dna")
    h = K.Conv1D(4, 3, dilation_rate=2, activation="relu")(inputs)
    return keras_cases.randomised(keras.Model(inputs, K.Dense(2)(K.GlobalMaxPooling1D()(h))), 5)


@job("deeplift/diagnosis")
def diagnosis():
    table = gl.diagnose(built("conv"), X, 0, references=REFERENCES["fixed"], reference=1)
    return {name: table[name].to_numpy() for name in table if table[name].dtype.kind == "f"}


@job("deeplift/compiled")
def compiled():
    """Tensors of more than a million numbers, whose elementwise parts are compiled."""
    inputs = keras.Input((1024, 4))
    h = K.Conv1D(16, 5, activation="relu")(inputs)
    h = K.Conv1D(16, 3, activation="gelu")(h)
    h = K.Dense(6, activation="relu")(K.GlobalAveragePooling1D()(h))
    model = keras_cases.randomised(keras.Model(inputs, K.Dense(1)(h)), 6)
    x = np.eye(4, dtype=np.float32)[np.random.default_rng(13).integers(0, 4, (6, 1024))]
    method = gl.DeepLift(model, 0, rule="revealcancel", references=gl.references.Shuffled(20), progress=False)
    return fields(method(x))


@job("field/danq", name="danq", rule="genomics")
@job("field/saluki", name="saluki", rule="rescale")
@job("field/bpnet", name="bpnet", rule="revealcancel")
@job("field/chrombpnet", name="chrombpnet", rule="genomics")
@job("field/k_max_pooling", name="k_max_pooling", rule="revealcancel")
@job("field/enformer", name="enformer", rule="revealcancel")
@job("field/borzoi", name="borzoi", rule="genomics")
@job("field/transformer", name="transformer", rule="revealcancel")
@job("field/mamba", name="mamba", rule="rescale")
@job("field/hyena", name="hyena", rule="revealcancel")
@job("field/spliceai", name="spliceai", rule="revealcancel")
def network_of_the_field(name, rule):
    model, target = field_model(name)
    x, references = LONG, gl.references.Shuffled(3)
    if len(model.inputs) > 1:
        x, references = {"dna": LONG, "control": np.full((3, 1), 0.5, np.float32)}, {"dna": references}
    return fields(gl.DeepLift(model, target, rule=rule, references=references, progress=False)(x))


# Every method -------------------------------------------------------------------------------------------------------

# Which methods are tried on each kind of model.
ANYWHERE = ["deeplift", "integrated-gradients", "lrp-epsilon", "lrp-composite", "deep-shap", "gradient", "ism"]
MOSTLY = [
    *("gradient-x-input", "sensitivity", "grad-cam", "smoothgrad", "lrp-gamma", "lrp-alphabeta", "lrp-zb"),
    *("occlusion", "prediction-difference", "kernel-shap", "shapley-sampling", "pairwise-mutagenesis", "sis", "maxent"),
]
TWICE = [
    *("expected-gradients", "smoothgrad-squared", "smoothgrad-variance", "lrp-flat", "lrp-wsquare", "lime", "indels"),
    *("interaction-maps", "surrogate", "mask"),
]
OF_RELUS = ["guided-backprop-x-input", "deconvnet", "guided-backprop", "guided-grad-cam"]
POSITIVE = ["deep-taylor", "patternnet", "pattern-attribution"]
METHODS = {
    "conv": POSITIVE,
    "residual": [*ANYWHERE, *MOSTLY, *TWICE, *OF_RELUS, *POSITIVE],
    "pooled": [*ANYWHERE, *MOSTLY, *TWICE, *OF_RELUS, *POSITIVE, "cam"],
    "recurrent": [*ANYWHERE, *OF_RELUS],
    "attention": [*ANYWHERE, *MOSTLY, "attention", "attention-rollout"],
}


def by_name(name: str, kind: str) -> dict:
    return fields(method_models.make(name, built(kind), [0, 1])(X))


for _kind, _names in METHODS.items():
    for _name in _names:
        job(f"method/{_name}/{_kind}", name=_name, kind=_kind)(by_name)


@job("method/integrated-gradients/several_references", name="integrated-gradients", steps=5)
@job("method/expected-gradients/several_references", name="expected-gradients", draws=2)
@job("method/gradient-x-input/several_references", name="gradient-x-input", rc_average=True)
@job("method/lrp-epsilon/rc_average", name="lrp-epsilon", rc_average=True, references=None)
@job("method/gradient/hidden_layer", name="gradient", rc_average=True, references=None)
def with_options(name, **options):
    options = {"references": REFERENCES["shuffled"], **options}
    given = {key: value for key, value in options.items() if value is not None}
    return fields(gl.method(name, built("conv"), [0, 1], progress=False, **given)(X))


# Mutagenesis, layers, experiments -----------------------------------------------------------------------------------


@job("mutagenesis/ism", name="ism")
@job("mutagenesis/ism_both_strands", name="ism", rc_average=True)
@job("mutagenesis/indels", name="indels")
@job("mutagenesis/occlusion", name="occlusion", window=4)
@job("mutagenesis/pairwise", name="pairwise-mutagenesis", start=20, end=28)
@job("mutagenesis/prediction-difference", name="prediction-difference", window=2)
def mutagenesis(name, **options):
    """Models of which only what a change reaches is run again."""
    return fields(gl.method(name, dilated(), [0, 1], progress=False, **options)(WIDE))


@job("mutagenesis/ism_spliceai", name="spliceai")
@job("mutagenesis/ism_basenji", name="basenji")
def mutagenesis_of_the_field(name):
    model, target = field_model(name)
    return fields(gl.method("ism", model, target, progress=False)(LONG))


@job("activations/first", layer="first")
@job("activations/rate_4", layer="rate_4")
@job("activations/averaged", layer="averaged")
@job("activations/last", layer=None)
def layer_activations(layer):
    """With the receptive field of every position."""
    found = gl.activations(dilated(), layer, WIDE)
    names = ("values", "starts", "ends", "centres", "inputs")
    return {name: getattr(found, name) for name in names} | {"windows": found.fields.windows}


@job("filters/first", layer=None)
@job("filters/by_activation", layer="first", weights="activation")
@job("filters/rate_2", layer="rate_2", threshold=0.7)
def layer_filters(**options):
    x = np.eye(4, dtype=np.float32)[np.random.default_rng(14).integers(0, 4, (40, 64))]
    found = gl.filters(dilated(), x, progress=False, **options)
    matches = found.match({"one": np.eye(4)[[0, 1, 2, 3, 0]], "two": np.eye(4)[[3, 3, 0, 0, 1, 1]]})
    matrices = {f"matrix.{one.number}": one.matrix for one in found.filters}
    texts = {"meme": found.to_meme(), "tsv": found.to_tsv(matches, ["one", "two"])}
    return matrices | texts | {"background": found.background, "matches": [np.asarray(one).tolist() for one in matches]}


def experiment(found) -> dict:
    return {"effects": found.effects, **{f"table.{name}": found.table[name].to_numpy() for name in found.table}}


@job("marginalize/prediction", both_strands=True, shuffles=2)
@job("marginalize/importance", method="deeplift", references=gl.references.Shuffled(2))
@job("marginalize/bootstrap", interval="bootstrap", confidence=0.8, start=3)
def marginalized(**options):
    motifs = {"GATA": "AGATAAG", "EBOX": "CANNTG"}
    return experiment(gl.marginalize(dilated(), motifs, WIDE, [0, 1], progress=False, **options))


@job("ablate/shuffle", by="shuffle")
@job("ablate/dinucleotide", by="dinucleotide")
@job("ablate/unknown", by="unknown")
@job("ablate/importance", by="zero", method="gradient-x-input")
def ablated(**options):
    stretches = {"left": (10, 22), "right": (40, 50)}
    return experiment(gl.ablate(dilated(), stretches, WIDE, [0, 1], replicates=3, progress=False, **options))


@job("space/prediction", both_orders=True)
@job("space/importance", method="gradient-x-input", shuffles=2, orientations=["++", "-+"])
def spaced(**options):
    options |= {"distances": range(0, 9, 4), "progress": False}
    return experiment(gl.space(dilated(), "AGATAAG", "CANNTG", WIDE, [0, 1], **options))


@job("subsets/clusters")
def clustered():
    found = gl.method("sis", built("conv"), 0, progress=False, width=1, most=4).fit(method_models.sequences(24, seed=7))
    explained = found(method_models.sequences(12, seed=9))
    clusters = gl.subsets.cluster(explained, least=2, eps=0.6)
    members = [[pattern.text, len(pattern.members)] for pattern in clusters.patterns]
    return fields(explained) | {"patterns": members}


# The command line ---------------------------------------------------------------------------------------------------


def genolift(*arguments) -> None:
    """A command, in this process."""
    with pytest.raises(SystemExit) as leaving:
        main([str(argument) for argument in arguments])
    assert not leaving.value.code, f"genolift {' '.join(map(str, arguments))} ends with {leaving.value.code}"


def dna(rng, length: int) -> str:
    return "".join(rng.choice(list("ACGT"), length))


@cache
def temporary() -> tempfile.TemporaryDirectory:
    """As long as the process lasts."""
    return tempfile.TemporaryDirectory()


@cache
def folder() -> Path:
    """A model, sequences, and a genome with regions and variants; made once."""
    at, rng, length = Path(temporary().name), np.random.default_rng(21), method_models.LENGTH
    built("pooled").save(at / "model.keras")
    records = [f">s{i}\n{dna(rng, length)}\n" for i in range(11)] + [f">s11\n{dna(rng, length - 4)}NNRY\n"]
    (at / "some.fa").write_text("".join(records))
    genome = {name: dna(rng, 300) for name in ("chrB", "chrA")}
    (at / "genome.fa").write_text("".join(f">{name}\n{text}\n" for name, text in genome.items()))
    places = [("chrA", 100 + 17 * i, "-+"[i % 2]) for i in range(6)] + [("chrB", 10, "+"), ("chrA", 105, "+")]
    lines = [f"{name}\t{start}\t{start + 20}\tr{i}\t0\t{way}\n" for i, (name, start, way) in enumerate(places)]
    (at / "regions.bed").write_text("".join(lines))
    bases = genome["chrA"]
    variants = [(place, bases[place - 1], "ACGT"["ACGT".index(bases[place - 1]) - 1]) for place in range(60, 200, 20)]
    variants += [(210, bases[209], bases[209] + "TTT"), (220, bases[219:222], bases[219]), (230, "N", "A")]
    text = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    text += "".join(f"chrA\t{place}\tv{place}\t{ref}\t{alt}\t.\t.\t.\n" for place, ref, alt in variants)
    (at / "variants.vcf").write_text(text)
    (at / "motifs.jaspar").write_text(
        ">MA1 GATA\nA [ 0 9 0 ]\nC [ 0 0 0 ]\nG [ 9 0 0 ]\nT [ 0 0 9 ]\n"
        ">MA2 CCG\nA [ 1 0 0 ]\nC [ 8 9 0 ]\nG [ 0 0 9 ]\nT [ 0 0 0 ]\n"
    )
    return at


def store(path: Path) -> dict:
    """The fields of a store, its names and regions, and the bytes of its files.

    The group's own record is left out, which has versions, times and paths in it. So are the compressed chunks of the
    fields: their bytes are not the same in every run, although what they hold is.
    """
    found = gl.Explanation.load(path)
    placed = None if found.regions is None else [str(region) for region in found.regions]
    inside = {str(file.relative_to(path)): file for file in sorted(path.rglob("*")) if file.is_file()}
    steady = {name for name in inside if name != "zarr.json" and name.split("/c/")[0] not in found.defined}
    bytes_of = {f"file {name}": inside[name].read_bytes() for name in sorted(steady)}
    return fields(found) | {"names": list(found.names), "regions": placed, "files": sorted(inside)} | bytes_of


def fresh(name: str) -> Path:
    """A path in a folder of its own."""
    return Path(tempfile.mkdtemp(dir=folder())) / name


@cache
def scored(*options: str) -> Path:
    """The store that ``explain`` writes with these options; files of the folder are named by ``@``."""
    out = fresh("scores.zarr")
    given = [folder() / one[1:] if one.startswith("@") else one for one in options]
    genolift("explain", folder() / "model.keras", *given, "--out", out)
    return out


SEQUENCES = ("@some.fa", "--target", "0", "1", "--references", "shuffled:3")
REGIONS = ("@genome.fa", "--regions", "@regions.bed", "--target", "1", "--references", "shuffled:4")


@job("cli/explain/sequences", options=SEQUENCES)
@job("cli/explain/rc_average", options=(*SEQUENCES, "--rc-average", "--rule", "revealcancel"))
@job("cli/explain/float16", options=(*SEQUENCES, "--dtype", "float16", "--activation", "keep"))
@job("cli/explain/ism", options=("@some.fa", "--target", "0", "--method", "ism"))
@job("cli/explain/lime", options=("@some.fa", "--target", "0", "--method", "lime", "--option", "samples=40"))
@job("cli/explain/fitted", options=("@some.fa", "--target", "1", "--method", "patternnet", "--fit-on", "@some.fa"))
@job("cli/explain/regions", options=REGIONS)
def explain_command(options):
    return store(scored(*options))


@job("cli/variants/table", options=("--shifts", "-2,0,2"))
@job("cli/variants/null", options=("--null", "30", "--seed", "3"))
def variants_command(options):
    out = fresh("variants.tsv")
    command = ["variants", folder() / "model.keras", folder() / "variants.vcf", "--fasta", folder() / "genome.fa"]
    genolift(*command, "--target", "0", "1", *options, "--out", out)
    return {"tsv": out.read_bytes()}


@job("cli/variants/explained")
def variants_explained():
    out, alleles = fresh("variants.tsv"), fresh("alleles.zarr")
    command = ["variants", folder() / "model.keras", folder() / "variants.vcf", "--fasta", folder() / "genome.fa"]
    genolift(*command, "--target", "0", "--explain", alleles, "--references", "shuffled:2", "--out", out)
    return {"tsv": out.read_bytes()} | store(alleles)


def contents(path: Path) -> dict:
    """What a file holds: arrays where the container has times in it, else bytes."""
    if path.suffix == ".npz":
        # The entry "about" is the record, which has versions and times in it.
        with np.load(path) as found:
            return {f"{path.name} {name}": found[name] for name in found.files if name != "about"}
    if path.suffix == ".h5":
        import h5py

        arrays = {}
        with h5py.File(path) as file:
            file.visititems(lambda name, item: arrays.update({name: item[()]}) if hasattr(item, "shape") else None)
        return {f"{path.name} {name}": value for name, value in arrays.items()}
    return {path.name: gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()}


def written(out: Path) -> dict:
    return {key: value for path in sorted(out.parent.iterdir()) for key, value in contents(path).items()}


@job("cli/export/modisco", to="modisco", name="m")
@job("cli/export/modisco_h5", to="modisco", name="m.h5")
@job("cli/export/chrombpnet", to="chrombpnet", name="m.counts_scores.h5")
@job("cli/export/bigwig", to="bigwig", name="m.bw")
@job("cli/export/bedgraph", to="bedgraph", name="m.bedgraph")
@job("cli/export/npz", to="npz", name="m.npz")
@job("cli/export/tsv", to="tsv", name="m.tsv")
@job("cli/export/tsv_gz", to="tsv", name="m.tsv.gz")
def export_command(to, name):
    out = fresh(name)
    genolift("export", scored(*REGIONS), "--to", to, "--out", out)
    return written(out)


@job("cli/export/npz_of_targets")
def export_targets():
    out = fresh("m.npz")
    genolift("export", scored(*SEQUENCES), "--to", "npz", "--target", "1", "--out", out)
    return written(out)


@cache
def null() -> tuple[Path, Path]:
    """Shuffles of the sequences, and their scores."""
    shuffled, out = fresh("null.fa"), fresh("null.zarr")
    genolift("seqlets", scored(*SEQUENCES), "--target", "1", "--shuffles-to", shuffled)
    genolift("explain", folder() / "model.keras", shuffled, *SEQUENCES[1:], "--out", out)
    return shuffled, out


@job("cli/seqlets/shuffled")
def seqlets_with_null():
    shuffled, scores = null()
    out = fresh("seqlets.bed")
    motifs = ["--motifs", folder() / "motifs.jaspar"]
    options = ["--target", "1", "--null", scores, "--fdr", "1", "--width", "1", *motifs]
    genolift("seqlets", scored(*SEQUENCES), *options, "--out", out)
    return written(out) | {"null.fa": shuffled.read_bytes()}


@job("cli/seqlets/regions")
def seqlets_of_regions():
    out = fresh("seqlets.bed")
    genolift("seqlets", scored(*REGIONS), "--fdr", "1", "--gap", "1", "--width", "1", "--out", out)
    return written(out)


@job("cli/hits")
def hits_command():
    import h5py

    patterns, out = fresh("m.h5"), fresh("hits.bed")
    with h5py.File(patterns, "w") as file:
        file["neg_patterns/pattern_0/contrib_scores"] = -np.eye(4)
        file["pos_patterns/pattern_0/contrib_scores"] = np.eye(4)[[2, 0, 3, 0]]
    options = ["--patterns", patterns, "--fdr", "1", "--similarity", "0.2"]
    genolift("hits", scored(*REGIONS), *options, "--out", out)
    return written(out)


@job("cli/simulate")
def simulate_command():
    out = fresh("data")
    genolift("simulate", "tal_gata", "--sequences", "200", "--seed", "7", "--out", out)
    return {name: (out / name).read_bytes() for name in ("sequences.fa", "dataset.tsv", "embeddings.bed")}


@job("cli/filters")
def filters_command():
    out = fresh("filters")
    genolift("filters", folder() / "model.keras", folder() / "some.fa", "--out", out)
    return {name: (out / name).read_bytes() for name in ("filters.meme", "filters.tsv")}


@job(
    "cli/marginalize",
    command="marginalize",
    options=("--motif", "GATA=AGATAAG", "--motif", "CANNTG", "--shuffles", "2"),
)
@job("cli/ablate", command="ablate", options=("--stretch", "4-9", "--stretch", "end=10-16", "--replicates", "4"))
@job("cli/space", command="space", options=("--first", "GATA", "--second", "CCG", "--distances", "0-6:2"))
def experiment_command(command, options):
    out = fresh("table.tsv")
    genolift(command, folder() / "model.keras", folder() / "some.fa", *options, "--target", "0", "1", "--out", out)
    return {"tsv": out.read_bytes()}


# The test -----------------------------------------------------------------------------------------------------------

# Fields whose last bits may be others in the next run: residuals of models of three and more inputs.
UNSTEADY = {"deeplift/three_inputs": {"residual"}}


def result(name: str) -> dict[str, str]:
    return {key: digest(value) for key, value in JOBS[name]().items() if key not in UNSTEADY.get(name, ())}


def read() -> dict:
    return json.loads(RECORD.read_text()) if RECORD.exists() else {"fingerprint": {}, "jobs": {}}


@pytest.fixture(scope="module")
def record():
    """Digests by job; all are skipped where others are due. When recording, what is put in is written at the end."""
    known, here = read(), fingerprint()
    if RECORDING in os.environ:
        same = known["fingerprint"] == here
        jobs = {name: known["jobs"][name] for name in JOBS if same and name in known["jobs"]}
        yield jobs
        text = json.dumps({"fingerprint": here, "jobs": jobs}, indent=1, sort_keys=True)
        RECORD.write_text(text + "\n")
        return
    other = [f"{key} is {here[key]}, not {value}" for key, value in known["fingerprint"].items() if here[key] != value]
    if other:
        pytest.skip(f"digests of bits hold where they were recorded: {'; '.join(other)}")
    yield known["jobs"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", JOBS)
def test_unchanged(name, record, request):
    if name not in COMPILED:
        request.getfixturevalue("uncompiled")
    found = result(name)
    if RECORDING in os.environ:
        record[name] = found
        return
    expected = record[name]
    changed = sorted(key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key))
    assert not changed, f"{name} has changed in {', '.join(changed)}"


if __name__ == "__main__":
    os.environ[RECORDING] = "1"
    sys.exit(pytest.main([__file__, "-p", "no:cacheprovider", *sys.argv[1:]]))
