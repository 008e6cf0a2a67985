"""Home shows how images are read before they are imported, and lets every decision be changed."""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data.image_reading.folders import Layout
from core.data.image_reading.reading import load_image_reading
from core.data.images.store import ImageStore
from core.schemas import DataRef
from core.store import datasets
from core.ui.shell.reading.image_changes import change_layout

ROOT = Path(__file__).parents[2]


def picture(seed: int, save: Callable[[np.ndarray], Image.Image] = Image.fromarray, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    save(np.random.default_rng(seed).integers(0, 255, (16, 16, 3), dtype="uint8")).save(out, form)
    return out.getvalue()


def images(*folders: str, each: int = 4) -> dict[str, bytes]:
    return {f"{folder}/{i}.png": picture(100 * k + i) for k, folder in enumerate(folders) for i in range(each)}


def drop(files: Mapping[str, bytes | str]) -> AppTest:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    uploader = next(u for u in app.get("file_uploader") if str(u.key).startswith("photos-"))
    uploader.upload("set.zip", buffer.getvalue())
    return app.run()


def text(app: AppTest) -> str:
    assert not app.exception, app.exception
    return "\n".join(str(p.value) for p in (*app.markdown, *app.caption, *app.warning, *app.error)).replace("\\", "")


def imported(app: AppTest) -> datasets.DatasetRecord:
    app.button(key="photos-import").click().run()
    assert not app.error and not app.exception
    (dataset,) = datasets.list_datasets()
    return dataset


def open_tab(dataset: datasets.DatasetRecord, tab: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["dataset"], app.query_params["tab"] = dataset.id, tab
    app.switch_page("pages/data.py")
    return app.run()


def counts(app: AppTest) -> dict[str, int]:
    """The images of each class in the preview."""
    table = app.dataframe[0].value
    return dict(zip(table["Class"], table.drop(columns="Class").sum(axis=1), strict=True))


def test_classes_parts_and_what_is_left_out_are_shown_before_the_import(workspace: Path) -> None:
    app = drop(images("train/ok", "train/bad", "valid/ok", "valid/bad", "test"))
    assert counts(app) == {"bad": 8, "ok": 8}
    assert list(app.dataframe[0].value.columns) == ["Class", "train", "validation"]
    assert "Left out: lies in no class folder (4, in “test”)." in text(app)
    assert not datasets.list_datasets()
    assert imported(app).classes == ("bad", "ok")


def test_second_reading_of_the_folders_can_be_chosen(workspace: Path) -> None:
    app = drop(images("cats/indoor", "cats/outdoor", "dogs/indoor", "dogs/outdoor"))
    assert counts(app) == {"cats": 8, "dogs": 8}
    labels = app.radio(key="photos-tree").options
    assert "cats (8), dogs (8)" in labels[0].replace("\\", "") and "indoor (8)" in labels[1].replace("\\", "")
    app.radio(key="photos-tree").set_value(1).run()
    assert counts(app) == {"indoor": 8, "outdoor": 8}
    assert imported(app).classes == ("indoor", "outdoor")


@pytest.mark.parametrize(("chosen", "classes"), [(0, ("cats", "dogs")), (1, ("ill", "well"))])
def test_classes_that_contradict_each_other_are_asked_about(
    workspace: Path, chosen: int, classes: tuple[str, ...]
) -> None:
    files = images("cats", "dogs")
    rows = [f"{name},{('ill', 'well')[int(name[5]) % 2]}" for name in files]
    app = drop(files | {"labels.csv": "\n".join(["file,label", *rows])})
    assert app.radio(key="photos-tree").value is None and app.button(key="photos-import").disabled
    assert "“labels.csv” name different classes" in text(app)
    app.radio(key="photos-tree").set_value(chosen).run()
    dataset = imported(app)
    version = datasets.get_version(DataRef(dataset=dataset.id))
    assert dataset.classes == classes and "other_reading" not in {one.kind for one in version.findings}


def test_nothing_is_imported_where_no_image_gets_a_class(workspace: Path) -> None:
    app = drop({f"{i}.png": picture(i) for i in range(6)})
    assert "No image gets a class" in text(app) and "such as “0.png”" in text(app)
    assert app.button(key="photos-import").disabled
    app.checkbox(key="photos-unlabelled").check().run()
    assert imported(app).n == 6


def test_classes_in_names_are_proposed_and_can_be_changed(workspace: Path) -> None:
    app = drop({f"{('cat', 'dog')[i % 2]}_{('in', 'out')[i // 2 % 2]}_{i}.png": picture(i) for i in range(24)})
    assert counts(app) == dict.fromkeys(("cat_in", "cat_out", "dog_in", "dog_out"), 6)
    assert "“cat_in_0.png” is “cat_in”" in text(app)
    app.text_input(key="photos-pattern").set_value("cat").run()
    assert "finds no class: it needs a group" in text(app) and app.button(key="photos-import").disabled
    app.text_input(key="photos-pattern").set_value("(cat|dog)_.*").run()
    assert imported(app).classes == ("cat", "dog")


def test_images_without_a_class_become_a_second_dataset_and_that_is_told(workspace: Path) -> None:
    app = drop(images("train/ok", "train/bad", "valid/ok", "valid/bad", "test"))
    app.checkbox(key="photos-rest").check().run()
    app.button(key="photos-import").click().run()
    said = text(app)
    assert "16 of 20 images of set.zip were taken. Left out: lies in no class folder (4, in “test”)" in said
    assert "4 images without a class became a dataset of their own, **set without classes**" in said
    app.button(key="open-rest").click().run()
    assert "unlabelled" in text(app) and "became a dataset" not in text(app)
    assert [button for button in app.button if button.label == "Predict these"]


def test_images_without_a_class_are_brought_in_later(workspace: Path) -> None:
    app = drop(images("train/ok", "train/bad", "valid/ok", "valid/bad", "test"))
    app = open_tab(imported(app), "findings")
    next(button for button in app.button if button.label == "Bring them in without classes").click().run()
    assert "4 images without a class became a dataset of their own" in text(app)
    assert sorted(dataset.n for dataset in datasets.list_datasets()) == [4, 16]


def test_images_are_read_anew_on_the_manage_tab(workspace: Path) -> None:
    dataset = imported(drop(images("cats/indoor", "cats/outdoor", "dogs/indoor", "dogs/outdoor")))
    app = open_tab(dataset, "manage")
    slot = f"reread-{dataset.id}-1"
    app.button(key=slot).click().run()
    app.radio(key=f"{slot}-tree").set_value(1).run()
    app.button(key=f"{slot}-start").click().run()
    assert not app.error and not app.exception
    version = datasets.get_version(DataRef(dataset=dataset.id))
    assert version.classes == ("indoor", "outdoor") and version.imports == (2,)


def test_level_of_the_class_folder_can_be_chosen(workspace: Path) -> None:
    app = drop(images("a/x/u", "a/y/v", "b/z/u", "b/z/v"))
    app.selectbox(key="photos-level-0").select(2).run()
    assert counts(app) == {"u": 8, "v": 8}
    assert imported(app).classes == ("u", "v")


def test_columns_of_a_label_table_can_be_chosen(workspace: Path) -> None:
    rows = [f"{i}.png,{'ab'[i % 2]},{'xyz'[i % 3]}" for i in range(12)]
    app = drop(images("images", each=12) | {"l.csv": "\n".join(["file,label,form", *rows])})
    assert counts(app) == {"a": 6, "b": 6}
    app.selectbox(key="photos-label-l.csv").select("form").run()
    assert counts(app) == {"x": 4, "y": 4, "z": 4}
    assert imported(app).classes == ("x", "y", "z")


def test_ground_and_range_can_be_chosen_and_are_kept(workspace: Path) -> None:
    def deep(pixels: np.ndarray) -> Image.Image:
        return Image.fromarray(pixels[..., 0].astype("uint16") * 16)

    app = drop({f"{c}/{i}.tif": picture(10 * k + i, deep, "TIFF") for k, c in enumerate("ab") for i in range(4)})
    assert app.number_input(key="photos-high").value == 4095
    app.number_input(key="photos-high").set_value(2000).run()
    app.segmented_control(key="photos-ground").set_value("dark").run()
    dataset = imported(app)
    folder = datasets.import_folder(dataset.id, 1)
    rendering = load_image_reading(folder).rendering
    assert (rendering.ground, rendering.low, rendering.high) == ("dark", 0, 2000)
    assert (ImageStore(folder).image(0) == 255).mean() > 0.4


def test_white_below_black_is_refused_in_a_sentence(workspace: Path) -> None:
    def deep(pixels: np.ndarray) -> Image.Image:
        return Image.fromarray(pixels[..., 0].astype("uint16") * 16)

    app = drop({f"{c}/{i}.tif": picture(10 * k + i, deep, "TIFF") for k, c in enumerate("ab") for i in range(4)})
    app.number_input(key="photos-high").set_value(-5).run()
    assert "White must be above black." in text(app)


def test_what_belongs_together_is_proposed_with_examples(workspace: Path) -> None:
    app = drop({f"{'ab'[g % 2]}/film{g:02d}_{i}.png": picture(9 * g + i) for g in range(12) for i in range(3)})
    assert "12 groups belong together by their names, such as a/film00_0.png" in text(app).replace("`", "")
    app.checkbox(key="photos-together").uncheck().run()
    assert "belong together" not in text(app)
    dataset = imported(app)
    assert load_image_reading(datasets.import_folder(dataset.id, 1)).grouping.by == "none"


@pytest.mark.parametrize(
    ("word", "sets", "left_out"),
    [
        ("classes", {}, {}),
        ("training part", {"a": "train"}, {}),
        ("a set, no part", {"a": None}, {}),
        ("left out", {}, {"a": "left out on import"}),
    ],
)
def test_what_a_folder_holds_becomes_the_layout(
    word: str, sets: dict[str, str | None], left_out: dict[str, str]
) -> None:
    for before in (Layout(), Layout(sets={"a": "test"})):
        changed = change_layout(before, 1, {"a": word})
        assert (changed.sets, changed.left_out, changed.class_level) == (sets, left_out, 1)
