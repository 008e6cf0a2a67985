"""Predict the classes of a table's rows with the model beside this file.

    python predict.py TABLE [--out predictions.csv] [--allow-unreadable]

It needs the packages in requirements.txt. `preprocessing.json` says how the table is read and cleaned; the folder
`graft_reading` holds the modules that do it. Notes on the cells go to the error output. Files that end in .joblib can
run code: use only those that you trust.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "graft_reading"))

import joblib  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from core.data.reading.record import TableReading  # noqa: E402
from core.data.tables.schema import Schema  # noqa: E402
from core.errors import GraftError  # noqa: E402
from core.evaluation.scaling import Scaling  # noqa: E402
from core.export.package.engines import ENGINES  # noqa: E402
from core.inference.predicting.rows import clean_rows, read_rows  # noqa: E402
from core.schemas import Recipe  # noqa: E402


class Model:
    """The learner, with what is done before and after it."""

    def __init__(self, folder: Path = HERE) -> None:
        said = json.loads((folder / "preprocessing.json").read_text("utf-8"))
        self.classes: list[str] = said["classes"]
        self.reading = TableReading.model_validate(said["reading"])
        self.schema = Schema.model_validate(said["schema"])
        self.recipe = Recipe.model_validate(said["recipe"])
        self.known = {name: pd.Series(values, dtype="str") for name, values in said["categories"].items()}
        self.scaling = Scaling.model_validate(said["calibration"]) if said["calibration"] else None
        self.preparation: Any = joblib.load(folder / "preparation.joblib")
        self.predict = ENGINES[said["engine"]](folder / said["model"])

    def probabilities(self, path: Path, allow_unreadable: bool = False) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """Of every class, a column each, for the rows of a table; and notes on how they were read."""
        given = read_rows(path, self.schema, self.reading, allow_unreadable)
        cells, notes = clean_rows(given, self.recipe, self.known)
        found = np.zeros((len(cells), len(self.classes)))
        predicted = self.predict(self.preparation.transform(cells))
        found[:, : predicted.shape[1]] = predicted  # a learner knows no class beyond the last it was shown
        names = [f"row {number}" for number in cells.index]
        return pd.DataFrame(found, index=names, columns=self.classes), (*given.notes, *notes)

    def table(self, probabilities: pd.DataFrame) -> pd.DataFrame:
        """The table that is written, as `core predict --out` writes it."""
        found = probabilities.to_numpy()
        calibrated = found if self.scaling is None else self.scaling(found)
        best = found.argmax(axis=1)
        return pd.DataFrame(
            {
                "file": probabilities.index,
                "predicted": np.array(self.classes, dtype=object)[best],
                "confidence": calibrated[np.arange(len(best)), best],
                # What is unlike the training rows is told by the rows themselves, which stay in Graft.
                "unlike": "",
                "distance": "",
                **{f"p:{name}": found[:, i] for i, name in enumerate(self.classes)},
                **{f"calibrated:{name}": calibrated[:, i] for i, name in enumerate(self.classes)},
            }
        )


def main() -> int:
    parser = argparse.ArgumentParser(description="Predict the classes of a table's rows.")
    parser.add_argument(
        "table", type=Path, help="CSV, Excel, Parquet or JSON, with the columns of the training table"
    )
    parser.add_argument("--out", help="write a CSV file here instead of printing it")
    parser.add_argument(
        "--allow-unreadable", action="store_true", help="take any number of unreadable cells as missing"
    )
    args = parser.parse_args()
    model, begun = Model(), time.perf_counter()
    try:
        probabilities, notes = model.probabilities(args.table, args.allow_unreadable)
    except (GraftError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    except ImportError as error:  # of a format that the training table did not have
        print(f"To read this file, install the package {error.name}.", file=sys.stderr)
        return 2
    print(*notes, sep="\n", end="\n" if notes else "", file=sys.stderr)
    model.table(probabilities).to_csv(args.out or sys.stdout, index=False)
    speed = len(probabilities) / (time.perf_counter() - begun)
    print(f"{len(probabilities)} rows, {speed:.1f} a second", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
