"""Edits, success and time of designs side by side: genolift's searches, plain greedy loops, ledidi and CREsted.

    python benchmarks/design.py [--folder DIR] [--sequences 8] [--search NAME ...] [--python-torch PATH]
        [--python-crested PATH]

The folder gets the paper's simulation and its network with three training seeds, unless they are there. Tasks are

- gain: bring the task GATA of sequences without a motif to 0.999 or more;
- loss: bring it from sequences with both motifs to 0.01 or less;
- hold: as gain, while the task TAL1 moves by no more than 0.05.

With goals of 0.9 and 0.1 two edits are enough for most sequences, and all ways find them.

The plain greedy loop predicts every substitution of the whole sequence by the model in batches of 512 and takes the best,
until the goal is reached. It does so by `model.predict`, and once more by a compiled function (`compiled loop`), which
spares what `predict` costs at each call. CREsted's `in_silico_evolution` takes the same steps for all sequences together,
in an environment of its own (`--python-crested`, with the packages crested and tensorflow). It takes a number of steps
and not a goal, so it is told how many the greedy loop needed at most, and each of its designs is cut where the goal is
reached. ledidi runs on the same weights in PyTorch (`torch_twins.py`), in an environment of its own (`--python-torch`,
with the package ledidi), and aims a little beyond the goal. Superfluous edits of its designs are undone as genolift
undoes its own. Of a batch the design with the fewest edits counts. Success is what the Keras model says of the design. `others` is the share of designs which
the networks of the two other seeds place on the same side of 0.5 as the goal. `planted` is the share of designs that have
the motif which the simulation plants for the task (a match with log-odds of 7 on either strand), and on loss the share that
do not. `5-mers` is how far the designs' 5-mer frequencies are from those of all sequences of the simulation (total
variation), less the same of the sequences before. A row `before` says what the sequences themselves have.
Seconds and processor seconds are for all sequences. Those of genolift and of the plain loops are medians of three rounds in
alternation, after a first call that compiles. ledidi and CREsted run once, in their own processes.
"""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np

HIGH, LOW, STAYS = 0.999, 0.01, 0.05
GOALS = {"gain": {"above": HIGH}, "loss": {"below": LOW}, "hold": {"above": HIGH, "hold": {2: STAYS}}}
TASK, SEEDS, MOST, ROUNDS = 1, (0, 1, 2), 30, 3


def prepare(folder):
    def genolift(*arguments):
        subprocess.run([sys.executable, "-m", "genolift", *map(str, arguments)], check=True)

    if not (folder / "data").exists():
        genolift("simulate", "tal_gata", "--out", folder / "data", "--sequences", 16000)
    for seed in SEEDS:
        model = folder / f"seed{seed}" / "model.keras"
        if not model.exists():
            model.parent.mkdir(exist_ok=True)
            genolift("train", "tal_gata", "--data", folder / "data", "--out", model, "--seed", seed, "--epochs", 8)


def sequences(folder, count):
    """The texts of each task, and of all sequences."""
    from genolift.sequence.fasta import read_fasta

    texts = dict(read_fasta(folder / "data" / "sequences.fa"))
    with open(folder / "data" / "dataset.tsv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["split"] == "test"]
    labels = [key for key in rows[0] if key not in ("name", "split")]
    of = {value: [texts[row["name"]] for row in rows if all(row[k] == value for k in labels)] for value in "01"}
    return {"gain": of["0"][:count], "loss": of["1"][:count], "hold": of["0"][:count]}, list(texts.values())


def reached(task, before, after):
    """Whether predictions (n, tasks) of designs are where they should be."""
    good = after[:, TASK] >= HIGH - 1e-6 if task != "loss" else after[:, TASK] <= LOW + 1e-6
    return good & (np.abs(after[:, 2] - before[:, 2]) <= STAYS + 1e-6) if task == "hold" else good


def lack(task, first, f):
    """What predictions (n, tasks) lack, where those of the sequence itself are ``first`` (tasks,)."""
    away = np.maximum(HIGH - f[:, TASK], 0) if task != "loss" else np.maximum(f[:, TASK] - LOW, 0)
    astray = np.maximum(np.abs(f[:, 2] - first[2]) / STAYS - 1, 0) if task == "hold" else 0
    return away / abs(first[TASK] - (LOW if task == "loss" else HIGH)) + astray


def by_predict(model):
    return lambda batch: model.predict(batch, batch_size=512, verbose=0)


def by_graph(model):
    """The same predictions in batches of one size, by a function that is compiled once."""
    import tensorflow as tf

    graph = tf.function(lambda batch: model(batch, training=False), jit_compile=False)

    def run(batch):
        size = 512 if len(batch) > 1 else 1
        parts = [batch[start : start + size] for start in range(0, len(batch), size)]
        padded = [np.pad(part, ((0, size - len(part)), (0, 0), (0, 0))) for part in parts]
        made = [graph(tf.constant(part, tf.float32)).numpy() for part in padded]
        return np.concatenate([one[: len(part)] for one, part in zip(made, parts, strict=True)])

    return run


def greedy_loop(run, task, x):
    """The best substitution of all, predicted in full, until the goal is reached or nothing gets better."""
    first, x = run(x[None])[0], x.copy()
    now = lack(task, first, first[None])[0]
    for _ in range(MOST):
        if now <= 0:
            break
        positions, letters = np.nonzero(x == 0)
        mutants = np.repeat(x[None], len(positions), 0)
        mutants[np.arange(len(positions)), positions] = np.eye(4)[letters]
        found = lack(task, first, run(mutants))
        if found.min() >= now:
            break
        x, now = mutants[found.argmin()], found.min()
    return x


def spectrum(texts):
    counts = {}
    for text in texts:
        for i in range(len(text) - 4):
            counts[text[i : i + 5]] = counts.get(text[i : i + 5], 0) + 1
    total = sum(counts.values())
    return {word: count / total for word, count in counts.items()}


def planted(task, texts):
    """The share of texts that have the motif of the task, or on loss do not."""
    from genolift.evaluate.truth.matches import STRONG, find_matches
    from genolift.simulate.spec import load_spec

    matrix = load_spec("tal_gata").matrices["GATA_disc1"]
    best = find_matches(texts, matrix, np.full(4, 0.25), top=1, strands="both").log_odds
    return float(np.mean((best < STRONG) == (task == "loss")))


def apart(texts, natural):
    own = spectrum(texts)
    return sum(abs(own.get(word, 0) - natural.get(word, 0)) for word in own.keys() | natural.keys()) / 2


def elsewhere(package, python, folder, tasks, steps):
    """The designs of another package by task, with their seconds, from a process of its environment."""
    model_weights(folder)
    np.savez(folder / "x.npz", **tasks)
    (folder / "steps.json").write_text(json.dumps(steps))
    subprocess.run([python, __file__, "--folder", str(folder), "--work-as", package], check=True)
    told = json.loads((folder / f"{package}.json").read_text())
    designs = np.load(folder / f"{package}.npz")
    return {task: (designs[task], *told[task]) for task in tasks}


def crested_worker(folder):
    import keras
    from crested.tl.design import EnhancerOptimizer, in_silico_evolution

    model = keras.models.load_model(folder / "seed0" / "model.keras", compile=False)
    steps, told, designs = json.loads((folder / "steps.json").read_text()), {}, {}
    for task, X in np.load(folder / "x.npz").items():
        texts = ["".join("ACGT"[code] for code in x.argmax(-1)) for x in X]
        before, asked = model.predict(X, verbose=0), []

        def best(mutated, original, target, asked=asked, before=before, task=task):
            # It is asked for each sequence at each step, and once more for each at the end.
            row = len(asked) % len(before)
            asked.append(row)
            return int(lack(task, before[row], mutated).argmin())

        wall, spent = time.perf_counter(), time.process_time()
        info, _ = in_silico_evolution(
            *(steps[task], TASK, model),
            starting_sequences=texts,
            enhancer_optimizer=EnhancerOptimizer(best),
            return_intermediate=True,
        )
        told[task] = (time.perf_counter() - wall, time.process_time() - spent)
        made = X.copy()
        for row, one in enumerate(info):
            for (position, base), after in zip(one["changes"], one["predictions"], strict=True):
                if position >= 0:
                    made[row, position] = np.eye(4)["ACGT".index(base)]
                if lack(task, before[row], after[None])[0] <= 0:
                    break
        designs[task] = made
    np.savez(folder / "crested.npz", **designs)
    (folder / "crested.json").write_text(json.dumps(told))


def model_weights(folder):
    import genolift as gl

    model = gl.load_model(folder / "seed0" / "model.keras")
    np.savez(
        folder / "weights.npz", **{f"{la.name}/{i}": w for la in model.layers for i, w in enumerate(la.get_weights())}
    )


def ledidi_worker(folder):
    import torch
    from ledidi import ledidi
    from torch_twins import twin

    torch.set_num_threads(2)
    model = twin("tal_gata", dict(np.load(folder / "weights.npz")))
    told, designs = {}, {}
    for task, arrays in np.load(folder / "x.npz").items():
        found, wall, spent = [], time.perf_counter(), time.process_time()
        for x in arrays:
            X = torch.tensor(x.T[None].copy())
            with torch.no_grad():
                before = torch.sigmoid(model(X)).numpy()
                aim = model(X).clone()
            aim[0, TASK] = 7.5 if task != "loss" else -5.2  # logits; the goals are 6.9 and -4.6
            columns = [TASK, 2] if task == "hold" else [TASK]

            class Chosen(torch.nn.Module):
                def __init__(self, columns=columns):
                    super().__init__()
                    self.inner, self.columns = model, columns

                def forward(self, x):
                    return self.inner(x)[:, self.columns]

            batch = ledidi(Chosen(), X, aim[:, columns], device="cpu", verbose=False, random_state=0)
            found.append(fewest(model, task, X, before, batch))
        told[task] = (time.perf_counter() - wall, time.process_time() - spent)
        designs[task] = np.stack([one.detach().numpy().T for one in found])
    np.savez(folder / "ledidi.npz", **designs)
    (folder / "ledidi.json").write_text(json.dumps(told))


def fewest(model, task, X, before, batch):
    """The design of a batch with the fewest edits after undoing what the goal is reached without."""
    import torch

    def good(x):
        with torch.no_grad():
            return reached(task, before, torch.sigmoid(model(x)).numpy())

    best, count = batch[0], 10**6
    for one in batch[torch.tensor(good(batch))]:
        while True:
            edited = torch.nonzero((one != X[0]).any(0))[:, 0]
            less = one[None].repeat(len(edited), 1, 1)
            for i, position in enumerate(edited):
                less[i, :, position] = X[0, :, position]
            fine = np.flatnonzero(good(less)) if len(edited) else []
            if not len(fine):
                break
            one = less[int(fine[0])]
        if len(edited) < count:
            best, count = one, len(edited)
    return best


def genolift_and_loops(gl, model, task, X, searches):
    """The designs of this package and of plain loops by name, with their seconds."""
    ways = {
        name: lambda X, run=run: np.stack([greedy_loop(run, task, x) for x in X])
        for name, run in (("greedy loop", by_predict(model)), ("compiled loop", by_graph(model)))
    }
    for search in searches:
        method = gl.method(
            "minimal-change", model, TASK, algorithm=search, activation="keep", progress=False, **GOALS[task]
        )
        ways[search] = lambda X, method=method: np.eye(4, dtype=np.float32)[method(X).designs[:, 0]]
    made = {name: way(X) for name, way in ways.items()}
    took: dict = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            wall, spent = time.perf_counter(), time.process_time()
            way(X)
            took[name].append((time.perf_counter() - wall, time.process_time() - spent))
    return {name: (designs, *np.median(took[name], axis=0)) for name, designs in made.items()}


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=Path("design-benchmark"), show_default=True)
@click.option("--sequences", "count", default=8, show_default=True)
@click.option("--search", "searches", multiple=True, default=("thorough", "greedy", "beam", "gradabeam"))
@click.option("--python-torch", help="The Python of an environment with torch, tangermeme and ledidi.")
@click.option("--python-crested", help="The Python of an environment with crested and tensorflow.")
@click.option("--work-as", type=click.Choice(["ledidi", "crested"]), hidden=True)
def main(folder, count, searches, python_torch, python_crested, work_as):
    """Print a row for each task and way to design."""
    folder = folder.absolute()
    if work_as:
        {"ledidi": ledidi_worker, "crested": crested_worker}[work_as](folder)
        return
    import genolift as gl
    from genolift.sequence.alphabet import decode

    folder.mkdir(exist_ok=True)
    prepare(folder)
    texts, every = sequences(folder, count)
    models = [gl.load_model(folder / f"seed{seed}" / "model.keras") for seed in SEEDS]
    tasks = {task: gl.one_hot(some) for task, some in texts.items()}
    natural = spectrum(every)
    print(
        f"{'task':5} {'by':13} {'reached':>8} {'edits':>6} {'most':>5} {'others':>7} {'planted':>7} {'5-mers':>8} "
        f"{'s':>8} {'cpu s':>7}"
    )

    def tell(task, name, designs, wall, spent):
        X = tasks[task]
        good = reached(task, models[0].predict(X, verbose=0), models[0].predict(designs, verbose=0))
        edits = (designs != X).any(-1).sum(1)
        others = np.mean([(m.predict(designs, verbose=0)[:, TASK] < 0.5) == (task == "loss") for m in models[1:]])
        written = decode(designs)
        moved = apart(written, natural) - apart(texts[task], natural)
        mean = edits[good].mean() if good.any() else np.nan
        print(
            f"{task:5} {name:13} {good.sum():4}/{len(X):<3} {mean:6.2f} {edits.max():5} {others:7.2f} "
            f"{planted(task, written):7.2f} {moved:8.4f} {wall:8.1f} {spent:7.1f}",
            flush=True,
        )

    steps = {}
    for task, X in tasks.items():
        tell(task, "before", X, 0.0, 0.0)
        for name, found in genolift_and_loops(gl, models[0], task, X, searches).items():
            tell(task, name, *found)
            if name == "greedy loop":
                steps[task] = int((found[0] != X).any(-1).sum(1).max())
    for package, python in (("crested", python_crested), ("ledidi", python_torch)):
        if python:
            for task, found in elsewhere(package, python, folder, tasks, steps).items():
                tell(task, package, *found)


if __name__ == "__main__":
    main()
