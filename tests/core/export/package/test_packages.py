"""A package predicts original files as Graft does, by its own script and without Graft."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data.importing import import_data
from core.data.tables.readings import import_reading
from core.data.versions import make_version
from core.export.exporting import export_run
from core.inference.predicting.predict import predict
from core.inference.predicting.record import TABLE
from core.schemas import DatasetRecord, Recipe, RunRecord, Step
from core.store.datasets import import_folder
from tests.core.training.conftest import lab, texture, textures, train

__all__ = ["lab", "textures", "train"]
pytestmark = pytest.mark.training
TOLD_IN_GRAFT = ["unlike", "distance", "nearest"]  # by the training samples, which stay there


def unpacked(run: RunRecord, wanted: str, folder: Path) -> Path:
    export_run(run.id, wanted, folder / "model.zip")
    with zipfile.ZipFile(folder / "model.zip") as archive:
        archive.extractall(folder)
    return folder / "model"


def by_script(package: Path, *files: Path, returned: int = 0) -> tuple[pd.DataFrame, str]:
    """What `predict.py` writes for files, in a process that does not find Graft, and what it says."""
    out = package / "out.csv"
    command = [sys.executable, "-I", str(package / "predict.py"), *map(str, files), "--out", str(out)]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, check=False)
    assert done.returncode == returned, done.stderr
    return (pd.read_csv(out, keep_default_na=False) if out.exists() else pd.DataFrame()), done.stderr


def by_graft(run: RunRecord, folder: Path, *files: Path) -> pd.DataFrame:
    predict(run.id, files, folder)
    return pd.read_parquet(folder / TABLE)


def check_same(script: pd.DataFrame, graft: pd.DataFrame) -> None:
    graft = graft.drop(columns="nearest")
    assert list(script.columns) == list(graft.columns)
    assert list(script["file"]) == list(graft["file"])
    assert (script["predicted"] == graft["predicted"]).all()
    numbers = [name for name in graft if name not in ("file", "predicted", *TOLD_IN_GRAFT)]
    np.testing.assert_allclose(script[numbers].to_numpy("float64"), graft[numbers].to_numpy("float64"), atol=1e-3)


@pytest.fixture(scope="module")
def ugly_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What people have: a palette, transparency, CMYK, 16 bits, a turned JPEG, a large one, a name with an umlaut."""
    folder, rng = tmp_path_factory.mktemp("ugly"), np.random.default_rng(3)
    kinds = ["checks", "specks", "stripes"]

    def picture(i: int, side: int = 48) -> Image.Image:
        return Image.fromarray(texture(kinds[i % 3], rng, side))

    picture(0).convert("P").save(folder / "palette.png")
    alpha = picture(1).convert("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize(alpha.size))
    alpha.save(folder / "alpha.png")
    picture(2).convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(0).save(folder / "turned ä.jpg", exif=exif)
    picture(1, 700).save(folder / "large.webp")
    deep = np.asarray(picture(2).convert("L")).astype("uint16") * 257
    Image.fromarray(deep).save(folder / "deep.png")
    (folder / "sub").mkdir()
    picture(0).convert("L").save(folder / "sub" / "GREY.BMP")
    return folder


@pytest.fixture(scope="module")
def image_run(textures: DatasetRecord, train: Callable[..., RunRecord]) -> RunRecord:
    return train(data=textures.id, preset="quick", image_size=64)


@pytest.mark.parametrize("wanted", ["onnx", "litert"])
def test_pictures_of_any_kind_are_predicted_as_in_graft(
    image_run: RunRecord, ugly_pictures: Path, tmp_path: Path, wanted: str
) -> None:
    package = unpacked(image_run, wanted, tmp_path)
    found, said = by_script(package, ugly_pictures)
    assert len(found) == 7 and "7 pictures" in said
    check_same(found, by_graft(image_run, tmp_path / "graft", ugly_pictures))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    refused, said = by_script(package, tmp_path / "broken.jpg", ugly_pictures / "large.webp")
    assert refused["file"].tolist() == ["large.webp"] and "broken.jpg: " in said


@pytest.mark.parametrize(
    "given", [["batch"], ["batch/new", "sub"], ["sub/a.png", "batch/new/a.png", "batch/new/b.png"]]
)
def test_pictures_are_called_and_sorted_as_in_graft(
    image_run: RunRecord, ugly_pictures: Path, tmp_path: Path, given: list[str]
) -> None:
    for name in ("batch/new/b.png", "batch/new/a.png", "batch/new/pred/c.png", "sub/a.png", "batch/Thumbs.db"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ugly_pictures / "alpha.png", tmp_path / name)
    files = [tmp_path / name for name in given]
    found, _ = by_script(unpacked(image_run, "onnx", tmp_path), *files)
    check_same(found, by_graft(image_run, tmp_path / "graft", *files))


def test_the_onnx_file_says_what_it_takes_and_gives(image_run: RunRecord, tmp_path: Path) -> None:
    import json

    import onnxruntime

    export_run(image_run.id, "onnx", tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].type == "tensor(uint8)"
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["classes"]) == ["checks", "specks", "stripes"]


@pytest.fixture(scope="module")
def german_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Semicolons, decimal commas, points of thousands, spellings that differ, cells without a number, Latin-1."""
    path, rng = tmp_path_factory.mktemp("german") / "käufe.csv", np.random.default_rng(0)
    lines = ["Preis;Stadt;gekauft am;Gewicht;Klasse"]
    for i in range(160):
        dear = i % 2
        price = f"{rng.normal(900 + 800 * dear, 250):,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")
        city = rng.choice(["Köln", "köln ", "KÖLN"] if dear else ["Düsseldorf", "DÜSSELDORF", " düsseldorf"])
        weight = "n.a." if i % 40 == 7 else f"{rng.normal(2.4, 0.5):.2f}".replace(".", ",")
        lines.append(
            f"{price};{city};{1 + i % 28:02d}.{1 + i % 12:02d}.2025;{weight};{'teuer' if dear else 'günstig'}"
        )
    path.write_bytes("\r\n".join(lines).encode("latin-1"))
    return path


@pytest.mark.parametrize("learner", ["logistic_regression", "random_forest", "network"])
def test_a_table_is_predicted_from_its_original_file(
    lab: Path, german_table: Path, train: Callable[..., RunRecord], tmp_path: Path, learner: str
) -> None:
    dataset = import_data(german_table, target="Klasse", name=f"Käufe {learner}").dataset
    recipe = Recipe(steps=(Step(kind="merge_spellings", params={"columns": ["Stadt"]}),))
    version = make_version(dataset.id, recipe=recipe)
    run = train(data=f"{dataset.id}@{version.id}", learner=learner)
    package = unpacked(run, "bundle", tmp_path)
    found, _ = by_script(package, german_table)
    assert len(found) == 160
    check_same(found, by_graft(run, tmp_path / "graft", german_table))
    requirements = (package / "requirements.txt").read_text()
    assert ("tensorflow" in requirements) == (learner == "network")
    assert "streamlit" not in requirements


def test_a_learner_of_graft_s_own_is_unpickled_without_graft(
    lab: Path, german_table: Path, train: Callable[..., RunRecord], tmp_path: Path
) -> None:
    dataset = import_data(german_table, target="Klasse", name="Käufe gestapelt").dataset
    run = train(data=dataset.id, learner="stacking")
    found, _ = by_script(unpacked(run, "bundle", tmp_path), german_table)
    check_same(found, by_graft(run, tmp_path / "graft", german_table))


def test_a_table_without_a_column_is_refused_by_a_sentence(
    lab: Path, german_table: Path, train: Callable[..., RunRecord], tmp_path: Path
) -> None:
    dataset = import_data(german_table, target="Klasse", name="Käufe").dataset
    package = unpacked(train(data=dataset.id, learner="logistic_regression"), "bundle", tmp_path)
    short = tmp_path / "short.csv"
    short.write_text("Preis;Stadt\n1.200,00;Bonn\n", encoding="utf-8")
    _, said = by_script(package, short, returned=2)
    assert "lacks" in said and "Gewicht" in said and "Traceback" not in said


def test_an_import_that_is_read_otherwise_does_not_stop_an_export(
    lab: Path, german_table: Path, train: Callable[..., RunRecord], tmp_path: Path
) -> None:
    """The run reads new files as its first import, so that a larger second one with decimal points tells nothing."""
    dataset = import_data(german_table, target="Klasse", name="Zwei Mundarten").dataset
    reading = json.loads(import_reading(import_folder(dataset.id, 1)).model_dump_json())
    header, *lines = german_table.read_text("latin-1").splitlines()
    points = [line.translate(str.maketrans(".,", ",.")) for line in lines]
    dates = [re.sub(r"(\d\d),(\d\d),(2025)", r"\1.\2.\3", line).replace("n,a,", "n.a.") for line in points]
    second = tmp_path / "english.csv"
    second.write_text("\n".join([header, *dates, *dates]), "latin-1")
    import_data(second, into=dataset.id, reading=reading | {"decimal": ".", "thousands": ","})
    run = train(data=dataset.id, learner="logistic_regression")
    found, _ = by_script(unpacked(run, "bundle", tmp_path), german_table)
    check_same(found, by_graft(run, tmp_path / "graft", german_table))


def test_a_column_that_was_called_numeric_does_not_stop_an_export(
    lab: Path, train: Callable[..., RunRecord], tmp_path: Path
) -> None:
    lines = [f"{i % 2 + 0.01 * (i % 7)},{'n/k' if i % 3 else i % 5},{'ab'[i % 2]}" for i in range(90)]
    table = tmp_path / "forced.csv"
    table.write_text("\n".join(["size,count,kind", *lines]))
    columns = {"count": {"type": "numeric"}}
    dataset = import_data(table, target="kind", columns=columns, name="Forced").dataset
    run = train(data=dataset.id, learner="logistic_regression")
    assert (unpacked(run, "bundle", tmp_path) / "predict.py").exists()
