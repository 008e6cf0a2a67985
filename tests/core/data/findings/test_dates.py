"""Columns of dates that would be learnt day by day are found, with a remedy that makes numbers of them."""

from pathlib import Path

import pandas as pd
import pytest

from core.data.importing import import_data
from core.data.versions import make_version
from core.schemas import DataRef, Recipe
from core.store.datasets import get_version


def found(path: Path, column: list[str]) -> list:
    table = pd.DataFrame({"seen": column, "size": [i * i % 17 for i in range(len(column))]})
    table["kind"] = ["ab"[i % 2] for i in range(len(column))]
    table.to_csv(path, index=False)
    dataset = import_data(path, target="kind", name=path.stem).dataset
    return [(f, dataset) for f in get_version(DataRef(dataset=dataset.id)).findings if f.kind == "date"]


def days(pattern: str, n: int = 80) -> list[str]:
    every = pd.date_range("2023-01-27", periods=n // 2, freq="5D").strftime(pattern).tolist()
    return sorted(every * 2)


@pytest.mark.parametrize("pattern", ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%dT%H:%MZ", "%d %B %Y"])
def test_dates_in_any_order_are_found_and_their_parts_made_numbers(workspace, tmp_path, pattern):
    ((finding, dataset),) = found(tmp_path / "rows.csv", days(pattern))
    assert "“seen” holds dates, 40 different ones in 80 rows" in finding.message
    assert finding.remedy is not None
    version = make_version(dataset.id, recipe=Recipe(steps=(finding.remedy,)))
    assert not [f for f in version.findings if f.kind == "date"]


@pytest.mark.parametrize("values", [["2020-01-01", "2021-01-01"], ["a1", "b2", "c3", "d4"], ["12-2020-1", "no"]])
def test_a_few_days_and_other_words_are_left_alone(workspace, tmp_path, values):
    assert found(tmp_path / "rows.csv", values * (80 // len(values))) == []
