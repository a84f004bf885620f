"""Draw logo.png, the picture of the README: a sequence of the simulated benchmark, explained by DeepLIFT.

The network is small and is trained here, so that the picture can be drawn again on any machine.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent)]


import genolift as gl  # noqa: E402
from genolift.models.training import train  # noqa: E402
from genolift.simulate.drawing.generate import simulate  # noqa: E402
from genolift.support.tensorflow import quiet_tensorflow  # noqa: E402

quiet_tensorflow()
import keras  # noqa: E402

START, END = 40, 120


def main() -> None:
    """Train the network and draw a stretch of the first sequence whose two motifs both lie in it."""
    dataset = simulate("tal_gata", n=3000)
    keras.utils.set_random_seed(0)
    layers = [keras.Input((200, 4)), keras.layers.Conv1D(16, 12, activation="relu"), keras.layers.GlobalMaxPooling1D()]
    layers += [keras.layers.Dense(16, activation="relu"), keras.layers.Dense(3, activation="sigmoid")]
    model, _ = train(keras.Sequential(layers), dataset, epochs=12, batch_size=64, learning_rate=0.02, progress=False)
    marks: dict[int, list] = {}
    for one in dataset.embeddings:
        marks.setdefault(one.sequence_index, []).append((one.start, one.end, one.motif.split("_")[0], one.strand))
    chosen = next(
        i
        for i, all_of in marks.items()
        if len({mark[2] for mark in all_of}) == 2 and all(mark[0] > START and mark[1] < END for mark in all_of)
    )
    X = gl.one_hot([dataset.sequences[chosen]])
    method = gl.DeepLift(model, target=0, references=gl.references.Shuffled(100, seed=1), progress=False)
    figure = method(X, names=["both motifs"]).plot(0, start=START, end=END, highlight=marks[chosen])
    figure.savefig(HERE / "logo.png", dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    main()
