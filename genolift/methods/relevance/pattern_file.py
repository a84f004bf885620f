"""Fitted patterns as they are kept on disk: arrays by layer, how good they are, and what they were fitted on."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genolift.support.errors import FileProblem, InputError, Remedy, Setting, file_problems
from genolift.support.files import whole

if TYPE_CHECKING:
    import pandas as pd

_FORMAT = "genolift patterns 1"
_COLUMNS = {
    "layer": str,
    "unit": int,
    "estimator": str,
    "above_zero": float,
    "dead": bool,
    "rho": float,
    "rho_of_weights": float,
}
_FIT_AGAIN = Remedy.naming("{} again", Setting("call fit(X)", "give --fit-on a FASTA file"))


@dataclass
class Patterns:
    """The fitted patterns of a model.

    Parameters
    ----------
    arrays
        The pattern of each layer, in the shape of the layer's weights.
    table
        The columns of a table with a row for each unit.
    record
        The model and data of the fit: ``weights`` and ``data`` are digests, ``estimator`` is the option of the method,
        and ``sequences`` the number of sequences.
    """

    arrays: dict[str, np.ndarray]
    table: dict[str, list] = field(default_factory=lambda: {name: [] for name in _COLUMNS})
    record: dict = field(default_factory=dict)

    def frame(self) -> pd.DataFrame:
        """Return the table as a ``pandas.DataFrame``, a row for each unit."""
        import pandas as pd

        return pd.DataFrame({name: np.array(values, _COLUMNS[name]) for name, values in self.table.items()})

    def mean_rho(self) -> dict[str, float | None]:
        """Return the mean quality of each layer's units, and None where it was not measured."""
        frame = self.frame()
        means = frame.groupby("layer", sort=False).rho.mean()
        return {str(name): None if np.isnan(value) else float(value) for name, value in means.items()}

    def save(self, path: str | Path) -> None:
        """Write the patterns to ``path`` (.npz), whole or not at all."""
        told = {"format": _FORMAT, "layers": list(self.arrays), **self.record}
        content: dict[str, Any] = {"record": np.array(json.dumps(told))}
        content |= {f"pattern.{i}": array for i, array in enumerate(self.arrays.values())}
        content |= {f"table.{name}": np.array(values, _COLUMNS[name]) for name, values in self.table.items()}
        with file_problems(path, "written"), whole(Path(path)) as part, part.open("wb") as file:
            np.savez_compressed(file, **content)

    @classmethod
    def load(cls, path: str | Path) -> Patterns:
        """Read patterns that :meth:`save` wrote. Nothing in the file is run.

        Raises
        ------
        FileProblem
            If there is no such file, or it does not hold patterns.
        """
        if not Path(path).is_file():
            raise FileProblem(f"{path} is no file; patterns are kept in an .npz that a fitted method's save() wrote")
        try:
            with np.load(path, allow_pickle=False) as content:
                record = json.loads(str(content["record"]))
                if record.pop("format") != _FORMAT:
                    raise KeyError("format")
                arrays = {name: content[f"pattern.{i}"] for i, name in enumerate(record.pop("layers"))}
                table = {name: content[f"table.{name}"].tolist() for name in _COLUMNS}
        except (OSError, KeyError, ValueError, AttributeError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise FileProblem(
                f"{path} does not hold patterns, or is damaged ({type(error).__name__}); give what a fitted method's "
                "save() wrote"
            ) from None
        return cls(arrays, table, record)

    def check(self, weights: str, shapes: dict[str, tuple], estimator: str, name: str) -> None:
        """Refuse a model with other weights or layers, and a method with another estimator."""
        if self.record["weights"] != weights:
            raise InputError(
                f"the patterns of {name} were fitted on a model with other weights than this one has now", _FIT_AGAIN
            )
        if self.record["estimator"] != estimator:
            raise InputError(
                f"the patterns were fitted with estimator={self.record['estimator']!r}, not {estimator!r}; fit "
                "again, or make the method with that one"
            )
        missing = [layer for layer, shape in shapes.items() if getattr(self.arrays.get(layer), "shape", None) != shape]
        if missing:
            raise InputError(
                f"there are no patterns for {', '.join(missing)}, which another target may not have needed", _FIT_AGAIN
            )
