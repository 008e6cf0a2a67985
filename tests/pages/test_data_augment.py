"""The augment tab: what was found stands beside the setting it is about, and the choice reaches the train page."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data.augmentation import AUGMENTATIONS
from core.data.findings.label_safety import Drop, Flip, LabelSafety, TransformSafety, Verdict, save_label_safety
from core.data.importing import import_data
from core.jobs import tasks
from core.schemas import Augmentation, DataRef, DatasetRecord, VersionRecord
from core.store import datasets
from tests.support import prepared

ROOT = Path(__file__).parents[2]


def import_version(folder: Path) -> DatasetRecord:
    rng = np.random.default_rng(0)
    for name in ("6", "9*"):
        (folder / "p" / name).mkdir(parents=True)
        for i in range(12):
            Image.fromarray(rng.integers(0, 255, (30, 30, 3), dtype="uint8")).save(folder / "p" / name / f"{i}.png")
    return import_data(folder / "p", name="p").dataset


@pytest.fixture
def version(workspace: Path) -> VersionRecord:
    return datasets.get_version(DataRef(dataset=prepared.dataset(import_version).id))


def transform(
    name: str, field: str, strength: float, verdict: Verdict, flips: tuple[Flip, ...] = ()
) -> TransformSafety:
    drop = Drop(n=20, mean=0.4, low=0.3, high=0.5)
    return TransformSafety(
        name=name,
        title=name,
        fields=(field,),
        strength=strength,
        verdict=verdict,
        accuracy=0.6,
        lost=drop,
        evidence=drop,
        classes={"6": drop},
        flips=flips,
    )


@pytest.fixture
def checked(version: VersionRecord) -> VersionRecord:
    flip = Flip(label="6", becomes="9*", moved=8, n=10, low=0.5, way=0.8)
    found = (
        transform("Vertical flip", "vertical_flip", 1, "changes", (flip,)),
        transform("Rotation by 15°", "rotation", 15, "keeps"),
        transform("Rotation by 90°", "rotation", 90, "loses"),
    )
    save_label_safety(
        version, LabelSafety(backbone="efficientnet_lite0", image_size=96, n=20, accuracy=0.9, transforms=found)
    )
    return version


def open_tab() -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params.update({"dataset": "p", "tab": "Augment"})
    app.switch_page("pages/data.py")
    app.run()
    assert not app.exception
    return app


def badges(app: AppTest) -> list[str]:
    return [m.value for m in app.markdown if "-badge[" in m.value]


def test_the_verdict_stands_at_the_setting_for_the_strength_chosen(checked: VersionRecord) -> None:
    app = open_tab()
    assert any("red-badge" in b and "turns 6 into 9\\*" in b for b in badges(app))
    assert any("green-badge" in b and "keeps the label" in b for b in badges(app)), "8° is covered by 15°"
    app.slider(key="augment-rotation").set_value(40).run()
    assert any("red-badge" in b and "loses the label" in b for b in badges(app)), "40° is only covered by 90°"
    app.slider(key="augment-rotation").set_value(180).run()
    assert len(badges(app)) == 1, "nothing is known about 180°"
    assert any("turns 6 into 9\\*" in w.value for w in app.warning)


def test_a_preset_moves_the_sliders_and_a_moved_slider_is_no_preset(version: VersionRecord) -> None:
    app = open_tab()
    app.segmented_control(key="augment-preset").set_value("textbook").run()
    assert app.slider(key="augment-rotation").value == AUGMENTATIONS["textbook"].rotation
    assert app.toggle(key="augment-horizontal_flip").value
    app.slider(key="augment-rotation").set_value(41).run()
    assert app.segmented_control(key="augment-preset").value is None
    assert not app.exception


def test_the_check_is_started_for_this_version(version: VersionRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, str]] = []

    def start(kind: str, title: str, **params: str) -> tasks.TaskRecord:
        started.append((kind, params["data"]))
        return tasks.TaskRecord(id="x", kind=kind, title=title, params=params)

    monkeypatch.setattr(tasks, "start", start)
    app = open_tab()
    next(b for b in app.button if b.label == "Check label safety").click().run()
    assert started == [("label_safety", f"{version.dataset}@{version.id}")]
    assert not app.exception


def test_what_was_composed_is_offered_on_the_train_page(version: VersionRecord) -> None:
    app = open_tab()
    app.slider(key="augment-rotation").set_value(41).run()
    app.button(key="augment-train").click().run()
    assert not app.exception
    assert app.title[0].value == "Train"
    assert app.segmented_control(key="option-augmentation").value == "custom"
    own = app.session_state["_own_augmentation"]
    assert own == AUGMENTATIONS["light"].model_copy(update={"name": "custom", "rotation": 41.0})
    assert isinstance(own, Augmentation)


def test_an_unlabelled_set_has_no_such_tab(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    for i in range(4):
        Image.new("RGB", (20, 20), (i * 9, 0, 0)).save(tmp_path / "p" / f"{i}.png")
    import_data(tmp_path / "p", name="p", unlabelled=True)
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params.update({"dataset": "p"})
    app.switch_page("pages/data.py")
    app.run()
    assert "Augment" not in [tab.label for tab in app.tabs]
    assert not app.exception


def test_mixing_is_set_in_a_fold_and_handed_on(version: VersionRecord) -> None:
    app = open_tab()
    app.slider(key="augment-mixup").set_value(0.2).run()
    assert app.segmented_control(key="augment-preset").value is None
    app.button(key="augment-train").click().run()
    assert not app.exception
    assert app.slider(key="option-custom-mixup").value == 0.2
    app.switch_page("pages/train.py").run()
    app.slider(key="option-custom-cutmix").set_value(1.0).run()
    app.segmented_control(key="option-augmentation").set_value("textbook").run()
    assert app.slider(key="option-textbook-mixup").value == 0
    assert app.number_input(key="option-image_size").placeholder == "150"
    assert any("150 × 150 px" in c.value and "batches" not in c.value for c in app.caption), "a probe has none"
    app.radio(key="train-strategy").set_value("two_stage").run()
    assert app.number_input(key="option-batch_size").placeholder == "32"
    assert any("150 × 150 px" in c.value and "batches of 32" in c.value for c in app.caption)
    assert not app.exception


def test_the_augmented_set_is_made_once_and_then_offered(version: VersionRecord, tmp_path: Path) -> None:
    app = open_tab()
    params: dict[str, object] = {}

    def start(kind: str, title: str, **given: object) -> tasks.TaskRecord:
        params.update(given)
        record = tasks.TaskRecord(id="made", kind=kind, title=title, params=given, state="succeeded")
        tasks.write_task(record)
        (tasks.task_folder("made") / "result.json").write_text('{"images": 14, "views": 56, "size": 96}')
        (tasks.task_folder("made") / "augmented.zip").write_bytes(b"zip")
        return record

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "start", start)
        app.button(key="augmented_set-make").click().run()
    assert not app.exception
    assert params["data"] == f"{version.dataset}@{version.id}"
    assert [b.label for b in app.download_button] == ["Download"]
    app.slider(key="augment-rotation").set_value(50).run()
    assert not app.download_button, "another augmentation is another set"
