"""The review queue on the data page: deciding, undoing, bulk, and the version that comes of it."""

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data.findings.saved import Case, VersionCheck, save_check
from core.data.importing import import_data
from core.data.versions import load_samples
from core.jobs import tasks
from core.schemas import DataRef, Finding, VersionRecord
from core.store import datasets
from core.ui.data import version_making

ROOT = Path(__file__).parents[2]


@pytest.fixture
def version(workspace: Path, tmp_path: Path) -> VersionRecord:
    """Two classes of noise, and a check that doubts three labels, one of them a test sample's."""
    rng = np.random.default_rng(0)
    for name in ("ant", "bee"):
        (tmp_path / "p" / name).mkdir(parents=True)
        for i in range(12):
            Image.fromarray(rng.integers(0, 255, (30, 30, 3), dtype="uint8")).save(tmp_path / "p" / name / f"{i}.png")
    found = datasets.get_version(DataRef(dataset=import_data(tmp_path / "p").dataset.id))
    samples = load_samples(DataRef(dataset=found.dataset))
    ants = samples[samples["label"] == "ant"]
    doubted = [*ants.loc[ants["part"] == "train", "id"][:2], *ants.loc[ants["part"] == "test", "id"][:1]]
    paths = samples.set_index("id").loc[doubted, "path"]
    beside = tuple(samples.loc[samples["label"] == "bee", "id"][:3])
    cases = tuple(
        Case(finding="label_error", sample=name, score=0.02, beside=beside, suggested="bee", probability=0.9)
        for name in doubted
    )
    finding = Finding(kind="label_error", severity="warning", message="3 labels may be wrong.", samples=tuple(paths))
    save_check(
        found,
        VersionCheck(
            backbone="efficientnet_lite0",
            image_size=96,
            findings=(finding,),
            cases=cases,
            looked_for=("label_error",),
        ),
    )
    return found


def doubted(version: VersionRecord) -> list[str]:
    from core.data.findings.saved import load_check

    check = load_check(version)
    assert check is not None
    return [case.sample for case in check.cases]


def open_findings(version: VersionRecord) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["dataset"], app.query_params["tab"] = version.dataset, "Findings"
    app.switch_page("pages/data.py")
    return app.run()


def begin(version: VersionRecord) -> AppTest:
    app = open_findings(version)
    return app.button(key=f"finding-{version.id}-0-review").click().run()


def text(app: AppTest) -> str:
    assert not app.exception, app.exception
    parts = [*app.markdown, *app.caption, *app.success, *app.error]
    return "\n".join(str(p.value) for p in parts).replace("\\", "")


def labels(version: VersionRecord) -> dict[str, str]:
    samples = load_samples(DataRef(dataset=version.dataset))
    return dict(zip(samples["id"], samples["label"], strict=True))


def test_cases_come_one_by_one_with_their_evidence(version: VersionRecord) -> None:
    app = begin(version)
    assert "looks like **bee** (90%, own label 2%)" in text(app)
    assert [b.label for b in app.button if str(b.key).startswith("review-")][:3] == ["Keep", "Relabel as bee", "Drop"]
    shown = {image.alt for picture in app.get("image") for image in [picture.proto.imgs[0]]}
    assert doubted(version)[0] in shown
    app.button(key="review-keep").click().run()
    shown = {image.alt for picture in app.get("image") for image in [picture.proto.imgs[0]]}
    assert doubted(version)[1] in shown
    assert doubted(version)[0] not in shown


def test_decisions_make_one_version_and_touched_test_samples_are_told(version: VersionRecord) -> None:
    first, second, third = doubted(version)
    app = begin(version)
    app.button(key="review-keep").click().run()
    app.button(key="review-drop").click().run()
    assert "test sample" not in text(app)
    app.button(key="review-relabel").click().run()
    assert "Decided: 1 kept, 1 relabelled, 1 dropped." in text(app)
    assert "1 of them is a test sample" in text(app)
    app.button(key="review-make").click().run()
    made = datasets.get_version(DataRef(dataset=version.dataset))
    assert len(datasets.list_versions(version.dataset)) == 2
    assert (made.n, made.test_hash == version.test_hash) == (version.n - 1, False)
    assert (labels(made)[first], labels(made)[third], second in labels(made)) == ("ant", "bee", False)


def test_undo_takes_the_last_decision_back(version: VersionRecord) -> None:
    app = begin(version)
    before = text(app)
    app.button(key="review-drop").click().run()
    assert text(app) != before
    app.button(key="review-undo").click().run()
    assert text(app) == before
    assert not [b for b in app.button if b.key == "review-undo"]


def test_the_rest_is_decided_at_once_and_undone_one_by_one(version: VersionRecord) -> None:
    app = begin(version)
    app.button(key="review-keep").click().run()
    app.button(key="rest-relabel").click().run()
    assert "Decided: 1 kept, 2 relabelled." in text(app)
    assert "All 3 are decided." in text(app)
    app.button(key="review-undo").click().run()
    assert "Decided: 1 kept, 1 relabelled." in text(app)


def test_another_class_can_be_chosen(version: VersionRecord) -> None:
    first = doubted(version)[0]
    app = begin(version)
    app.selectbox(key=f"other-{first}").select("bee").run()
    app.button(key="review-other").click().run()
    app.button(key="review-make").click().run()
    assert labels(version)[first] == "bee"


def test_applying_to_all_leaves_other_test_samples_where_they_are(version: VersionRecord) -> None:
    from core.data.findings.saved import load_check

    check = load_check(version)
    assert check is not None
    from core.schemas import Step

    remedied = check.findings[0].model_copy(
        update={"remedy": Step(kind="relabel", params={"labels": dict.fromkeys(doubted(version)[:2], "bee")})}
    )
    save_check(version, check.model_copy(update={"findings": (remedied,)}))
    app = open_findings(version)
    app.button(key=f"finding-{version.id}-0-apply").click().run()
    made = datasets.get_version(DataRef(dataset=version.dataset))
    assert {labels(made)[name] for name in doubted(version)} == {"ant", "bee"}
    assert made.test_hash == version.test_hash


def test_looking_deeper_starts_a_task_for_this_version(
    version: VersionRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.store.datasets import version_folder

    (version_folder(version.dataset, version.id) / "checks.json").unlink()
    started: list[str] = []

    def start(kind: str, title: str, **params: str) -> tasks.TaskRecord:
        started.append(params["data"])
        record = tasks.TaskRecord(id="abcd", kind=kind, title=title, params=params, done=3, total=24, text="images")
        tasks.write_task(record)
        return record

    monkeypatch.setattr(tasks, "start", start)
    app = open_findings(version)
    app.button(key=f"look-{version.id}").click().run()
    assert started == [f"{version.dataset}@{version.id}"]
    app.button(key="cancel-abcd").click().run()
    tasks.write_task(tasks.get_task("abcd").model_copy(update={"state": "cancelled"}))
    assert not app.exception
    assert app.run().button(key=f"look-{version.id}").label == "Look deeper"


@pytest.mark.training
def test_on_large_data_the_version_is_made_by_a_task_and_shown_when_it_is_there(
    version: VersionRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version_making, "QUICK", {"image": 10, "table": 10})
    app = begin(version)
    app.button(key="review-drop").click().run()
    app.button(key="review-make").click().run()
    (task,) = tasks.active_tasks("version")
    assert datasets.get_dataset(version.dataset).version == version.id
    deadline = time.monotonic() + 60
    while not tasks.get_task(task.id).ended and time.monotonic() < deadline:
        time.sleep(0.1)
    assert tasks.get_task(task.id).state == "succeeded"
    app.run()
    assert not app.exception
    assert datasets.get_version(DataRef(dataset=version.dataset)).n == version.n - 1
    assert "v2" in app.caption[0].value


def test_rows_of_a_table_are_reviewed_side_by_side_with_rows_like_them(workspace: Path) -> None:
    found = import_data("sample:penguins", target="species").version
    assert found is not None
    samples = load_samples(DataRef(dataset=found.dataset))
    doubted, *beside = samples.loc[samples["part"] == "train", "id"][:4]
    path = samples.set_index("id").loc[doubted, "path"]
    case = Case(
        finding="label_error", sample=doubted, score=0.03, beside=tuple(beside), suggested="Gentoo", probability=0.9
    )
    finding = Finding(kind="label_error", severity="warning", message="1 label may be wrong.", samples=(path,))
    save_check(found, VersionCheck(findings=(finding,), cases=(case,), looked_for=("label_error",), accuracy=0.97))
    app = open_findings(found)
    assert any("Looked deeper" in c.value and "0.97" in c.value for c in app.caption)
    next(b for b in app.button if b.label == "Review one by one").click().run()
    table = app.dataframe[0].value
    assert list(table.columns) == [
        "This row",
        *(f"Like it: {samples.set_index('id').loc[i, 'path']}" for i in beside),
    ]
    assert table.index[0] == "Class" and "bill_length_mm" in table.index
    next(b for b in app.button if b.label == "Relabel as Gentoo").click().run()
    next(b for b in app.button if b.label == "Make this version").click().run()
    assert not app.exception
    made = datasets.get_version(DataRef(dataset=found.dataset))
    assert made.id != found.id
    assert load_samples(DataRef(dataset=found.dataset)).set_index("id").loc[doubted, "label"] == "Gentoo"
