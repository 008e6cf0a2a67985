"""Several images or whole classes changed at once from the overview, and taken back."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data.importing import import_data
from core.data.versions import load_samples
from core.schemas import DataRef, DatasetRecord, VersionRecord
from core.store import datasets
from core.ui.data.classes import make_steps

ROOT = Path(__file__).parents[2]


@pytest.fixture
def images(workspace: Path, tmp_path: Path) -> DatasetRecord:
    rng = np.random.default_rng(0)
    for name in ("cat", "dog", "猫"):
        (tmp_path / "p" / name).mkdir(parents=True)
        for i in range(20):
            Image.fromarray(rng.integers(0, 255, (24, 20, 3), dtype="uint8")).save(tmp_path / "p" / name / f"{i}.png")
    return import_data(tmp_path / "p", name="pictures").dataset


def newest(dataset: DatasetRecord) -> VersionRecord:
    return datasets.get_version(DataRef(dataset=dataset.id))


def labels(dataset: DatasetRecord) -> dict[str, str]:
    return load_samples(DataRef(dataset=dataset.id)).set_index("id")["label"].to_dict()


def choosing(dataset: DatasetRecord) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["dataset"], app.query_params["tab"] = dataset.id, "Overview"
    app.switch_page("pages/data.py")
    return app.run().toggle(key=f"choosing-{newest(dataset).id}").set_value(True).run()


def tick(app: AppTest, dataset: DatasetRecord, *names: str) -> AppTest:
    for name in names:
        app.checkbox(key=f"choose-{newest(dataset).id}-{name}").check().run()
    assert not app.exception
    return app


def test_chosen_images_are_left_out_and_come_back(images: DatasetRecord) -> None:
    first = newest(images)
    app = tick(choosing(images), images, "1-0", "1-3")
    app.button(key="choose-drop").click().run()
    assert set(labels(images)) == {f"1-{i}" for i in range(60)} - {"1-0", "1-3"}
    app.button(key="undo-version").click().run()
    assert not app.exception
    assert newest(images).id == first.id
    assert not [b for b in app.button if b.key == "undo-version"]


def test_a_choice_outlasts_the_page_and_the_filter(images: DatasetRecord) -> None:
    app = tick(choosing(images), images, "1-0")
    app.selectbox(key=f"class-{images.id}").select("猫").run()
    tick(app, images, "1-41")
    app.selectbox(key=f"choose-class-{newest(images).id}").select("dog").run()
    app.button(key="choose-relabel").click().run()
    assert {labels(images)[name] for name in ("1-0", "1-41")} == {"dog"}
    assert sum(label == "dog" for label in labels(images).values()) == 22


def test_a_whole_filter_is_chosen_and_a_tick_taken_away(images: DatasetRecord) -> None:
    app = choosing(images)
    app.button(key="choose-All 60").click().run()
    assert "**60 chosen**" in [m.value for m in app.markdown]
    app.checkbox(key=f"choose-{newest(images).id}-1-2").uncheck().run()
    assert "**59 chosen**" in [m.value for m in app.markdown]
    app.button(key="choose-none").click().run()
    assert app.button(key="choose-drop").disabled


def test_chosen_images_wait_for_the_review(images: DatasetRecord) -> None:
    app = tick(choosing(images), images, "1-1", "1-2")
    app.button(key="choose-review").click().run()
    app.session_state["tab"] = "Findings"
    app.run()
    at = next(i for i, m in enumerate(app.markdown) if "2 images chosen by you" in m.value)
    assert at
    review = [b for b in app.button if b.label == "Review one by one"][-1]
    review.click().run()
    assert not app.exception
    app.button(key="review-drop").click().run()
    app.button(key="review-keep").click().run()
    app.button(key="review-make").click().run()
    assert "1-1" not in labels(images) and "1-2" in labels(images)


def table(**changes: dict[str, object]) -> pd.DataFrame:
    rows = {"Class": ["cat", "dog", "猫"], "New name": ["cat", "dog", "猫"], "Leave out": [False] * 3}
    found = pd.DataFrame(rows)
    for column, values in changes.items():
        for row, value in values.items():
            found.loc[int(row), column.replace("_", " ")] = value
    return found


def test_a_table_of_classes_becomes_steps() -> None:
    assert make_steps(table()) == []
    both = make_steps(table(New_name={"0": " 猫 "}, Leave_out={"1": True}))
    assert [(s.kind, s.params) for s in both] == [
        ("leave_out_classes", {"classes": ["dog"]}),
        ("rename_classes", {"names": {"cat": "猫"}}),
    ]
    # A name that is wiped out changes nothing, and what goes needs no new name.
    assert make_steps(table(New_name={"0": ""})) == []
    assert [s.kind for s in make_steps(table(New_name={"1": "x"}, Leave_out={"1": True}))] == ["leave_out_classes"]
