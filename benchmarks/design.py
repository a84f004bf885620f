"""Edits, success and time of designs side by side: genolift's searches, a plain greedy loop, and the package ledidi.

    python benchmarks/design.py [--folder DIR] [--sequences 8] [--search NAME ...] [--python-torch PATH]

The folder gets the paper's simulation and its network with three training seeds, unless they are there. Tasks are

- gain: bring the task GATA of sequences without a motif to 0.9 or more;
- loss: bring it from sequences with both motifs to 0.1 or less;
- hold: as gain, while the task TAL1 moves by no more than 0.1.

The plain greedy loop predicts every substitution of the whole sequence by the model in batches of 512 and takes the best,
until the goal is reached, which is also what CREsted's in-silico evolution does at each step. ledidi runs on the same
weights in PyTorch (`torch_twins.py`), in an environment of its own (`--python-torch`, with the package ledidi), aims a
little beyond the goal, and superfluous edits of its designs are undone as genolift undoes its own; of a batch the design
with the fewest edits counts. Success is what the Keras model says of the design. `others` is the share of designs which
the networks of the two other seeds place on the same side of 0.5 as the goal, and `5-mers` how far the designs' 5-mer
frequencies are from those of all sequences of the simulation (total variation), less the same of the sequences before.
Seconds and processor seconds are for all sequences; what is compiled is compiled before.
"""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np

GOALS = {"gain": {"above": 0.9}, "loss": {"below": 0.1}, "hold": {"above": 0.9, "hold": {2: 0.1}}}
TASK, SEEDS, MOST = 1, (0, 1, 2), 30


def prepare(folder):
    def genolift(*arguments):
        subprocess.run([sys.executable, "-m", "genolift", *map(str, arguments)], check=True)

    if not (folder / "data").exists():
        genolift("simulate", "tal_gata", "--out", folder / "data", "--sequences", 4000)
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
    good = after[:, TASK] >= 0.9 - 1e-6 if task != "loss" else after[:, TASK] <= 0.1 + 1e-6
    return good & (np.abs(after[:, 2] - before[:, 2]) <= 0.1 + 1e-6) if task == "hold" else good


def greedy_loop(model, task, x):
    """The best substitution of all, predicted in full, until the goal is reached or nothing gets better."""
    run = lambda batch: model.predict(batch, batch_size=512, verbose=0)  # noqa: E731
    first, x = run(x[None])[0], x.copy()

    def lack(f):
        away = np.maximum(0.9 - f[:, TASK], 0) if task != "loss" else np.maximum(f[:, TASK] - 0.1, 0)
        astray = np.maximum(np.abs(f[:, 2] - first[2]) / 0.1 - 1, 0) if task == "hold" else 0
        return away / abs(first[TASK] - (0.1 if task == "loss" else 0.9)) + astray

    now = lack(first[None])[0]
    for _ in range(MOST):
        if now <= 0:
            break
        positions, letters = np.nonzero(x == 0)
        mutants = np.repeat(x[None], len(positions), 0)
        mutants[np.arange(len(positions)), positions] = np.eye(4)[letters]
        found = lack(run(mutants))
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


def apart(texts, natural):
    own = spectrum(texts)
    return sum(abs(own.get(word, 0) - natural.get(word, 0)) for word in own.keys() | natural.keys()) / 2


def by_ledidi(python, folder, tasks):
    """The designs of ledidi by task, with their seconds, from a process of the other environment."""
    model_weights(folder)
    np.savez(folder / "x.npz", **{task: x for task, x in tasks.items()})
    subprocess.run([python, __file__, "--folder", str(folder), "--as-ledidi"], check=True)
    told = json.loads((folder / "ledidi.json").read_text())
    designs = np.load(folder / "ledidi.npz")
    return {task: (designs[task], *told[task]) for task in tasks}


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
            aim[0, TASK] = 3.0 if task != "loss" else -3.0
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
        designs[task] = np.stack([one.numpy().T for one in found])
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


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=Path("design-benchmark"), show_default=True)
@click.option("--sequences", "count", default=8, show_default=True)
@click.option("--search", "searches", multiple=True, default=("greedy", "thorough", "gradabeam", "adabeam"))
@click.option("--python-torch", help="The Python of an environment with torch, tangermeme and ledidi.")
@click.option("--as-ledidi", is_flag=True, hidden=True)
def main(folder, count, searches, python_torch, as_ledidi):
    """Print a row for each task and way to design."""
    folder = folder.absolute()
    if as_ledidi:
        ledidi_worker(folder)
        return
    import genolift as gl
    from genolift.sequence.alphabet import decode

    folder.mkdir(exist_ok=True)
    prepare(folder)
    texts, every = sequences(folder, count)
    models = [gl.load_model(folder / f"seed{seed}" / "model.keras") for seed in SEEDS]
    tasks = {task: gl.one_hot(some) for task, some in texts.items()}
    natural = spectrum(every)
    theirs = by_ledidi(python_torch, folder, tasks) if python_torch else {}
    print(
        f"{'task':5} {'by':12} {'reached':>8} {'edits':>6} {'most':>5} {'others':>7} {'5-mers':>8} {'s':>8} {'cpu s':>7}"
    )
    for task, X in tasks.items():
        ways = {"greedy loop": lambda X, task=task: np.stack([greedy_loop(models[0], task, x) for x in X])}
        for search in searches:
            method = gl.method(
                "minimal-change", models[0], TASK, algorithm=search, activation="keep", progress=False, **GOALS[task]
            )
            ways[search] = lambda X, method=method: np.eye(4, dtype=np.float32)[method(X).designs[:, 0]]
        rows = {}
        for name, way in ways.items():
            way(X[:1])
            wall, spent = time.perf_counter(), time.process_time()
            rows[name] = (way(X), time.perf_counter() - wall, time.process_time() - spent)
        if task in theirs:
            rows["ledidi"] = theirs[task]
        before = models[0].predict(X, verbose=0)
        for name, (designs, wall, spent) in rows.items():
            good = reached(task, before, models[0].predict(designs, verbose=0))
            edits = (designs != X).any(-1).sum(1)
            others = np.mean([(m.predict(designs, verbose=0)[:, TASK] < 0.5) == (task == "loss") for m in models[1:]])
            moved = apart(decode(designs), natural) - apart(texts[task], natural)
            mean = edits[good].mean() if good.any() else np.nan
            print(
                f"{task:5} {name:12} {good.sum():4}/{len(X):<3} {mean:6.2f} {edits.max():5} {others:7.2f} {moved:8.4f} "
                f"{wall:8.1f} {spent:7.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
