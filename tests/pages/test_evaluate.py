"""The evaluate page on made-up runs: one, several side by side, folds, tables, and what cannot be judged."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.charts.classes import class_bars
from core.data.importing import import_data
from core.data.versions import load_samples
from core.evaluation.scores import format_spread
from core.export.formats import FORMATS, Exported, FileCheck
from core.inference.explaining.record import ColumnImportance, Dependence, FeatureImportance
from core.jobs import local, tasks
from core.schemas import DataRef, DatasetRecord, Event, Failure, ResolvedSpec, RunRecord
from core.store import files, runs
from core.store.datasets import delete_dataset, get_version
from tests.support import prepared

ROOT = Path(__file__).parents[2]
CLASSES = ["apple", "b_*bird*", "flower"]


def import_images(folder: Path) -> DatasetRecord:
    """Three classes of twenty small pictures; one class has a name that Markdown would mangle."""
    rng = np.random.default_rng(0)
    for c in CLASSES:
        of_class = folder / "pictures" / c
        of_class.mkdir(parents=True)
        for i in range(20):
            Image.fromarray(rng.integers(0, 255, (24, 24, 3), dtype="uint8")).save(of_class / f"{i}.png")
    return import_data(folder / "pictures", name="pictures").dataset


@pytest.fixture
def images(workspace: Path) -> DatasetRecord:
    return prepared.dataset(import_images)


def import_table(folder: Path) -> DatasetRecord:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"width": rng.normal(size=90), "colour": rng.choice(["red", "blue"], 90)})
    frame.assign(kind=np.tile(["x", "y", "z"], 30)).to_csv(folder / "things.csv", index=False)
    return import_data(folder / "things.csv", name="things", target="kind").dataset


@pytest.fixture
def table(workspace: Path) -> DatasetRecord:
    return prepared.dataset(import_table)


def finish(
    dataset: DatasetRecord, name: str, accuracy: float = 0.7, folds: int = 0, seed: int = 0, **spec: object
) -> RunRecord:
    """A run that succeeded, with predictions of about this accuracy for the dataset's newest version."""
    version = get_version(DataRef(dataset=dataset.id))
    ref = DataRef(dataset=dataset.id, version=version.id)
    values = {"data": str(ref), "seed": seed, "folds": folds or None} | spec
    run = runs.create_run(
        ResolvedSpec.model_validate(values),
        name=name, dataset=dataset.id, version=version.id, test_hash=version.test_hash, n=version.n,
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    samples = load_samples(ref)
    samples = samples if folds else samples[samples["part"] != "train"]
    labels = samples["label"].to_numpy(dtype=object)
    successor = dict(zip(version.classes, version.classes[1:] + version.classes[:1], strict=True))
    wrong = [successor[label] for label in labels]
    predicted = np.where(rng.random(len(labels)) < accuracy, labels, wrong)
    rows = samples[["id", "path", "label"]].assign(
        part="test" if folds else samples["part"], fold=np.arange(len(labels)) % folds + 1 if folds else 0,
        predicted=predicted,
    )  # fmt: skip
    for c in version.classes:
        rows[f"p:{c}"] = np.where(predicted == c, 0.8, 0.2 / (len(version.classes) - 1))
    files.write_parquet(runs.run_folder(run.id) / "predictions.parquet", rows.reset_index(drop=True))
    for epoch in (1, 2, 3):
        values = {"loss": 1 / epoch, "val_loss": 1.1 / epoch, "accuracy": 0.5, "val_accuracy": 0.5}
        runs.append_event(run.id, Event(phase="head", epoch=epoch, epochs=3, values=values))
    done = runs.update_run(run.id, state="succeeded", seconds={"fit": 4.0})
    assert done is not None
    return done


def open_page(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=30)
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page("pages/evaluate.py")
    return app.run()


def text(app: AppTest) -> str:
    assert not app.exception, app.exception
    parts = [*app.subheader, *app.markdown, *app.caption, *app.info, *app.warning, *app.error]
    return "\n".join(str(p.value) for p in parts).replace("\\", "")


def tab(name: str, *ids: str) -> AppTest:
    return open_page(runs=",".join(ids), tab=name)


def test_an_empty_workspace_leads_to_training(workspace: Path) -> None:
    app = open_page()
    assert "No run has finished yet" in text(app)
    assert [b.label for b in app.button if b.label == "Train"]


def test_the_newest_run_is_judged_in_words(images: DatasetRecord) -> None:
    finish(images, "first")
    newest = finish(images, "second", accuracy=1.0)
    app = open_page()
    assert app.multiselect[0].value == [newest.id]
    assert "Right on 12 of 12 test images: 1.00 (0.76–1.00)." in text(app)


def test_the_address_says_which_runs(images: DatasetRecord) -> None:
    a, b = finish(images, "a"), finish(images, "b", seed=1)
    finish(images, "c", seed=2)
    app = open_page(runs=f"{b.id},{a.id}")
    assert app.multiselect[0].value == [b.id, a.id]
    app.multiselect[0].set_value([a.id]).run()
    assert app.query_params["runs"] in (a.id, [a.id])
    assert "Right on" in text(app)


def test_a_run_that_is_gone_is_named_and_the_others_shown(images: DatasetRecord) -> None:
    run = finish(images, "still here")
    shown = text(open_page(runs=f"deadbeef,{run.id}"))
    assert "There is no run “deadbeef”" in shown
    assert "Right on" in shown


def test_a_failed_run_tells_why_and_what_to_do(images: DatasetRecord) -> None:
    run = finish(images, "poor thing")
    failure = Failure(kind="out_of_memory", message="The machine ran out of memory.", hint="Use a smaller batch.")
    runs.update_run(run.id, state="failed", failure=failure)
    shown = text(open_page(runs=run.id))
    assert "poor thing: The machine ran out of memory." in shown
    assert "Use a smaller batch." in shown


def test_notes_of_a_run_are_shown(images: DatasetRecord) -> None:
    run = finish(images, "noted")
    runs.update_run(run.id, notes=("Stage one was kept.",))
    assert "Stage one was kept." in text(open_page(runs=run.id))


def test_a_clicked_cell_shows_exactly_its_samples(images: DatasetRecord) -> None:
    run = finish(images, "clicked", accuracy=0.5)
    app = open_page(runs=run.id)
    assert "Click a cell to see its images here." in text(app)
    app.session_state[f"matrix-{run.id}-cell"] = ("b_*bird*", "b_*bird*")
    app.run()
    rows = runs.read_predictions(run.id).query("part == 'test' and label == 'b_*bird*'")
    found = int((rows["predicted"] == rows["label"]).sum())
    assert f"**b_*bird*** found: {found} of {len(rows)}" in text(app)
    assert len(app.get("image")) == found


def test_the_table_of_classes_has_every_class_and_both_averages(images: DatasetRecord) -> None:
    run = finish(images, "classes")
    overall, shown = (table.value for table in tab("Classes", run.id).dataframe)
    assert list(overall.columns) == [
        "Accuracy", "Macro-F1", "Balanced accuracy", "Weighted F1", "MCC", "Cohen's kappa",
    ]  # fmt: skip
    assert list(shown["Class"]) == [*CLASSES, "Macro average", "Weighted average"]
    assert shown["Support"].iloc[:3].sum() == shown["Support"].iloc[3]
    assert shown["F1"].iloc[:4].str.contains(r"\(.*–.*\)").all()


def test_mistakes_are_pictures_in_order_of_confidence(images: DatasetRecord) -> None:
    run = finish(images, "mistaken", accuracy=0.2)
    rows = runs.read_predictions(run.id).query("part == 'test' and label != predicted")
    app = tab("Mistakes", run.id)
    assert not app.exception
    assert len(app.get("image")) == len(rows) > 0


def test_a_table_run_shows_rows_instead_of_pictures(table: DatasetRecord) -> None:
    run = finish(table, "rows", accuracy=0.3, learner="network")
    app = tab("Mistakes", run.id)
    assert "test rows" in text(app)
    shown = app.dataframe[0].value
    assert {"width", "colour", "true", "predicted", "confidence"} <= set(shown.columns)
    assert (shown["true"] != shown["predicted"]).all()


def test_folds_stand_as_mean_deviation_and_each(images: DatasetRecord) -> None:
    run = finish(images, "crossed", folds=3)
    app = tab("Folds", run.id)
    shown = app.dataframe[0].value
    assert list(shown["Fold"]) == [1, 2, 3]
    rows = runs.read_predictions(run.id).query("part == 'test'")
    each = (rows["label"] == rows["predicted"]).groupby(rows["fold"]).mean()
    assert [float(said.split()[0]) for said in shown["Accuracy"]] == pytest.approx(each.to_list(), abs=0.05)
    assert f"**{format_spread(each.mean(), each.std())}**" in text(app)
    assert "not independent" in text(app)
    assert "60 images, each judged by a model that had not seen it" in text(app)


def test_everything_can_be_downloaded(images: DatasetRecord) -> None:
    app = tab("Export", finish(images, "exported").id)
    assert [b.label for b in app.get("download_button")] == ["Predictions", "Confusion matrix", "Table per class"]


@pytest.mark.parametrize("name", ["Classes", "Curves", "Calibration", "Thresholds", "Mistakes", "Slices", "Export"])
def test_every_tab_opens_without_the_dataset(images: DatasetRecord, name: str) -> None:
    run = finish(images, "orphan", backbone="efficientnet_lite0", strategy="linear_probe")
    delete_dataset(images.id)
    app = tab(name, run.id)
    shown = text(app)
    assert "(not here)" in shown and "Right on" in shown
    if name == "Mistakes":
        assert "not in this workspace" in shown and set(app.dataframe[-1].value["true"]) <= set(CLASSES)
    if name == "Slices":
        assert "There is no dataset" in shown


def test_disagreements_are_told_without_the_dataset(images: DatasetRecord) -> None:
    a, b = finish(images, "a"), finish(images, "b", seed=1)
    delete_dataset(images.id)
    assert "not in this workspace" in text(tab("Disagreements", a.id, b.id))


def test_fine_tuning_starts_at_once_and_is_offered_until_it_was_tried(
    images: DatasetRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        local, "start_worker", lambda run_id, on_exit: (os.getpid(), local.creation_time(os.getpid()))
    )
    probe = finish(images, "probe", strategy="linear_probe", backbone="efficientnet_lite0")
    app = open_page(runs=probe.id)
    next(b for b in app.button if b.label == "Try fine-tuning").click().run()
    assert app.title[0].value == "Train"
    started = runs.list_runs(states=["starting"])
    assert [(r.spec.strategy, r.version) for r in started] == [("two_stage", probe.version)]
    tuned = finish(images, "tuned", strategy="two_stage", backbone="efficientnet_lite0")
    for run in (probe, tuned):
        assert "Try fine-tuning" not in [b.label for b in open_page(runs=run.id).button]


def test_compare_puts_the_other_run_of_the_same_test_set_beside(images: DatasetRecord) -> None:
    a = finish(images, "alpha", accuracy=0.0)
    assert not [b for b in open_page(runs=a.id).button if b.label.startswith("Compare")]
    b = finish(images, "beta", accuracy=1.0, seed=1)
    app = open_page(runs=b.id)
    next(button for button in app.button if button.label == "Compare with alpha").click().run()
    assert app.multiselect[0].value == [a.id, b.id]
    assert "beta is better than alpha: +" in text(app)


@pytest.mark.parametrize("name", ["Scores", "Curves", "Settings", "Cost", "Matrices", "Disagreements"])
def test_three_runs_stand_side_by_side_on_every_tab(images: DatasetRecord, name: str) -> None:
    several = [finish(images, n, 0.6, seed=i) for i, n in enumerate(("one", "two", "three"))]
    app = tab(name, *(r.id for r in several))
    shown = text(app)
    pairs = next(t.value for t in app.dataframe if "Accuracy, p" in t.value.columns)
    assert list(zip(pairs["Second"], pairs["First"], strict=True)) == [
        ("one", "two"), ("one", "three"), ("two", "three"),
    ]  # fmt: skip
    assert "No difference shown between any two of these 3 runs" in shown
    assert "Holm" in shown


def test_a_tab_of_the_other_view_in_the_address_falls_back_to_the_first(images: DatasetRecord) -> None:
    a, b = finish(images, "a"), finish(images, "b", seed=1)
    app = tab("Mistakes", a.id, b.id)
    assert not app.exception
    assert list(app.dataframe[0].value["Run"]) == ["a, 2 seeds", "a", "b"]


def test_side_by_side_leaves_out_what_all_names_begin_with(images: DatasetRecord) -> None:
    a, b = finish(images, "Lite0 · linear probe"), finish(images, "Lite0 · linear probe", seed=1)
    app = tab("Scores", a.id, b.id)
    assert list(app.dataframe[0].value["Run"]) == ["Linear probe, 2 seeds", "Linear probe", "Linear probe #2"]


def test_only_the_settings_that_differ_are_listed(images: DatasetRecord) -> None:
    a = finish(images, "a", strategy="linear_probe", l2=5)
    b = finish(images, "b", strategy="two_stage", l2=5, seed=1)
    shown = tab("Settings", a.id, b.id).dataframe[0].value
    assert set(shown["Setting"]) == {"strategy", "seed"}
    assert list(shown.columns) == ["Setting", "a", "b"]


def test_disagreements_count_who_was_right(images: DatasetRecord) -> None:
    a, b = finish(images, "a", 0.1), finish(images, "b", 1.0, seed=1)
    app = tab("Disagreements", a.id, b.id)
    rows = runs.read_predictions(a.id).query("part == 'test'")
    wrong = int((rows["label"] != rows["predicted"]).sum())
    assert f"They differ on {wrong} of 12 images. Right there: **a** 0 times, **b** {wrong} times." in text(app)
    assert len(app.get("image")) == wrong


def test_runs_of_two_datasets_are_not_compared(images: DatasetRecord, table: DatasetRecord) -> None:
    shown = text(open_page(runs=f"{finish(images, 'a').id},{finish(table, 'b').id}"))
    assert "cannot be compared" in shown
    assert "Choose runs of one dataset." in shown


def test_many_runs_on_one_test_set_are_warned_of(images: DatasetRecord) -> None:
    several = [finish(images, "run", seed=i) for i in range(10)]
    assert "10 runs have been judged on this test set" in text(open_page(runs=several[0].id))


def test_the_page_alone_goes_through_the_entry_point(workspace: Path) -> None:
    app = AppTest.from_file(str(ROOT / "pages" / "evaluate.py"), default_timeout=30)
    app.run()
    assert not app.title


def test_a_network_leads_to_the_baseline_that_it_has_to_beat(
    table: DatasetRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        local, "start_worker", lambda run_id, on_exit: (os.getpid(), local.creation_time(os.getpid()))
    )
    network = finish(table, "network", learner="network", seed=3)
    app = open_page(runs=network.id)
    next(b for b in app.button if b.label == "Try logistic regression").click().run()
    assert app.title[0].value == "Train"
    (started,) = runs.list_runs(states=["starting"])
    assert (started.spec.learner, started.spec.seed, started.version) == ("logistic_regression", 3, network.version)
    baseline = finish(table, "baseline", learner="logistic_regression")
    for run in (network, baseline):
        assert "Try logistic regression" not in [b.label for b in open_page(runs=run.id).button]


def test_the_version_is_called_by_its_name(images: DatasetRecord) -> None:
    run = finish(images, "alpha")
    version = get_version(DataRef(dataset=images.id))
    assert f"version {version.name} " in text(open_page(runs=run.id))


def test_runs_of_one_name_are_told_apart_by_their_datasets(images: DatasetRecord, table: DatasetRecord) -> None:
    a, b = finish(images, "alpha"), finish(table, "alpha")
    app = open_page(runs=a.id)
    assert app.multiselect[0].options == [f"alpha · {b.dataset}", f"alpha · {a.dataset}"]


def test_of_many_pairs_those_that_differ_come_first(images: DatasetRecord) -> None:
    several = [finish(images, n, a, seed=i) for i, (n, a) in enumerate((("bad", 0.0), ("good", 1.0), ("fine", 1.0)))]
    app = open_page(runs=",".join(r.id for r in several))
    assert app.subheader[0].value == "2 of 3 differences are shown"
    first = next(m.value for m in app.main.markdown if " is better than " in m.value)
    assert first.count(" is better than ") == 2
    assert "No difference" not in first


def test_names_with_tags_are_shown_as_they_stand() -> None:
    figure = class_bars({"train": {"<b>bold</b>": 3, "a & b": 2}}, ["<b>bold</b>", "a & b"])
    assert list(figure.layout.yaxis.ticktext) == ["&lt;b&gt;bold&lt;/b&gt;", "a &amp; b"]


def scores_of(*several: RunRecord) -> pd.DataFrame:
    tables = [table.value for table in tab("Scores", *(r.id for r in several)).dataframe]
    return next(table for table in tables if "Run" in table.columns)


def test_runs_that_differ_in_their_seed_alone_are_a_group_with_every_member(images: DatasetRecord) -> None:
    several = [finish(images, "probe", 0.7, seed=i) for i in range(3)]
    other = finish(images, "other", 0.7, l2=9)
    shown = scores_of(*several, other)
    assert list(shown["Run"]) == ["probe, 3 seeds", "probe", "probe #2", "probe #3", "other"]
    rows = [runs.read_predictions(r.id).query("part == 'test'") for r in several]
    each = [(r["label"] == r["predicted"]).mean() for r in rows]
    assert shown["Accuracy"].iloc[0] == format_spread(np.mean(each), np.std(each, ddof=1))
    app = open_page(runs=several[0].id)
    next(b for b in app.button if b.label == "See its 3 seeds together").click().run()
    assert set(app.multiselect[0].value) == {r.id for r in several}


def test_improper_probabilities_are_told_and_the_other_run_is_shown(images: DatasetRecord) -> None:
    good, poor = finish(images, "good"), finish(images, "poor", seed=1)
    path = runs.run_folder(poor.id) / "predictions.parquet"
    rows = pd.read_parquet(path)
    rows.loc[rows.index[rows["part"] == "test"][0], "p:apple"] = np.nan
    files.write_parquet(path, rows)
    shown = text(open_page(runs=f"{good.id},{poor.id}"))
    assert "The probabilities of 1 of 12 test samples are not numbers" in shown
    assert "Right on" in shown


def test_a_run_without_test_samples_says_what_to_do(images: DatasetRecord) -> None:
    run = finish(images, "untested")
    path = runs.run_folder(run.id) / "predictions.parquet"
    files.write_parquet(path, pd.read_parquet(path).assign(part="validation"))
    assert "Train again with a share for that part." in text(open_page(runs=run.id))


def test_a_class_without_test_samples_is_named(images: DatasetRecord) -> None:
    run = finish(images, "blind")
    path = runs.run_folder(run.id) / "predictions.parquet"
    files.write_parquet(path, pd.read_parquet(path).query("label != 'flower'").reset_index(drop=True))
    assert "The class “flower” has no test sample" in text(open_page(runs=run.id))


def test_calibration_from_few_samples_is_called_a_guess(
    images: DatasetRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.evaluation.calibration.MIN_SAMPLES", 5)
    shown = text(tab("Calibration", finish(images, "sure", accuracy=0.5).id))
    assert "a temperature of" in shown and "this is a guess" in shown
    assert "never on the test part" in shown


def test_calibration_without_enough_validation_samples_says_so(images: DatasetRecord) -> None:
    assert "Calibration needs 20 validation samples" in text(tab("Calibration", finish(images, "few").id))


def test_curves_name_every_class_with_its_area(images: DatasetRecord) -> None:
    app = tab("Curves", finish(images, "ranked").id)
    table = next(d.value for d in app.dataframe if "AUC" in d.value)
    assert list(table["Class"]) == CLASSES
    assert all("–" in cell for cell in table["AUC"])


def test_a_threshold_chosen_on_validation_is_told_on_the_test_part(images: DatasetRecord) -> None:
    app = tab("Thresholds", finish(images, "chosen").id)
    assert "was chosen on the validation part" in text(app)
    app.number_input[1].set_value(20.0).run()  # a miss becomes dear
    app.slider[0].set_value(0.95).run()
    table = app.dataframe[0].value
    assert table["Precision"][0] == "never predicted"
    assert table["Misses"][0] == 4


def test_folds_have_no_validation_part_to_choose_a_threshold_on(images: DatasetRecord) -> None:
    shown = text(tab("Thresholds", finish(images, "folded", folds=3).id))
    assert "There is no validation part" in shown


def test_answering_only_when_sure_counts_what_is_left(images: DatasetRecord) -> None:
    app = tab("Thresholds", finish(images, "careful").id)
    assert "12 of 12 images are answered (100%)" in text(app)
    app.slider[1].set_value(0.9).run()
    assert "No prediction has that confidence" in text(app)


def test_parts_of_a_table_are_looked_at_by_its_columns(table: DatasetRecord) -> None:
    app = tab("Slices", finish(table, "sliced", folds=3, accuracy=0.7).id)
    assert "parts of the test rows" in text(app) or "Weakest:" in text(app)
    assert set(app.multiselect(key=next(m.key for m in app.multiselect if "slice-by" in (m.key or ""))).options) == {
        "width",
        "colour",
    }


def test_parts_of_images_are_looked_at_by_what_was_measured(images: DatasetRecord) -> None:
    app = tab("Slices", finish(images, "sliced", folds=3).id)
    options = next(m.options for m in app.multiselect if "slice-by" in (m.key or ""))
    assert {"brightness", "contrast", "sharpness"} <= set(options)


def test_similar_classes_side_by_side_keep_every_cell(workspace: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame({"width": np.random.default_rng(0).normal(size=160), "kind": list("abcd") * 40})
    frame.to_csv(tmp_path / "four.csv", index=False)
    run = finish(import_data(tmp_path / "four.csv", name="four", target="kind").dataset, "four classes", accuracy=0.5)
    app = open_page(runs=run.id)
    app.toggle(key=f"matrix-{run.id}-order").set_value(True).run()
    assert not app.exception
    app.segmented_control(key=f"matrix-{run.id}-mode").set_value("By predicted class").run()
    assert not app.exception


def test_where_it_looks_is_shown_for_the_mistakes(images: DatasetRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    run = finish(images, "looked", accuracy=0.2)
    monkeypatch.setattr(tasks, "_launch", lambda task_id: (os.getpid(), local.creation_time(os.getpid())))
    app = tab("Mistakes", run.id)
    app.session_state[f"mistakes-{run.id}-look"] = True
    app.run()
    task = tasks.active_tasks("explain")[0]
    wrong = runs.read_predictions(run.id).query("part == 'test' and label != predicted").set_index("id")
    assert task.params["classes"] == wrong.loc[list(task.params["classes"]), "predicted"].to_dict()
    known = load_samples(DataRef(dataset=images.id)).query("part == 'train'")["id"].iloc[0]
    for name in task.params["classes"]:
        Image.new("RGB", (24, 24)).save(tasks.task_folder(task.id) / f"{name}.webp")
    nearest = {name: [known] for name in task.params["classes"]}
    files.write_json(tasks.task_folder(task.id) / "result.json", {"nearest": nearest})
    tasks.write_task(task.model_copy(update={"state": "succeeded"}))
    before = len(app.get("image"))
    app.run()
    assert not app.exception
    assert len(app.get("image")) == before + 2 * len(nearest)
    sample, newest = next(iter(nearest)), get_version(DataRef(dataset=images.id))
    app.selectbox(key=f"relabel-{newest.id}-{sample}").select("flower").run()
    decided = app.session_state[f"decisions-{newest.id}"]
    assert [(d.sample, d.action, d.label) for d in decided] == [(sample, "relabel", "flower")]
    next(b for b in app.button if b.label == "Decide on the Data page").click().run()
    assert app.title[0].value == "Data"


def test_what_matters_names_the_columns_of_a_table(table: DatasetRecord) -> None:
    run = finish(table, "fitted", learner="logistic_regression")
    columns = (
        ColumnImportance(column="width", drop=0.2, low=0.1, high=0.3),
        ColumnImportance(column="colour", drop=0.0, low=-0.1, high=0.1),
    )
    dependence = Dependence(column="width", values=(0.0, 1.0), probabilities=dict.fromkeys("xyz", (0.3, 0.4)))
    found = FeatureImportance(n=18, accuracy=0.7, columns=columns, dependence=(dependence,))
    task = tasks.TaskRecord(id="looked", kind="matters", title="What matters", params={}, state="succeeded")
    tasks.write_task(task)
    files.write_json(tasks.task_folder(task.id) / "result.json", found.model_dump(mode="json"))
    app = open_page(runs=run.id)
    app.session_state[f"task-matters-{run.id}"] = task.id
    app.query_params["tab"] = "What matters"
    assert "Shuffling “width” costs 20 points of accuracy; no other column" in text(app.run())


def test_only_tables_have_columns_that_matter(images: DatasetRecord) -> None:
    run = finish(images, "photos")
    assert "What matters" not in [t.label for t in open_page(runs=run.id).tabs]


def exported(name: str, run: RunRecord, *, failure: Failure | None = None) -> str:
    """An export that has ended, as its process would leave it."""
    state = "failed" if failure else "succeeded"
    task = tasks.TaskRecord(id=f"made-{name}", kind="export", title="Export", params={}, state=state, failure=failure)
    tasks.write_task(task)
    path = tasks.task_folder(task.id) / f"export{FORMATS[name].endings[0]}"
    path.write_bytes(b"network")
    check = FileCheck(n=12, largest_difference=2e-6, agreement=1.0, per_second=80.0)
    found = Exported(format=name, path=str(path), bytes=7, check=check)
    files.write_json(tasks.task_folder(task.id) / "result.json", found.model_dump(mode="json"))
    return task.id


def test_an_exported_file_comes_with_the_figures_of_its_check(images: DatasetRecord) -> None:
    run = finish(images, "fitted", strategy="linear_probe", backbone="efficientnet_lite0")
    (runs.run_folder(run.id) / "model.keras").touch()
    app = open_page(runs=run.id)
    lost = Failure(kind="bad_data", message="The LiteRT file says something else.", hint="Take another.")
    app.session_state[f"task-export-{run.id}-onnx"] = exported("onnx", run)
    app.session_state[f"task-export-{run.id}-litert"] = exported("litert", run, failure=lost)
    app.query_params["tab"] = "Export"
    shown = text(app.run())
    assert "the same class on 100.0% of 12 images, probabilities at most 2e-06 apart" in shown
    assert "The LiteRT file says something else." in shown
    made = {b.key: b.disabled for b in app.button if str(b.key).startswith("make-")}
    assert "make-onnx" not in made  # it can be downloaded instead
    assert made["make-litert"] is False
    assert "make-bundle" not in made  # that is for tables


def test_a_run_without_a_network_says_why_it_cannot_be_exported(images: DatasetRecord) -> None:
    run = finish(images, "folded", folds=3, strategy="linear_probe", backbone="efficientnet_lite0")
    app = tab("Export", run.id)
    assert not app.exception
    made = {str(b.key).removeprefix("make-"): b for b in app.button if str(b.key).startswith("make-")}
    assert set(made) == {name for name, f in FORMATS.items() if "image" in f.kinds}
    for name, button in made.items():
        needs = "network" in FORMATS[name].needs
        assert not needs or (button.disabled and "folds" in button.help)
    assert not made["run"].disabled


def test_a_source_is_told_against_both_baselines_with_the_weights_of_its_rows(table: DatasetRecord) -> None:
    run = finish(table, "carried", accuracy=0.95, learner="logistic_regression", source=("things@v1",))
    folder = runs.run_folder(run.id)
    others = [
        pd.read_parquet(runs.run_folder(finish(table, name, accuracy=accuracy, seed=1).id) / "predictions.parquet")
        for name, accuracy in (("target_only", 0.1), ("source_only", 0.95))
    ]
    named = [rows.assign(baseline=name) for rows, name in zip(others, ("target_only", "source_only"), strict=True)]
    files.write_parquet(folder / "baselines.parquet", pd.concat(named, ignore_index=True))
    weights = pd.DataFrame({"fold": 0, "label": "x", "weight": [2.0] * 10 + [0.0] * 10})
    files.write_parquet(folder / "weights.parquet", weights)
    shown = text(tab("Transfer", run.id))
    assert "The source helped: +" in shown
    assert "Against the source alone, no difference is shown" in shown
    assert "The 20 source samples count as much as 10 of equal weight" in shown
