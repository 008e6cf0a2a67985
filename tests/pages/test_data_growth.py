"""The tab “How many more?”: offered, drawn, kept, and only where there are labelled images."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.advice.transferability.learning_curve import learning_curve
from core.advice.transferability.record import LearningCurve
from core.data.importing import import_data
from core.jobs import tasks
from core.schemas import DataRef
from core.store import files
from core.ui.data.learning_curve import describe_growth

ROOT = Path(__file__).parents[2]


@pytest.fixture
def finished(monkeypatch: pytest.MonkeyPatch) -> list[LearningCurve]:
    """A task that is done as soon as it is started; what it has found."""
    made: list[LearningCurve] = []

    def start(kind: str, title: str, **params: object) -> tasks.TaskRecord:
        record = tasks.TaskRecord(id="drawn", kind=kind, title=title, params=params, state="succeeded")
        tasks.task_folder(record.id).mkdir(parents=True, exist_ok=True)
        made.append(learning_curve(DataRef.parse(str(params["data"]))))
        files.write_json(tasks.task_folder(record.id) / "result.json", made[0].model_dump(mode="json"))
        tasks.write_task(record)
        return record

    monkeypatch.setattr(tasks, "start", start)
    return made


def open_tab(dataset: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)
    app.query_params["dataset"] = dataset
    app.query_params["tab"] = "How many more?"
    app.switch_page("pages/data.py")
    app.run()
    assert not app.exception
    return app


@pytest.mark.training
def test_a_curve_is_drawn_and_is_there_again(workspace: Path, finished: list[LearningCurve]) -> None:
    dataset = import_data("sample:clipart").dataset
    app = open_tab(dataset.id)
    next(b for b in app.button if b.label == "Draw the curve").click().run()
    assert not app.exception
    again = open_tab(dataset.id)
    for shown in (app, again):
        told = [m.value for m in shown.markdown]
        assert describe_growth(finished[0]) in told
        assert not any(b.label == "Draw the curve" for b in shown.button)
    assert len(finished) == 1


def test_a_table_has_no_such_tab(workspace: Path) -> None:
    app = open_tab(import_data("sample:penguins").dataset.id)
    labels = [tab.label for tab in app.tabs]
    assert "Overview" in labels and "How many more?" not in labels


def test_a_gain_that_is_not_shown_is_not_promised() -> None:
    found = LearningCurve(
        data="d",
        n=100,
        of=100,
        backbone="b",
        image_size=96,
        points=(),
        line=(),
        now=0.8,
        doubled=0.81,
        gain_ci=(0.0, 0.04),
        classes=(),
    )
    assert "It is not certain that twice as many images" in describe_growth(found)
    assert "bring about 1.0 points (0.6 to 4.0)** more than the 80%" in describe_growth(
        found.model_copy(update={"gain_ci": (0.006, 0.04)})
    )
