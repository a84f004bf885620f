"""What a suite leaves: its tables, the failures that are worth a look, and the page about them."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from genolift.support.errors import FileProblem, file_problems
from genolift.support.files import write_json

log = logging.getLogger("genolift")

RESULTS, REFUSED, TRAINED, FAILURES, PAGE = "results", "refused.csv", "networks.csv", "failures.json", "index.html"


@dataclass(frozen=True)
class Tables:
    """The tables of a suite.

    Attributes
    ----------
    results
        A row for each simulation, network, seed, method, task, truth and measure.
    refused
        Why a method does not take a network.
    trained
        What the networks learnt.
    failures
        For each simulation the sequence on which a method fails most.
    """

    results: pd.DataFrame
    refused: pd.DataFrame
    trained: pd.DataFrame
    failures: list[dict[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> Tables:
        """Return the tables in a directory."""
        texts = {"references": str, "reason": str}

        def read(name: str) -> pd.DataFrame:
            return pd.read_csv(folder / name, dtype=texts).fillna(dict.fromkeys(texts, ""))

        told = json.loads((folder / FAILURES).read_text())["failures"]
        # The published table is kept in its small form alone.
        small = folder / f"{RESULTS}.parquet"
        results = read(f"{RESULTS}.csv") if (folder / f"{RESULTS}.csv").exists() else _read_parquet(small)
        return cls(results, read(REFUSED), read(TRAINED), told)

    def write(self, folder: Path) -> list[str]:
        """Write them and their page into a directory, and return the names of the files."""
        tables = {f"{RESULTS}.csv": self.results, REFUSED: self.refused, TRAINED: self.trained}
        for name, table in tables.items():
            table.to_csv(folder / name, index=False, lineterminator="\n", float_format="%.5g")
        write_json(folder / FAILURES, {"failures": self.failures})
        files = [*tables, FAILURES, PAGE]
        if find_spec("pyarrow"):
            _small(self.results).to_parquet(folder / f"{RESULTS}.parquet", index=False, compression="zstd")
            files.append(f"{RESULTS}.parquet")
        else:
            log.info("%s.parquet is left out, for which pyarrow is needed: pip install 'genolift[parquet]'", RESULTS)
        from genolift.plot.suites.page import write_suite_page

        write_suite_page(folder, "Which explanation can be trusted?")
        return files


def _small(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with as many digits as the text has."""
    numbers = {name: table[name].map(lambda value: float(f"{value:.5g}")) for name in table.select_dtypes("float")}
    return table.assign(**numbers)


def _read_parquet(path: Path) -> pd.DataFrame:
    if not find_spec("pyarrow"):
        raise FileProblem(f"{path} is read with pyarrow; pip install 'genolift[parquet]'")
    with file_problems(path, "read"):
        return pd.read_parquet(path)
