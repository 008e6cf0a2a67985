"""A large table: all flights that left New York in 2013 (`nycflights13/flights`), 336,776 rows and 20 columns.

Measures what an import spends on findings, what steps take on all rows, and how much memory that needs.
"""

import os
import resource
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd

from benchmarks.harness import Benchmark
from benchmarks.packages import r_table
from core.data.cleaning.preparation import Preparation
from core.data.findings import registry as findings
from core.data.findings.evidence import Evidence
from core.data.importing import import_data
from core.data.versions import load_rows
from core.schemas import DataRef, Finding, Recipe, Step

BENCHMARK = Benchmark(
    name="flights",
    what=(
        "a table of 336,776 rows and 20 columns (`nycflights13`): findings, and steps fitted on 60 % and "
        "applied to all"
    ),
    minutes=5,
)

STEPS: tuple[tuple[str, dict[str, str]], ...] = (
    ("impute", {"method": "iterative"}),
    ("impute", {"method": "neighbours"}),
    ("encode", {"method": "target"}),
    ("remove_outliers", {"method": "isolation_forest"}),
    ("remove_outliers", {"method": "local_outlier_factor"}),
    ("power", {}),
    ("interactions", {}),
)


def flights() -> pd.DataFrame:
    """The table, with “late” for more than a quarter of an hour."""
    table = r_table("nycflights13", "flights")
    return table.assign(late=np.where(table["arr_delay"] > 15, "late", "in time"))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GRAFT_HOME"] = folder
        path = Path(folder) / "flights.csv"
        flights().to_csv(path, index=False)
        spent = [0.0]

        def timed(evidence: Evidence) -> tuple[Finding, ...]:
            started = time.perf_counter()
            found = find(evidence)
            spent[0] = time.perf_counter() - started
            return found

        find = findings.run_finders
        with patch.object(findings, "find", timed):
            result = import_data(path, target="late")
        print(f"findings {spent[0]:.1f} s of {result.seconds:.1f} s for the import: {len(result.findings)}")
        rows, _ = load_rows(DataRef(dataset=result.dataset.id), cells=True)
        y = pd.factorize(rows.samples["label"])[0]
        train = np.flatnonzero((rows.samples["part"] == "train").to_numpy())
        for kind, params in STEPS:
            started = time.perf_counter()
            preparation = Preparation(Recipe(steps=(Step(kind=kind, params=params),)))
            preparation.fit(rows.cells.iloc[train], y[train])
            fitted = time.perf_counter()
            preparation.transform(rows.cells)
            told = f"{kind} {' '.join(params.values())}".strip()
            print(f"{told}: fitted in {fitted - started:.1f} s, all rows in {time.perf_counter() - fitted:.1f} s")
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


if __name__ == "__main__":
    main()
