"""The Domain tab: a second data set is chosen, proposals are taken, and a version comes of it."""

from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.data.importing import import_data, import_sample
from core.schemas import DataRef, DatasetRecord
from core.store import datasets

ROOT = Path(__file__).parents[2]


def open_tab(dataset: DatasetRecord) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["dataset"], app.query_params["tab"] = dataset.id, "Domain"
    app.switch_page("pages/data.py")
    return app.run()


@pytest.fixture
def table(workspace: Path, tmp_path: Path) -> DatasetRecord:
    penguins = import_sample("penguins")
    written = pd.read_parquet(datasets.import_folder(penguins.dataset.id, 1) / "table.parquet")
    written = written.rename(columns={"island": "Island"}).assign(sex=written["sex"].str.upper())
    written.to_csv(tmp_path / "more.csv", index=False)
    return import_data(tmp_path / "more.csv", target="species").dataset


def test_taking_the_proposals_makes_a_version_that_agrees(table: DatasetRecord) -> None:
    app = open_tab(table)
    assert not app.exception
    assert [box.value for box in app.checkbox] == [True, True]
    app = next(b for b in app.button if b.label == "Make this version").click().run()
    assert not app.exception
    made = datasets.get_version(DataRef(dataset=table.id))
    assert {step.kind for step in made.recipe.steps} == {"rename_columns", "merge_spellings"}
    assert "Nothing to harmonise" in app.success[0].value


def test_with_nothing_ticked_nothing_changes(table: DatasetRecord) -> None:
    app = open_tab(table)
    for box in app.checkbox:
        box.uncheck()
    app = next(b for b in app.button if b.label == "Make this version").click().run()
    assert "Nothing is ticked" in app.info[0].value
    assert datasets.get_version(DataRef(dataset=table.id)).id == table.version


def test_alone_it_tells_what_will_be_here(workspace: Path) -> None:
    app = open_tab(import_sample("penguins").dataset)
    assert not app.exception
    assert any("Import a second table" in m.value for m in app.markdown)
