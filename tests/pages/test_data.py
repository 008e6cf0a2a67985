"""The data page: what a dataset holds, its findings, its split and versions, and managing it."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data.importing import import_data
from core.data.versions import load_column_profile, load_samples, load_table, make_version, next_version
from core.errors import NotFoundError
from core.jobs import tasks
from core.schemas import DataRef, DatasetRecord, Recipe, ResolvedSpec, Split, Step
from core.store import datasets, runs
from core.ui.data.overview import EVERY, PICTURES
from tests.support import prepared

ROOT = Path(__file__).parents[2]
CLASSES = ["apple", "b_*bird*"]


def pictures(folder: Path, each: int = 20, seed: int = 0) -> Path:
    """Two classes of small pictures, one with a name that Markdown would mangle; the last picture cannot be read."""
    rng = np.random.default_rng(seed)
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for i in range(each):
            Image.fromarray(rng.integers(0, 255, (24, 20, 3), dtype="uint8")).save(folder / name / f"{i}.png")
    (folder / CLASSES[0] / "broken.png").write_bytes(b"no picture")
    return folder


def import_images(folder: Path) -> DatasetRecord:
    return import_data(pictures(folder / "pictures"), name="pictures").dataset


@pytest.fixture
def images(workspace: Path) -> DatasetRecord:
    return prepared.dataset(import_images)


@pytest.fixture
def penguins(workspace: Path) -> DatasetRecord:
    return prepared.sample("penguins")


def open_data(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page("pages/data.py")
    return app.run()


def text(app: AppTest) -> str:
    assert not app.exception, app.exception
    parts = [
        *app.title,
        *app.subheader,
        *app.markdown,
        *app.caption,
        *app.info,
        *app.success,
        *app.warning,
        *app.error,
    ]
    return "\n".join(str(p.value) for p in parts).replace("\\", "")


def press(app: AppTest, label: str) -> AppTest:
    return next(b for b in app.button if b.label == label).click().run()


def finished_run(dataset: DatasetRecord) -> None:
    version = datasets.get_version(DataRef(dataset=dataset.id))
    spec = ResolvedSpec(data=dataset.id)
    run = runs.create_run(spec, name="r", dataset=dataset.id, version=version.id, test_hash=version.test_hash, n=9)
    runs.update_run(run.id, state="succeeded")


def test_without_data_the_page_leads_to_bringing_some(workspace: Path) -> None:
    app = open_data()
    assert "There is no data yet" in text(app)
    assert text(press(app, "Bring data in")).startswith("Teach a model")


def test_the_page_alone_goes_through_the_entry_point(workspace: Path) -> None:
    app = AppTest.from_file(str(ROOT / "pages" / "data.py"), default_timeout=30).run()
    assert not app.title


def test_a_dataset_that_is_gone_is_named_and_another_shown(images: DatasetRecord) -> None:
    shown = text(open_data(dataset="nowhere"))
    assert "There is no dataset “nowhere”." in shown
    assert "40 images · 2 classes" in shown


def test_another_dataset_is_picked_and_stands_in_the_address(images: DatasetRecord, penguins: DatasetRecord) -> None:
    app = open_data(dataset=images.id)
    app.selectbox(key="data-dataset").select(penguins.id).run()
    assert "344 rows · 3 classes" in text(app)
    assert app.query_params["dataset"] in (penguins.id, [penguins.id])


def test_train_on_this_leads_to_training_with_it(images: DatasetRecord, penguins: DatasetRecord) -> None:
    app = press(open_data(dataset=images.id), "Train on this")
    assert [t.value for t in app.title] == ["Train"]
    assert app.selectbox(key="train-dataset").value == images.id


@pytest.mark.parametrize("tab", ["Overview", "Findings", "Split", "Versions", "Manage"])
def test_every_tab_can_be_addressed_for_images_and_tables(
    images: DatasetRecord, penguins: DatasetRecord, tab: str
) -> None:
    for dataset in (images, penguins):
        app = open_data(dataset=dataset.id, tab=tab)
        assert app.session_state["tab"] == tab
        assert "findings" in text(app) or "finding" in text(app)


def test_the_gallery_shows_the_chosen_class_and_part_a_page_at_a_time(images: DatasetRecord) -> None:
    app = open_data(dataset=images.id)
    squares = len(app.get("image")) - PICTURES
    assert "40 images" in text(app)
    app.selectbox(key=f"class-{images.id}").select("b_*bird*").run()
    app.session_state[f"part-{images.id}"] = "test"
    app.run()
    samples = load_samples(DataRef(dataset=images.id, part="test"))
    n = int((samples["label"] == "b_*bird*").sum())
    assert f"{n} images" in text(app)
    assert len(app.get("image")) - squares == n
    assert "b_*bird*  \ntest" in text(app)


def test_a_table_shows_its_missing_cells_and_only_those_rows_on_request(penguins: DatasetRecord) -> None:
    table, schema = load_table(DataRef(dataset=penguins.id))
    app = open_data(dataset=penguins.id)
    app.toggle(key=f"incomplete-{penguins.id}").set_value(True).run()
    shown = app.dataframe[0].value
    assert len(shown) == int(table.isna().any(axis=1).sum())
    assert int(shown.isna().sum().sum()) == int(table.isna().sum().sum())
    profile = app.dataframe[1].value.set_index("Column")
    assert list(profile.index) == [column.name for column in schema.columns]
    assert profile.loc["sex", "Missing"] == table["sex"].isna().sum()


def test_a_column_left_out_is_listed_with_the_reason(workspace: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"number": range(30), "size": rng.normal(size=30), "colour": np.resize(["red", "blue"], 30)})
    frame.assign(kind=np.tile(["x", "y"], 15)).to_csv(tmp_path / "t.csv", index=False)
    dataset = import_data(tmp_path / "t.csv", target="kind").dataset
    profile = load_column_profile(datasets.get_version(DataRef(dataset=dataset.id))).set_index("Column")
    assert profile.loc["number", "Kind"] == "left out"
    assert "numbers the rows" in profile.loc["number", "Values"]
    assert profile.loc["size", "Values"].startswith(f"{frame['size'].min():g} to {frame['size'].max():g}")
    assert profile.loc["colour", "Values"] in ("blue 15, red 15", "red 15, blue 15")


def test_findings_tell_what_was_refused_and_why(images: DatasetRecord) -> None:
    app = open_data(dataset=images.id, tab="Findings")
    assert "1 image file could not be used." in text(app)
    refused = app.dataframe[0].value
    assert list(refused["What"]) == ["apple/broken.png"]
    assert refused["Why"].str.len().min() > 0


def test_the_evidence_of_a_finding_is_shown_when_asked_for(workspace: Path) -> None:
    dataset = prepared.sample("clipart")
    version = datasets.get_version(DataRef(dataset=dataset.id))
    number, torn = next((i, f) for i, f in enumerate(version.findings) if f.severity == "error")
    app = open_data(dataset=dataset.id, tab="Findings")
    before = len(app.get("image"))
    app.session_state[f"finding-{version.id}-{number}"] = True
    app.run()
    assert len(app.get("image")) == before + len(torn.samples)


def test_no_finding_says_what_was_looked_for(workspace: Path, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "clean")
    (folder / CLASSES[0] / "broken.png").unlink()
    dataset = import_data(folder).dataset
    assert "Nothing was found. Looked for: unreadable, exact duplicate" in text(
        open_data(dataset=dataset.id, tab="Findings")
    )


def test_a_new_split_is_a_new_version_with_the_shares_asked_for(images: DatasetRecord) -> None:
    app = open_data(dataset=images.id, tab="Split")
    assert "duplicates are kept together" in text(app)
    assert "Runs are compared on the test samples they share" in text(app)
    shares = {n.label: n for n in app.number_input}
    shares["Validation share (%)"].set_value(10)
    shares["Test share (%)"].set_value(50)
    shares["Seed"].set_value(7)
    press(app, "Make this split")
    version = datasets.get_version(DataRef(dataset=images.id))
    assert version.id != images.version
    assert (version.split.test, version.split.seed) == (0.5, 7)
    assert sum(version.counts["test"].values()) == 20
    assert len(datasets.list_versions(images.id)) == 2


def test_a_split_that_leaves_nothing_to_train_on_is_refused(images: DatasetRecord) -> None:
    app = open_data(dataset=images.id, tab="Split")
    shares = {n.label: n for n in app.number_input}
    shares["Validation share (%)"].set_value(50)
    shares["Test share (%)"].set_value(50)
    assert "leave nothing to train on" in text(press(app, "Make this split"))
    assert len(datasets.list_versions(images.id)) == 1


def test_a_table_can_be_divided_by_time(penguins: DatasetRecord) -> None:
    app = open_data(dataset=penguins.id, tab="Split")
    by = next(s for s in app.selectbox if s.label == "Divide by time")
    by.set_value("year")
    press(app, "Make this split")
    version = datasets.get_version(DataRef(dataset=penguins.id))
    assert version.split.time == "year"
    samples = load_samples(DataRef(dataset=penguins.id))
    years = load_table(DataRef(dataset=penguins.id))[0]["year"].to_numpy()
    assert years[samples["part"] == "train"].max() < years[samples["part"] == "test"].min()
    assert "Older rows are for training" in text(app)


def test_folds_show_what_each_judges(penguins: DatasetRecord) -> None:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["dataset"], app.query_params["tab"] = penguins.id, "Split"
    app.session_state[f"folds-{penguins.version}"] = True
    app.switch_page("pages/data.py")
    app.run()
    assert "tests every sample once" in text(app)
    k = next(n for n in app.number_input if n.label == "Folds")
    assert "too few for" not in text(app)
    assert len(app.get("plotly_chart")) == 2
    assert not k.set_value(20).run().exception


def test_counts_of_a_split_add_up(images: DatasetRecord) -> None:
    table = open_data(dataset=images.id, tab="Split").dataframe[0].value.set_index("Class")
    assert list(table.index) == [*CLASSES, "All classes"]
    assert (table[["Train", "Validation", "Test"]].sum(axis=1) == table["All"]).all()
    assert table.loc["All classes", "All"] == images.n


def test_a_version_can_be_renamed(images: DatasetRecord) -> None:
    app = open_data(dataset=images.id, tab="Versions")
    app.text_input(key=f"name-{images.version}").set_value("raw")
    app.button(key=f"renamed-{images.version}").click().run()
    assert datasets.get_version(DataRef.parse(f"{images.id}@raw")).id == images.version
    assert "**raw** :green-badge[newest]" in text(app)


def test_a_version_can_be_deleted_and_the_newest_is_marked(images: DatasetRecord) -> None:
    newer = make_version(images.id, split=Split(seed=3))
    app = open_data(dataset=images.id, tab="Versions")
    assert f"**v2** :green-badge[newest] `{newer.id}`" in text(app)
    app.button(key=f"really-{newer.id}").click().run()
    assert [v.id for v in datasets.list_versions(images.id)] == [images.version]
    assert f"**v1** :green-badge[newest] `{images.version}`" in text(app)
    assert not [b for b in app.button if str(b.key).startswith("really-")], "the last version stays"


def test_a_dataset_is_renamed_and_a_taken_name_is_refused(images: DatasetRecord, penguins: DatasetRecord) -> None:
    app = open_data(dataset=images.id, tab="Manage")
    app.text_input[0].set_value("Garden")
    press(app, "Rename")
    assert datasets.get_dataset(images.id).name == "Garden"
    app.text_input[0].set_value(penguins.name)
    assert f"There is already a dataset “{penguins.name}”." in text(press(app, "Rename"))


def test_deleting_asks_first_and_says_what_hangs_on_it(images: DatasetRecord) -> None:
    finished_run(images)
    app = open_data(dataset=images.id, tab="Manage")
    assert "1 run used it" in text(app)
    assert datasets.get_dataset(images.id), "asking deletes nothing"
    press(app, "Delete for good")
    with pytest.raises(NotFoundError):
        datasets.get_dataset(images.id)
    assert len(runs.list_runs(dataset=images.id)) == 1


def test_a_dataset_that_a_run_is_at_work_on_is_not_deleted(images: DatasetRecord) -> None:
    spec = ResolvedSpec(data=images.id)
    runs.create_run(spec, name="busy", dataset=images.id, version=images.version, test_hash="", n=9)
    app = open_data(dataset=images.id, tab="Manage")
    assert "“busy” is at work on it" in text(app)
    assert next(b for b in app.button if b.label == "Delete for good").disabled


def test_more_images_become_a_further_import(images: DatasetRecord, tmp_path: Path) -> None:
    import shutil

    archive = shutil.make_archive(str(tmp_path / "more"), "zip", pictures(tmp_path / "again", each=5, seed=9))
    app = open_data(dataset=images.id, tab="Manage")
    app.get("file_uploader")[0].upload("more.zip", Path(archive).read_bytes())
    app.run()
    assert "50 images · 2 classes" in text(app)
    assert [record.source for record in datasets.get_dataset(images.id).imports] == ["pictures", "more.zip"]


def test_an_unlabelled_dataset_offers_neither_split_nor_training(workspace: Path, tmp_path: Path) -> None:
    dataset = import_data(pictures(tmp_path / "p"), unlabelled=True).dataset
    app = open_data(dataset=dataset.id)
    assert [t.label for t in app.tabs] == ["Overview", "Findings", "Map", "Domain", "Versions", "Manage"]
    assert not [b for b in app.button if b.label == "Train on this"]
    assert EVERY not in [s.value for s in app.selectbox]


def test_versions_with_the_same_test_part_say_so(penguins: DatasetRecord) -> None:
    first = datasets.get_version(DataRef(dataset=penguins.id))
    imputed = Recipe(steps=(Step(kind="impute"),))
    same = next_version(first, imputed)
    make_version(penguins.id, imputed, Split(seed=7))
    shown = text(open_data(dataset=penguins.id, tab="Versions"))
    assert f"test part as in {same.name}" in shown and f"test part as in {first.name}" in shown
    assert shown.count("test part as in") == 2


@pytest.mark.training
def test_a_version_is_made_a_file_and_taken_away(penguins: DatasetRecord) -> None:
    app = open_data(dataset=penguins.id, tab="Versions")
    app.session_state["download-version"] = True
    app.run()
    app.button(key="download-make").click().run()
    end = time.monotonic() + 60
    while tasks.active_tasks("download"):
        assert time.monotonic() < end
        time.sleep(0.1)
    app.run()
    assert not app.exception
    (made,) = (tasks.task_folder("")).glob("*/version.csv")
    assert len(pd.read_csv(made)) == 344
    assert [b.label for b in app.download_button] == ["Download"]
