"""Write genolift/llms.txt, a guide in plain text for coding assistants, from the sources of the documentation.

It lies in the package, so that it comes with every installation, and the build of the site copies it there.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent)]

from genolift.cli.app import COMMANDS  # noqa: E402
from genolift.export.registry import listing as formats  # noqa: E402
from genolift.methods.registry import listing as methods  # noqa: E402

TARGET = HERE.parent / "genolift" / "llms.txt"

_INTRODUCTION = """# genolift

> genolift explains what neural networks see in DNA: it gives every base of a sequence a score that says how much it
> contributed to a prediction of a TensorFlow or Keras model, and measures how far such scores can be believed.

This file is for coding assistants. Its code runs as it stands on a model `model.keras` for sequences of 48 bases, a genome
`genome.fa` and regions `peaks.narrowPeak`.

## Rules that save time

- Import as `import genolift as gl`. Every public name has a docstring: `help(gl.DeepLift)`.
- DNA is a float32 array (N, length, 4) with the channels A, C, G, T. Make it with `gl.one_hot(texts)`. Models of another
  layout are loaded with `gl.load_model(path, layout="NCL")`; results are (N, length, 4) all the same.
- Begin with `gl.check(model)` or `genolift check model.keras`: it lists the targets, the methods that take the model and
  the costs.
- A method is made once and called with sequences: `gl.DeepLift(model, target=0)(X)`. If a model has several outputs,
  `target=` must be given. A final sigmoid or softmax is looked through; `activation="keep"` explains the output itself.
- A list as X means several inputs of the model, and a list as target means several targets, which adds an axis after N.
- Every other method is `gl.method("NAME", model, target=0, ...)` and returns the same type of result.
- Do not wrap calls in a retry. Errors are `ValueError`, `TypeError` or `OSError` with one line that names the remedy.
- A field that a method does not define raises `gl.Undefined`; ask with `hasattr(result, "hypothetical")`.
- Look at `result.residual` where it is defined: it is what is missing from the sum of contributions, and should be rounding.
- The command line never overwrites a result without `--force`, and the same command continues an interrupted one.

## In Python

```python
import genolift as gl

model = gl.load_model("model.keras")
check = gl.check(model)  # print it to read it
regions = gl.Fasta("genome.fa").regions("peaks.narrowPeak", width=48)
references = gl.references.Shuffled(20, seed=1)  # 20 shuffles of each sequence that keep its dinucleotides
result = gl.DeepLift(model, target=0, references=references)(regions)
scores = result.scores  # an array of (N, length)
figure = result.plot(0)
result.save("scores.zarr")
stored = gl.Explanation.load("scores.zarr")  # fields are read when they are indexed

mutagenesis = gl.method("ism", model, target=0)(regions)
effects = mutagenesis.effects  # (N, length, 4): the prediction with this base less that of the sequence
table = gl.marginalize(model, {"GATA": "AGATAAG"}, regions, target=0).table
gl.export(stored, to="modisco", target=0, out="peaks")  # peaks.ohe.npz and peaks.shap.npz for TF-MoDISco
```

## On the command line

```sh
genolift check model.keras
genolift explain model.keras genome.fa --regions peaks.narrowPeak --target 0 --out peaks.zarr
genolift info peaks.zarr
genolift report peaks.zarr --out peaks.html
genolift export peaks.zarr --to bedgraph --target 0 --out peaks.bedgraph
genolift methods deeplift
```
"""


def _section(page: str, heading: str) -> str:
    """Return what stands under a heading of a page."""
    text = (HERE / page).read_text(encoding="utf-8")
    return re.split(r"^#+ ", text.split(f"{heading}\n", 1)[1], maxsplit=1, flags=re.M)[0].strip()


def _table(page: str, heading: str) -> str:
    """Return the first table under a heading."""
    lines = _section(page, heading).splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("|"))
    return "\n".join(line for line in lines[first:] if line.startswith("|"))


def _list(entries: dict[str, str]) -> str:
    return "\n".join(f"- `{name}`: {what}" for name, what in entries.items())


def guide() -> str:
    """Return the guide."""
    parts = [
        _INTRODUCTION.rstrip(),
        "## Fields of a result",
        "N sequences, R references.",
        _table("how-to/reading.md", "## What the result says"),
        "## Targets, as `--target` takes them",
        _table("how-to/scoring.md", "## What is explained"),
        "In Python: an index, a tuple, `(name, index)`, `gl.targets.Profile(name)`, `gl.targets.LogCounts(name)`, "
        "`gl.targets.Sum(...)`, a function of the outputs, or a list of these.",
        "## References, as `--references` takes them",
        _table("how-to/scoring.md", "## Against which references"),
        "## Commands",
        "Each has `--help` with examples.",
        _list(COMMANDS),
        "## Methods",
        "`genolift methods NAME` lists the options of one.",
        _list(methods()),
        "## Formats of `genolift export --to`",
        _list(formats()),
    ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write the guide."""
    TARGET.write_text(guide(), encoding="utf-8")


if __name__ == "__main__":
    main()
