"""Writes reference/formats.md: what each format that `genolift export` writes holds, in the words of its module."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent)]

from genolift.export.registry import format_named, listing  # noqa: E402

_INTRODUCTION = """# Formats

Made by `docs/make_formats.py`; do not edit. `genolift export scores.zarr --to FORMAT --out PATH` writes scores in a format that
other programs read, and so does `genolift.export(scores, to="FORMAT", out="PATH")`. All take `--target`, which is needed where
several targets were explained (only `npz` then keeps all), and in Python `input`, where several inputs are DNA. `--target 0 2`
and `--target all` (in Python `targets=[0, 2]` and `targets="all"`) write files for each target, which have the target in their
names, such as `peaks.0.bw` and `peaks.2.bw`.
"""

_DATA = """## Files of a simulated data set

`genolift simulate` leaves these files, and `genolift.simulate.reading.load_dataset` reads them:

- `sequences.fa`: the sequences.
- `dataset.tsv`: a line for each sequence with `name`, a column for each task, and `split` (train, valid or test).
- `embeddings.bed`: a line for each embedded instance: sequence, start, end, motif, 0, strand, bases, and a column
  `importance:TASK` for each task. For profiles, a column `profile-importance:TASK` for each task follows.
- `profiles.npz`, where the labels are profiles: `tasks` (T,), the names; `reads` (N, positions, T) int32, the reads at
  each position in the middle of the sequence; and `expected` (N, positions, T) float32, how many were expected there. It
  holds numbers and text alone, no pickle.
"""

_OWN = """## A format of your own

A format is a module, or a class whose functions are static, with three things: `OPTIONS`, the options that it takes beside
target and input; `files(out, options)`, the files that it makes; and `write(explanation, paths, options)`, which fills them.
Once it is registered it is there for `genolift.export`, and for the command line where your program starts that with
`genolift.cli.main()`:

```python
import genolift as gl
from genolift.export.source import Scores


class Means:
    OPTIONS = (gl.export.FormatOption("digits", "how many digits are written", type=int),)

    @staticmethod
    def files(out, options):
        return [out]

    @staticmethod
    def write(explanation, paths, options):
        scores = Scores(explanation, options.target, options.input, options.progress)
        digits = options.own["digits"] or 3
        with open(paths[0], "w") as file:
            for rows, block in scores.blocks("scores"):
                for name, row in zip(scores.names[rows], block):
                    file.write(f"{name}\\t{row.mean():.{digits}f}\\n")


gl.export.register("means", Means, "the mean score of each sequence")
gl.export("scores.zarr", to="means", out="means.txt", digits=5)
```

`paths` are temporary names: the files are moved to where they belong once `write` has returned, and if it fails nothing is left
behind. A format of genolift's own is a module of `genolift/export/formats` and a line in `genolift/export/registry.py`.
"""


def formats() -> str:
    """Return the list of formats, and a section for each with what its module says and its options."""
    parts = ["\n".join(f"- `{name}`: {summary}" for name, summary in listing().items())]
    for name in listing():
        kind = format_named(name)
        options = [f"- `--{one.name.replace('_', '-')}`: {one.help}" for one in kind.OPTIONS]
        parts += [f"## {name}", inspect.getdoc(kind).replace("``", "`"), *options]
    return "\n\n".join(parts)


def main() -> None:
    """Write the page."""
    parts = [_INTRODUCTION.rstrip(), formats(), _DATA.rstrip(), _OWN.rstrip()]
    (HERE / "reference" / "formats.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
