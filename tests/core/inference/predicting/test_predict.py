"""A run predicts as it was judged, and what it cannot use is told in a sentence."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data.images.store import DatasetImages
from core.data.importing import import_data
from core.data.versions import load_samples
from core.errors import InputError
from core.inference.predicting.model import ImageModel, load_model
from core.inference.predicting.predict import predict, predict_task
from core.inference.predicting.record import TABLE
from core.inference.predicting.sending import add_to_dataset
from core.jobs import tasks
from core.schemas import DataRef, DatasetRecord, RunRecord
from core.store import files, runs
from core.store.datasets import delete_dataset, get_dataset, get_version
from core.training.version_images import VersionImages
from tests.core.training.conftest import lab, penguins, texture, textures, train

__all__ = ["lab", "penguins", "textures", "train"]
pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def image_run(textures: DatasetRecord, train: Callable[..., RunRecord]) -> RunRecord:
    return train(data=textures.id, preset="quick", image_size=64)


@pytest.fixture(scope="module", params=["logistic_regression", "network"])
def table_run(request: pytest.FixtureRequest, penguins: DatasetRecord, train: Callable[..., RunRecord]) -> RunRecord:
    return train(data=penguins.id, learner=request.param)


def test_samples_of_a_dataset_without_classes_are_predicted_under_their_names(
    image_run: RunRecord, table_run: RunRecord, tmp_path: Path
) -> None:
    rng = np.random.default_rng(9)
    for name in ("new/a/0.jpg", "new/a/1.png", "new/b/0.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(texture("specks", rng)).save(tmp_path / name)
    rows(5).to_csv(tmp_path / "rows.csv", index=False)
    for run, source, names in (
        (image_run, tmp_path / "new", ["a/0.jpg", "a/1.png", "b/0.jpg"]),
        (table_run, tmp_path / "rows.csv", [f"row {i}" for i in range(1, 6)]),
    ):
        new = import_data(source, unlabelled=True).dataset
        place = tmp_path / f"of {run.id}"
        place.mkdir()
        outcome = predict_task({"run": run.id, "data": new.id}, place, lambda *_: None)
        assert pd.read_parquet(place / TABLE)["file"].tolist() == names
        assert new.name in outcome["given"] and not (place / "given").exists()


def test_how_many_are_right_is_counted_where_the_class_is_told(
    image_run: RunRecord, table_run: RunRecord, tmp_path: Path
) -> None:
    given = rows(6).assign(species=["Adelie", "Gentoo", "Chinstrap", "no penguin", None, "Adelie"])
    given.to_csv(tmp_path / "rows.csv", index=False)
    outcome = predict(table_run.id, [tmp_path / "rows.csv"], tmp_path)
    said = pd.read_parquet(tmp_path / TABLE)["predicted"]
    assert (outcome.n_known, outcome.known_by) == (4, "species")
    assert outcome.n_right == (said == given["species"]).sum()
    rng = np.random.default_rng(9)
    for folder, n_known in (("checks", 2), ("elsewhere", 0)):
        for name in ("specks", folder):
            place = tmp_path / f"with {folder}" / name / "a.png"
            place.parent.mkdir(parents=True)
            Image.fromarray(texture("specks", rng)).save(place)
        assert predict(image_run.id, [tmp_path / f"with {folder}"], tmp_path / "out" / folder).n_known == n_known


def stored(run: RunRecord, table: pd.DataFrame) -> np.ndarray:
    """The probabilities of the test samples as the run left them."""
    rows = runs.read_predictions(run.id).query("part == 'test'")
    columns = [c for c in table.columns if c.startswith("p:")]
    return rows[["id", *columns]].set_index("id")


@pytest.mark.parametrize("strategy", ["linear_probe", "multi_layer_probe"])
def test_a_solved_head_predicts_what_its_saved_network_does_without_loading_it(
    textures: DatasetRecord, train: Callable[..., RunRecord], strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.transfer.features.multi_layer_probe.is_better", lambda *_: True)
    run = train(data=textures.id, strategy=strategy, image_size=64)
    model = load_model(run.id)
    assert isinstance(model, ImageModel)
    images = VersionImages(get_dataset(run.dataset), load_samples(DataRef.parse(run.spec.data)))
    found, vectors = model.judged(images)
    assert "network" not in vars(model)
    np.testing.assert_allclose(vectors, model.vectors(images), atol=1e-6)
    wanted = model.network.predict_on_batch(images.batch(range(len(images)), 64).astype("float32"))
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    if strategy == "multi_layer_probe":
        assert run.metrics["layers_share"] > 0


def test_test_images_get_the_probabilities_that_the_run_was_judged_by(image_run: RunRecord, tmp_path: Path) -> None:
    images, folder = DatasetImages(image_run.dataset), tmp_path / "given"
    folder.mkdir()
    wanted = runs.read_predictions(image_run.id).query("part == 'test'")
    for sample in wanted["id"]:
        Image.fromarray(images.image(sample)).save(folder / f"{sample}.png")
    outcome = predict(image_run.id, [folder], tmp_path)
    table = pd.read_parquet(tmp_path / TABLE)
    known = stored(image_run, table).loc[table["file"].str.removesuffix(".png")]
    found = table[known.columns]
    assert outcome.n == len(wanted) > 0
    np.testing.assert_allclose(found.to_numpy(), known.to_numpy(), atol=1e-3)


def test_test_rows_get_the_probabilities_that_the_run_was_judged_by(table_run: RunRecord, tmp_path: Path) -> None:
    path = Path("samples/penguins.csv")
    outcome = predict(table_run.id, [path], tmp_path)
    table = pd.read_parquet(tmp_path / TABLE)
    samples = load_samples(DataRef(dataset=table_run.dataset, version=table_run.version)).query("part == 'test'")
    known = stored(table_run, table).loc[samples["id"]]
    found = table.set_index("file").loc[samples["path"], known.columns]
    np.testing.assert_allclose(found.to_numpy(), known.to_numpy(), atol=1e-3)
    calibrated = table[[f"calibrated:{c}" for c in outcome.classes]].to_numpy()
    raw = table[[f"p:{c}" for c in outcome.classes]].to_numpy()
    assert outcome.scaling is not None and outcome.temperature == outcome.scaling.temperature
    np.testing.assert_allclose(calibrated, outcome.scaling(raw))


def test_good_pictures_are_predicted_and_bad_files_named(image_run: RunRecord, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    Image.fromarray(texture("checks", rng)).save(tmp_path / "good.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "good.png").read_bytes()[:60])
    (tmp_path / "letter.pdf").write_bytes(b"%PDF")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    packed = io.BytesIO()
    Image.fromarray(texture("stripes", rng)).save(packed, "PNG")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr("deep/inside.png", packed.getvalue())
    names = ["good.png", "broken.png", "letter.pdf", "empty.zip", "more.zip"]
    outcome = predict(image_run.id, [tmp_path / name for name in names], tmp_path / "out")
    table = pd.read_parquet(tmp_path / "out" / TABLE)
    assert {name.rpartition("/")[2] for name in table["file"]} == {"good.png", "inside.png"}
    assert {s.path for s in outcome.skipped} == {"broken.png", "letter.pdf", "empty.zip"}
    assert (table["confidence"].between(1 / 3, 1)).all()


def test_deep_pictures_are_scaled_as_the_training_pictures_were(
    lab: Path, train: Callable[..., RunRecord], tmp_path: Path
) -> None:
    folder, rng = tmp_path / "deep", np.random.default_rng(0)
    for kind in ("checks", "specks"):
        (folder / kind).mkdir(parents=True)
        for i in range(9):
            grey = texture(kind, rng)[..., 0].astype("uint16") * 16
            Image.fromarray(grey).save(folder / kind / f"{kind}{i}.tif")
    dataset = import_data(folder, name="deep").dataset
    run = train(data=dataset.id, preset="quick", image_size=64)
    delete_dataset(dataset.id)
    brighter = tmp_path / "brighter.tif"
    Image.fromarray(np.full((32, 32), 60_000, "uint16")).save(brighter)
    outcome = predict(run.id, [folder, brighter], tmp_path / "out")
    assert "1 picture holds grey values outside 0 to 4095" in " ".join(outcome.notes)
    assert "1,024 pixels" in " ".join(outcome.notes)
    table = pd.read_parquet(tmp_path / "out" / TABLE).set_index("file")
    judged = runs.read_predictions(run.id)
    judged = judged[judged["part"] == "test"]
    probability = table.loc[judged["path"], [c for c in table.columns if c.startswith("p:")]]
    np.testing.assert_allclose(probability, judged[probability.columns], atol=1e-3)


def test_nothing_but_an_empty_zip_is_a_sentence(image_run: RunRecord, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(InputError, match=r"no picture.*empty\.zip"):
        predict(image_run.id, [tmp_path / "empty.zip"], tmp_path / "out")


def test_a_picture_unlike_the_data_is_flagged(image_run: RunRecord, tmp_path: Path) -> None:
    Image.fromarray(np.full((32, 32, 3), 128, "uint8")).save(tmp_path / "grey.png")
    predict(image_run.id, [tmp_path / "grey.png"], tmp_path / "out")
    assert pd.read_parquet(tmp_path / "out" / TABLE)["unlike"].tolist() == [True]


def rows(n: int = 4) -> pd.DataFrame:
    return pd.read_csv("samples/penguins.csv").drop(columns="species").head(n)


def test_columns_go_by_name_and_what_was_done_is_told(table_run: RunRecord, tmp_path: Path) -> None:
    given = rows(8)[::-1][sorted(rows().columns, reverse=True)].reset_index(drop=True)
    given["note"] = "x"
    given["bill_depth_mm"] = given["bill_depth_mm"].astype("object")
    given.loc[0, "bill_depth_mm"] = "about 18"
    given.loc[1, "island"] = "Mars"
    given.to_csv(tmp_path / "rows.csv", index=False)
    outcome = predict(table_run.id, [tmp_path / "rows.csv"], tmp_path / "out")
    said = " ".join(outcome.notes)
    assert outcome.n == 8
    assert "“note”" in said and "about 18" in said and "“Mars”" in said


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t.drop(columns=["island", "sex"]), "columns “island” and “sex”|columns “sex” and “island”"),
        (
            lambda t: t.assign(bill_length_mm="long"),
            "4 of 4 cells of “bill_length_mm” in “rows.csv” are no number: “long” in row 1",
        ),
    ],
)
def test_other_columns_are_a_sentence(
    table_run: RunRecord, tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], sentence: str
) -> None:
    change(rows()).to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(InputError, match=sentence):
        predict(table_run.id, [tmp_path / "rows.csv"], tmp_path / "out")


@pytest.mark.parametrize("n", [1, 10_000])
def test_one_row_and_ten_thousand(table_run: RunRecord, tmp_path: Path, n: int) -> None:
    pd.concat([rows(100)] * 100).head(n).to_csv(tmp_path / "rows.csv", index=False)
    assert predict(table_run.id, [tmp_path / "rows.csv"], tmp_path / "out").n == n


def test_a_picture_for_a_table_is_a_sentence(table_run: RunRecord, tmp_path: Path) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="trained on a table"):
        predict(table_run.id, [tmp_path / "a.png"], tmp_path / "out")


def test_a_cross_validated_run_says_why_it_cannot_predict(
    penguins: DatasetRecord, train: Callable[..., RunRecord], tmp_path: Path
) -> None:
    run = train(data=penguins.id, learner="logistic_regression", folds=2)
    with pytest.raises(InputError, match="cross-validated"):
        predict(run.id, [Path("samples/penguins.csv")], tmp_path)


def test_what_a_person_names_becomes_a_labelled_sample_of_a_new_version(
    image_run: RunRecord, table_run: RunRecord, tmp_path: Path
) -> None:
    for run, paths, label in (
        (image_run, ["a.png", "b.png"], "specks"),
        (table_run, ["rows.csv"], "Gentoo"),
    ):
        rng = np.random.default_rng(9)
        for name in ("a.png", "b.png"):
            Image.fromarray(texture("specks", rng)).save(tmp_path / name)
        rows(5).to_csv(tmp_path / "rows.csv", index=False)
        before = get_version(DataRef(dataset=run.dataset))
        task = tasks.TaskRecord(id=f"t{run.id}", kind="predict", title="", params={})
        tasks.write_task(task)
        outcome = predict(run.id, [tmp_path / name for name in paths], tasks.task_folder(task.id))
        files.write_text(tasks.task_folder(task.id) / "result.json", outcome.model_dump_json())
        made = add_to_dataset(task.id, {0: label, 1: label}).version
        after = load_samples(DataRef(dataset=run.dataset)).query("import_number > 1")
        kept = load_samples(DataRef(dataset=run.dataset, version=before.id)).set_index("id")["part"]
        assert made.split.follows == before.id and made.n == before.n + 2
        assert after["label"].tail(2).tolist() == [label, label]
        now = load_samples(DataRef(dataset=run.dataset)).set_index("id")["part"]
        assert (now[kept.index] == kept).all()


@pytest.mark.parametrize("form", ["german", "codes", "sheet"])
def test_the_training_file_itself_is_predicted_as_the_run_left_it(
    form: str, train: Callable[..., RunRecord], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    n = 90
    code, price = rng.choice(["00412", "00413", "A17", "NA"], n), rng.uniform(300, 9000, n).round(2)
    kind = np.where((code == "NA") | (price > 6000), "None", "gut")
    table = pd.DataFrame({"artikel": code, "preis": price, "größe": rng.normal(5, 1, n).round(2), "art": kind})
    path = tmp_path / f"{form}.csv"
    if form == "german":
        said = table.assign(
            preis=[f"{x:,.2f}".replace(",", "#").replace(".", ",").replace("#", ".") for x in price],
            größe=[f"{x:.2f}".replace(".", ",") for x in table["größe"]],
        )
        lines = said.to_csv(sep=";", index=False).replace("art\n", "art\n;EUR;cm;\n", 1)
        path.write_bytes(("Preisliste 2025\n\n" + lines).encode("cp1252"))
    elif form == "codes":
        path.write_text("# exported\n" + table.to_csv(index=False))
    else:
        path = tmp_path / "sheet.parquet"
        table.to_parquet(path)
    dataset = import_data(path, name=f"Articles, {form}", target="art").dataset
    assert (dataset.n, dataset.classes) == (n, ("None", "gut"))
    run = train(data=dataset.id, learner="logistic_regression")
    predict(run.id, [path], tmp_path / "out")
    found = pd.read_parquet(tmp_path / "out" / TABLE).set_index("file")["predicted"]
    rows = runs.read_predictions(run.id)
    columns = [name for name in rows.columns if name.startswith("p:")]
    left = rows.set_index("id")[columns].idxmax(axis=1).str.removeprefix("p:")
    samples = load_samples(DataRef(dataset=dataset.id)).set_index("id").loc[left.index]
    assert (found.loc[samples["path"]].to_numpy() == left.to_numpy()).all() and len(found) == n
