"""How far can influence be believed? The linear datamodelling score, taking sequences out, and wrong labels.

    python benchmarks/influence.py --work DIR [--halves 100] [--seeds 5] [--only taking-out] [--json FILE]

Trains a small network (see benchmarks/influence_retraining.py) on random halves of 500 simulated sequences, as several
networks that differ in their initial weights and the order of batches. Three questions are asked of each method:

- The linear datamodelling score (genolift.influence.datamodelling): do its influences on 100 queries, summed over a
  half, predict what the networks say that were trained on the half? It is asked of the influences of the first network,
  and of their mean over the networks.
- Taking out: the 25 training sequences that it says raise a query's logit most are taken out. How far does the logit fall
  in networks that are trained without them, and how far without 25 at random of the same label? This is asked for 20
  queries that hold the motif, each with 8 networks, and needs no halves (`--only taking-out`).
- Wrong labels: 50 of the 500 labels are turned round before training. How many of the 50 most suspicious are among them?

Everything is kept in DIR, and the same command continues.
"""

import json
import time
from pathlib import Path

import click
import influence_retraining as small
import numpy as np
from scipy.stats import beta, t
from tqdm import tqdm

import genolift as gl
from genolift.influence.catalog import METHODS
from genolift.influence.datamodelling import datamodelling_score, rank_correlations
from genolift.models.recipe.checkpoints import Keeper
from genolift.support.seeds import stream

TAKEN, ASKED, TURNED, SNAPSHOTS, AGAIN = 25, 20, 50, 6, 8


def taught(trainer: small.Trainer, folder: Path, X, labels, seed: int) -> Path:
    """Train on all sequences, and keep the model and its checkpoints."""
    if not (folder / "model.keras").exists():
        keeper = Keeper(folder / "checkpoints", small.BATCH)
        kept = trainer.train(X, labels, seed, SNAPSHOTS)
        for epoch, rate, weights in kept:
            trainer.model.set_weights(weights)
            # A checkpoint stands for all epochs since the last one.
            keeper.keep(trainer.model, epoch, rate * small.EPOCHS / SNAPSHOTS)
        keeper.finish()
        trainer.model.save(folder / "part.keras")
        (folder / "part.keras").rename(folder / "model.keras")
    return folder


def influence(folder: Path, X, labels, method: str) -> gl.Influence:
    options = {"checkpoints": folder / "checkpoints"} if method == "tracin" else {}
    model = gl.load_model(folder / "model.keras")
    return gl.Influence(model, X, labels, method=method, progress=False, **options)


def scores_of(work: Path, folder: Path, X, labels, queries, method: str) -> dict:
    def make():
        began = time.perf_counter()
        scores = influence(folder, X, labels, method)(queries).scores
        return {"scores": scores, "seconds": np.array(time.perf_counter() - began)}

    return small.kept(folder / f"{method}.npz", make)


def mean_interval(values: np.ndarray) -> list[float]:
    """The mean of values and its interval of 95 % by Student's t."""
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return [float(values.mean()), float(values.mean() - half), float(values.mean() + half)]


def share_interval(found: int, of: int) -> list[float]:
    """A share and its exact interval of 95 % (Clopper & Pearson 1934)."""
    low = beta.ppf(0.025, found, of - found + 1) if found else 0.0
    high = beta.ppf(0.975, found + 1, of - found) if found < of else 1.0
    return [found / of, float(low), float(high)]


def score(work: Path, trainer: small.Trainer, halves: int, seeds: int) -> dict:
    """The linear datamodelling score of each method, and its lead over the neighbours."""
    (X, labels, _), (queries, _, _) = small.data()
    said = []
    for number in tqdm(range(halves), "halves"):
        chosen = small.half(number)
        name = f"half{number:03d}"
        said.append(small.retrain(trainer, work, name, X[chosen], labels[chosen], queries, range(seeds)))
    measured, parts = np.stack(said), np.stack([small.half(number) for number in range(halves)])
    folders = [taught(trainer, work / f"all-seed{seed}", X, labels, seed) for seed in range(seeds)]
    found: dict = {"by method": {}}
    said_by = {"one network": measured[:, 0], "mean of networks": measured.mean(axis=1)}
    balance = (parts @ labels[:, 0])[:, None]
    every = {method: [scores_of(work, folder, X, labels, queries, method) for folder in folders] for method in METHODS}
    scores = {
        method: {"one network": each[0]["scores"], "mean of networks": np.mean([e["scores"] for e in each], axis=0)}
        for method, each in every.items()
    }
    # What is left where a query plays no part: how many sequences of each label a half holds.
    alone = np.repeat((labels - labels.mean()).T, len(queries), axis=0)
    scores["labels alone"] = dict.fromkeys(said_by, alone)
    for by, said_now in said_by.items():
        for known, given in (("", None), (", given the balance of labels", balance)):
            scored = {m: datamodelling_score(each[by], parts, said_now, given) for m, each in scores.items()}
            for method, one in scored.items():
                lead = one.less(scored["neighbours"])
                row = {"score": [one.value, one.low, one.high], "lead": [lead.value, lead.low, lead.high]}
                found["by method"].setdefault(method, {})[by + known] = row
    for method, each in every.items():
        found["by method"][method]["seconds"] = float(np.median([e["seconds"] for e in each]))
    # What a network says of a half, predicted by another network that was trained on the same half.
    found["another network on the same half"] = float(rank_correlations(measured[:, 1], measured[:, 0]).mean())
    return found


def taking_out(work: Path, trainer: small.Trainer, seeds: int) -> dict:
    """How far the logits of queries fall where the most influential sequences are taken out."""
    (X, labels, _), (queries, wanted, _) = small.data()
    folders = [taught(trainer, work / f"all-seed{seed}", X, labels, seed) for seed in range(seeds)]
    asked = np.flatnonzero(wanted[:, 0] == 1)[:ASKED]
    full = small.retrain(trainer, work, "full", X, labels, queries, range(AGAIN)).mean(axis=0)
    found = {}
    for method in tqdm([*METHODS, "random"], "taking out"):
        falls = []
        if method != "random":
            each = [scores_of(work, folder, X, labels, queries, method)["scores"] for folder in folders]
            mean = np.mean(each, axis=0)
        for query in asked:
            if method == "random":
                alike = np.flatnonzero(labels[:, 0] == 1)
                out = stream(0, "taken out", int(query)).choice(alike, TAKEN, replace=False)
            else:
                out = np.argsort(-mean[query], kind="stable")[:TAKEN]
            rest = np.setdiff1d(np.arange(len(X)), out)
            name = f"without-{method}-{query}"
            said = small.retrain(trainer, work, name, X[rest], labels[rest], queries[query : query + 1], range(AGAIN))
            falls.append(full[query] - said.mean())
        found[method] = np.array(falls)
    # The same queries are asked of every method, so that differences are more certain than what they are taken of.
    rows = {"fall": found} | {
        f"less the fall by {other}": {
            method: falls - found[other] for method, falls in found.items() if method != other
        }
        for other in ("neighbours", "random")
    }
    return {row: {method: mean_interval(falls) for method, falls in each.items()} for row, each in rows.items()}


def wrong_labels(work: Path, trainer: small.Trainer) -> dict:
    """The share of labels that were turned round among as many of the most suspicious sequences."""
    (X, labels, _), _ = small.data()
    turned = stream(0, "wrong labels").choice(len(X), TURNED, replace=False)
    labels = labels.copy()
    labels[turned] = 1 - labels[turned]
    folder = taught(trainer, work / "wrong", X, labels, 0)
    found = {}
    for method in tqdm(METHODS, "wrong labels"):

        def make(method: str = method) -> dict:
            suspects = influence(folder, X, labels, method).suspects()
            return {"order": suspects["training"].astype(int), "loss": suspects["loss"].to_numpy()}

        held = small.kept(folder / f"suspects-{method}.npz", make)
        found[method] = share_interval(len(set(held["order"][:TURNED]) & set(turned)), TURNED)
        by_loss = held["order"][np.argsort(-held["loss"], kind="stable")][:TURNED]
        found["loss"] = share_interval(len(set(by_loss) & set(turned)), TURNED)
    found["random"] = [TURNED / len(X)] * 3
    return found


@click.command(help=__doc__.split("\n", maxsplit=1)[0])
@click.option("--work", required=True, type=click.Path(path_type=Path), help="Where everything is kept.")
@click.option("--halves", default=100, show_default=True, help="How many random halves are trained on.")
@click.option("--seeds", default=5, show_default=True, help="How many networks are trained on each.")
@click.option("--only", type=click.Choice(["taking-out"]), help="Ask this question alone.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the numbers to this file too.")
def main(work: Path, halves: int, seeds: int, only: str | None, out: Path | None) -> None:
    work.mkdir(parents=True, exist_ok=True)
    trainer, found = small.Trainer(), {}
    if only is None:
        found["datamodelling"] = score(work, trainer, halves, seeds)
        click.echo(json.dumps(found, indent=2))
        found["wrong labels"] = wrong_labels(work, trainer)
        click.echo(json.dumps(found["wrong labels"], indent=2))
    found["taking out"] = taking_out(work, trainer, seeds)
    click.echo(json.dumps(found["taking out"], indent=2))
    if out is not None:
        out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
