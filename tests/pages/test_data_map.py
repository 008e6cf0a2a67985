"""The map on the data page: offered, drawn, and what a lasso caught left out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data.images.map import map_coordinates, save_map
from core.data.importing import import_data
from core.data.versions import load_samples
from core.schemas import DataRef, DatasetRecord, VersionRecord
from core.store import datasets
from core.ui.data import embedding_map
from tests.support import prepared

ROOT = Path(__file__).parents[2]


def import_version(folder: Path) -> DatasetRecord:
    rng = np.random.default_rng(0)
    for name in ("ant", "bee"):
        (folder / "p" / name).mkdir(parents=True)
        for i in range(12):
            Image.fromarray(rng.integers(0, 255, (30, 30, 3), dtype="uint8")).save(folder / "p" / name / f"{i}.png")
    return import_data(folder / "p", name="p").dataset


@pytest.fixture
def version(workspace: Path) -> VersionRecord:
    return datasets.get_version(DataRef(dataset=prepared.dataset(import_version).id))


def open_map() -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params.update({"dataset": "p", "tab": "Map"})
    app.switch_page("pages/data.py")
    app.run()
    assert not app.exception
    return app


def test_without_a_look_the_map_is_offered(version: VersionRecord) -> None:
    assert "Look deeper" in [b.label for b in open_map().button]


def test_what_the_lasso_holds_can_be_left_out(version: VersionRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = load_samples(DataRef(dataset="p"))["id"].tolist()
    save_map(version, map_coordinates(np.random.default_rng(0).normal(size=(len(ids), 8)), ids))
    assert "Draw a line around some dots" in open_map().info[0].value

    drawn: list[pd.DataFrame] = []

    def caught(points: pd.DataFrame, *_: object) -> list[str]:
        drawn.append(points)
        return ids[:2]

    monkeypatch.setattr(embedding_map, "_draw_map", caught)  # AppTest cannot draw a lasso
    app = open_map()
    assert set(drawn[0]["id"]) == set(ids)
    assert any("**2 images**" in m.value for m in app.markdown)
    next(b for b in app.button if b.label == "Leave these out").click().run()
    newest = datasets.get_version(DataRef(dataset="p"))
    assert (newest.n, newest.dropped) == (version.n - 2, 2)
    assert set(load_samples(DataRef(dataset="p"))["id"]) == set(ids[2:])
