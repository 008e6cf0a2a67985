"""Searches on their pages: offered while training, listed and opened among the runs, stopped and gone on with."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.data.importing import import_data
from core.jobs import queue, tasks
from core.schemas import DatasetRecord, ResolvedSpec, TrainingSpec, now
from core.store import runs
from core.studies import record as studies
from core.studies import study
from core.studies.record import Range, StudyRecord, StudySpec, Trial

ROOT = Path(__file__).parents[2]
SPACE = {"l2": Range(low=0.1, high=10, log=True), "dropout": (0.0, 0.5)}


@pytest.fixture
def dataset(workspace: Path, tmp_path: Path) -> DatasetRecord:
    path = tmp_path / "rows.csv"
    path.write_text("size,kind\n" + "\n".join(f"{i * i},{'ab'[i % 2]}" for i in range(40)))
    return import_data(path, target="kind", name="Rows").dataset


def searched(dataset: DatasetRecord, n: int = 9, state: str = "ended") -> StudyRecord:
    """A study with `n` trials, the sixth the best; the third ended early, the fourth failed."""
    record = study.create(StudySpec(base=TrainingSpec(data=dataset.id), space=SPACE, trials=n, name="Penalties"))
    trials = []
    for i in range(n):
        spec = ResolvedSpec(data=f"{dataset.id}@{record.version}", learner="network", l2=1.0)
        run = runs.create_run(
            spec, name=f"Penalties · {i + 1}", dataset=dataset.id, version=record.version, test_hash="t", n=40,
            study=record.id,
        )  # fmt: skip
        loss = abs(i - 5) / 10 + 0.1
        metrics = {"accuracy": 0.88, "accuracy_low": 0.85, "accuracy_high": 0.91, "n_test": 100.0}
        metrics |= {"validation_loss": loss, "validation_accuracy": 0.9}
        runs.update_run(run.id, state="succeeded", metrics=metrics, started=now(), finished=now())
        how = {2: "pruned", 3: "failed"}.get(i, "complete")
        values = {"l2": 0.1 + i, "dropout": 0.5 * (i % 2)}
        value = None if how == "failed" else loss
        reason = "Out of luck." if how == "failed" else ""
        trials.append(Trial(number=i, run=run.id, state=how, values=values, value=value, reason=reason))
    studies.write_trials(record.id, trials)
    changes = {
        "state": state,
        "seconds": 70.0,
        "engine": "Optuna, TPESampler",
        "importance": {"l2": 0.8, "dropout": 0.2},
    }
    return studies.write_study(record.model_copy(update=changes))


def open_page(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page(f"pages/{page}.py")
    return app.run()


def text(app: AppTest) -> str:
    assert not app.exception, app.exception
    parts = [*app.subheader, *app.markdown, *app.caption, *app.error, *app.warning]
    return "\n".join(str(p.value) for p in parts).replace("\\", "")


def button(app: AppTest, label: str):
    return next(b for b in app.button if b.label == label)


def test_a_search_says_what_was_best_and_what_the_test_samples_say(dataset):
    said = text(open_page("runs", study=searched(dataset).id))
    assert "Best: trial 6" in said and "l2 5.1" in said
    assert "Validation loss 0.1" in said and "0.88 (0.85–0.91)" in said
    assert "1 trial failed" in said and "Out of luck" in said


def test_its_trials_are_in_its_table_and_in_no_other(dataset):
    record = searched(dataset)
    inside = open_page("runs", study=record.id)
    assert len(inside.dataframe[0].value) == 9
    outside = open_page("runs")
    assert "Penalties" in text(outside) and len(outside.dataframe) == 0


def test_the_best_is_evaluated_and_compared_with_the_first(dataset):
    record = searched(dataset)
    trials = studies.read_trials(record.id)
    app = open_page("runs", study=record.id)
    assert button(app, "Is it better than the first?")
    button(app, "Evaluate the best").click().run()
    assert app.query_params["runs"] == trials[5].run


def test_a_search_whose_process_is_gone_says_so_and_can_go_on(dataset, monkeypatch):
    record = searched(dataset, state="running")
    started = []
    monkeypatch.setattr(tasks, "start", lambda kind, title, **params: started.append((kind, params["study"])))
    app = open_page("runs", study=record.id)
    assert "interrupted" in text(app)
    button(app, "Go on").click().run()
    assert started == [("search", record.id)]
    assert studies.get_study(record.id).spec.trials == 9


def test_an_ended_search_goes_on_with_more_trials(dataset, monkeypatch):
    record = searched(dataset)
    monkeypatch.setattr(tasks, "start", lambda *args, **params: None)
    app = open_page("runs", study=record.id)
    button(app, "10 more trials").click().run()
    assert studies.get_study(record.id).spec.trials == 19


def test_one_that_is_not_there_is_told(dataset):
    searched(dataset)
    app = open_page("runs", study="nothing")
    assert [i.value for i in app.info] == ["This search is not here any more."]


def test_the_train_page_starts_a_search_around_its_settings(dataset, monkeypatch):
    monkeypatch.setattr(tasks, "start", lambda *args, **params: None)
    monkeypatch.setattr(queue, "warm_up_worker", lambda *args: None)
    app = open_page("train", dataset=dataset.id)
    app.session_state["search-fold"] = True
    app.run()
    assert not app.exception, app.exception
    chosen = next(m for m in app.multiselect if m.label == "Settings to search")
    chosen.set_value(["l2", "dropout"]).run()
    button(app, "Start the search").click().run()
    (record,) = studies.list_studies()
    assert set(record.spec.space) == {"l2", "dropout"} and record.spec.trials == study.TRIALS
    assert app.query_params["study"] == record.id
