"""The row “Source” of the train page: offered where columns are shared, part of the run, and taken up again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.data.importing import import_data
from core.jobs import local, queue
from core.schemas import DatasetRecord, TrainingSpec
from core.store import runs

ROOT = Path(__file__).parents[2]


def dataset(folder: Path, name: str, column: str) -> DatasetRecord:
    frame = pd.DataFrame({column: np.random.default_rng(0).normal(size=60), "kind": ["x", "y", "z"] * 20})
    frame.to_csv(folder / f"{name}.csv", index=False)
    return import_data(folder / f"{name}.csv", name=name, target="kind").dataset


@pytest.fixture
def target(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetRecord:
    monkeypatch.setattr(local, "start_worker", lambda *_, **__: (1, 0.0))
    dataset(tmp_path, "stranger", "height")
    dataset(tmp_path, "relative", "Width")
    return dataset(tmp_path, "mine", "width")


def open_page(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=30)
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page("pages/train.py")
    return app.run()


def test_only_tables_that_share_a_column_are_offered_and_the_choice_is_part_of_the_run(target: DatasetRecord) -> None:
    app = open_page(dataset=target.id)
    source = app.multiselect(key="train-source")
    assert len(source.options) == 1
    assert "relative" in source.options[0]
    source.select(source.options[0]).run()
    assert any("In common: width" in c.value for c in app.caption)
    next(b for b in app.button if b.label == "Start").click().run()
    (run,) = runs.list_runs()
    assert run.spec.source
    assert run.spec.source[0].startswith("relative@")
    assert "pretraining" in run.name


def test_only_strategies_that_go_with_the_learner_are_offered_and_the_address_may_name_the_source(
    target: DatasetRecord,
) -> None:
    app = open_page(dataset=target.id, source="relative")
    assert "Pretraining" in app.radio(key="train-carrying").options
    app.radio(key="train-learner").set_value("random_forest").run()
    assert not app.exception
    offered = app.radio(key="train-carrying").options
    assert "Instance weighting" in offered
    assert not {"Pretraining", "Bayesian head"} & set(offered)
    app.radio(key="train-carrying").set_value("instance_weighting").run()
    app.radio(key="option-method").set_value("kliep").run()
    next(b for b in app.button if b.label == "Start").click().run()
    (run,) = runs.list_runs()
    assert (run.spec.strategy, run.spec.method, run.spec.target_labels) == ("instance_weighting", "kliep", "used")


def test_running_again_takes_up_the_source(target: DatasetRecord) -> None:
    run = queue.submit(TrainingSpec(data=target.id, learner="network", source="relative"))
    app = open_page(again=run.id)
    assert app.multiselect(key="train-source").value == list(run.spec.source)
