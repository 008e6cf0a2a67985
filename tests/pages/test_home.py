"""The home page: every way in, what is refused, and what one can go on with."""

import io
import json
import os
import signal
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data.files.samples import SAMPLES
from core.data.importing import import_data, import_sample
from core.jobs import local, tasks
from core.schemas import DataRef, ResolvedSpec, now
from core.settings import get_settings
from core.store import datasets, runs
from core.ui.home.table_target import find_changes
from core.ui.shell.text import plural
from tests.support import prepared

ROOT = Path(__file__).parents[2]


def open_home() -> AppTest:
    return AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()


def text(app: AppTest) -> str:
    assert not app.exception, app.exception
    parts = [*app.title, *app.subheader, *app.markdown, *app.caption, *app.warning, *app.error]
    return "\n".join(str(p.value) for p in parts).replace("\\", "")


def photos(classes: tuple[str, ...] = ("cats", "dogs"), each: int = 6) -> bytes:
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in classes:
            for i in range(each):
                picture = io.BytesIO()
                Image.fromarray(rng.integers(0, 255, (20, 24, 3), dtype="uint8")).save(picture, "PNG")
                archive.writestr(f"{name}/{i}.png", picture.getvalue())
    return buffer.getvalue()


def prices(rows: int = 60) -> bytes:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"area": rng.normal(size=rows), "price": rng.normal(size=rows).round(6)})
    return table.assign(city=np.resize(["Rome", "Oslo"], rows)).to_csv(index=False).encode()


def drop(app: AppTest, slot: str, name: str, content: bytes) -> AppTest:
    """Drop a file on the uploader of this slot, whatever number its key has reached."""
    uploader = next(u for u in app.get("file_uploader") if str(u.key).startswith(f"{slot}-"))
    uploader.upload(name, content)
    return app.run()


def import_photos(app: AppTest, name: str, content: bytes) -> AppTest:
    """Drop an archive and import it as it is understood."""
    app = drop(app, "photos", name, content)
    assert "How I read it" in text(app), "it is shown first"
    return app.button(key="photos-import").click().run()


def query(app: AppTest, name: str) -> str:
    value = app.query_params[name]
    return value if isinstance(value, str) else value[0]


def nothing_left() -> bool:
    """No dataset, no staged import, no uploaded file."""
    settings = get_settings()
    found = [*settings.datasets.glob("*"), *settings.datasets.glob(".tmp-*"), *settings.cache.glob("uploads/*")]
    return not [path for path in found if path.name != ".lock"]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_one_click_from_its_data(workspace: Path, name: str) -> None:
    app = open_home()
    app.button(key=f"sample-{name}").click().run()
    assert text(app).startswith("Data")
    dataset = datasets.get_dataset(query(app, "dataset"))
    assert dataset.name == SAMPLES[name].title
    assert dataset.n == SAMPLES[name].n
    assert [b.label for b in app.button if b.label == "Train on this"]


def test_the_clip_art_sample_leads_and_says_so(workspace: Path) -> None:
    first = next(b for b in open_home().button if str(b.key).startswith("sample-"))
    assert first.label == "Try the clip-art sample"


def test_a_dropped_zip_becomes_a_dataset(workspace: Path) -> None:
    app = import_photos(open_home(), "My pets.zip", photos())
    assert text(app).startswith("Data")
    dataset = datasets.get_dataset(query(app, "dataset"))
    assert (dataset.name, dataset.classes, dataset.n) == ("My pets", ("cats", "dogs"), 12)
    assert not list(get_settings().cache.glob("uploads/*"))


def test_photos_can_come_without_classes(workspace: Path) -> None:
    app = open_home()
    app = drop(app, "photos", "target.zip", photos())
    app.checkbox(key="photos-unlabelled").check().run()
    app.button(key="photos-import").click().run()
    dataset = datasets.get_dataset(query(app, "dataset"))
    assert not dataset.labelled
    assert dataset.n == 12
    assert not [b for b in app.button if b.label == "Train on this"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"this is no archive", "“pets.zip” is not a ZIP archive, or it is damaged."), (b"", "“pets.zip” is empty.")],
    ids=["no ZIP", "empty"],
)
def test_a_file_that_is_no_archive_gets_one_sentence_and_leaves_nothing(
    workspace: Path, content: bytes, sentence: str
) -> None:
    app = drop(open_home(), "photos", "pets.zip", content)
    assert text(app).startswith("Teach a model")
    assert [sentence in e.value.replace("\\", "") for e in app.error] == [True]
    assert nothing_left()
    app = import_photos(app, "pets.zip", photos())
    assert text(app).startswith("Data"), "the page goes on after a refusal"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(photos(("cats",)), "one class, “cats”"), (photos(each=1), "Class “cats” of “pets” has 1 distinct image")],
    ids=["one class", "one image a class"],
)
def test_images_that_are_refused_wait_for_another_reading(workspace: Path, content: bytes, sentence: str) -> None:
    app = import_photos(open_home(), "pets.zip", content)
    assert [sentence in e.value.replace("\\", "") for e in app.error] == [True]
    assert app.button(key="photos-import")
    app.button(key="photos-cancel").click().run()
    assert nothing_left()


def test_a_table_is_imported_with_the_target_that_was_chosen(workspace: Path) -> None:
    app = drop(open_home(), "table", "homes.csv", prices())
    assert list(app.dataframe[-1].value.columns) == ["area", "price", "city"]
    assert app.button(key="table-import").disabled
    app.selectbox(key="table-target").select("city").run()
    app.button(key="table-import").click().run()
    dataset = datasets.get_dataset(query(app, "dataset"))
    assert (dataset.target, dataset.classes, dataset.n) == ("city", ("Oslo", "Rome"), 60)
    assert not list(get_settings().cache.glob("uploads/*"))


def test_a_numeric_target_is_refused_and_can_be_binned_there(workspace: Path) -> None:
    app = drop(open_home(), "table", "homes.csv", prices())
    app.selectbox(key="table-target").select("price").run()
    app.button(key="table-import").click().run()
    assert "The target “price” is numeric with 60 different values" in text(app)
    assert not datasets.list_datasets()
    app.number_input(key="table-bins").set_value(3).run()
    app.button(key="table-import").click().run()
    dataset = datasets.get_dataset(query(app, "dataset"))
    version = datasets.get_version(DataRef(dataset=dataset.id))
    assert len(dataset.classes) == 3
    assert [step.kind for step in version.recipe.steps] == ["bin_target"]


def test_a_table_can_come_without_a_target(workspace: Path) -> None:
    app = drop(open_home(), "table", "homes.csv", prices())
    app.checkbox(key="table-unlabelled").check().run()
    app.button(key="table-import").click().run()
    assert not datasets.get_dataset(query(app, "dataset")).labelled


def test_a_table_that_waits_can_be_put_away(workspace: Path) -> None:
    app = drop(open_home(), "table", "homes.csv", prices())
    next(b for b in app.button if b.label == "Cancel").click().run()
    assert [b for b in app.button if str(b.key).startswith("sample-")]
    assert nothing_left()


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b"a,a\n1,2\n"], ids=["empty", "no text", "two columns alike"])
def test_a_file_that_is_no_table_gets_one_sentence_and_leaves_nothing(workspace: Path, content: bytes) -> None:
    app = drop(open_home(), "table", "homes.csv", content)
    assert ["“homes.csv”" in e.value.replace("\\", "") for e in app.error] == [True]
    assert [b for b in app.button if str(b.key).startswith("sample-")], "the ways in are there again"
    assert nothing_left()


def test_the_upload_limit_and_the_way_round_it_stand_on_the_page(workspace: Path) -> None:
    app = open_home()
    assert any("500 MB" in e.label for e in app.expander)
    assert "-m core import PATH" in app.code[0].value
    assert str(workspace) in app.code[0].value, "the command must reach this workspace"


def test_one_can_go_on_where_one_left_off(workspace: Path) -> None:
    assert "Go on" not in text(open_home())
    dataset = prepared.sample("penguins")
    version = datasets.get_version(DataRef(dataset=dataset.id))
    shown = text(open_home())
    assert f"not trained yet · {plural(len(version.findings), 'finding')}" in shown

    def run(test_hash: str, **metrics: float) -> None:
        spec = ResolvedSpec(data=dataset.id, preset="quick")
        made = runs.create_run(
            spec, name="a run", dataset=dataset.id, version=version.id, test_hash=test_hash, n=version.n
        )
        runs.update_run(made.id, state="succeeded", metrics=metrics)

    run(version.test_hash, accuracy=0.8, accuracy_low=0.69, accuracy_high=0.88)
    run(version.test_hash, accuracy=0.9, accuracy_low=0.81, accuracy_high=0.95)
    run("another test part", accuracy=1.0, accuracy_low=0.9, accuracy_high=1.0)
    assert "best **0.90 (0.81–0.95)**" in text(open_home())


def test_a_run_at_work_is_there_with_its_time_left(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.jobs.queue.reconcile_runs", lambda: None)
    dataset = prepared.sample("penguins")
    version = datasets.get_version(DataRef(dataset=dataset.id))
    spec = ResolvedSpec(data=dataset.id, learner="network", epochs=50)
    run = runs.create_run(
        spec, name="busy", dataset=dataset.id, version=version.id, test_hash=version.test_hash, n=version.n
    )
    runs.update_run(run.id, state="running", phase="network", started=now())
    label = open_home().button(key=f"watch-{run.id}").label
    assert "busy: network, " in label and label.endswith(" left")


def test_a_class_name_from_outside_is_shown_as_it_stands(workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(photos())
    import_data(path, name="**bold** [link](x)")
    assert any(b.label.replace("\\", "") == "**bold** [link](x)" for b in open_home().button)


def test_the_dataset_last_worked_with_comes_first(workspace: Path) -> None:
    older = prepared.sample("penguins")
    newer = import_sample("clipart").dataset

    def order() -> list[str]:
        return [str(b.key).removeprefix("open-") for b in open_home().button if str(b.key).startswith("open-")]

    assert order() == [newer.id, older.id]
    runs.create_run(
        ResolvedSpec(data=older.id), name="r", dataset=older.id, version=older.version, test_hash="", n=older.n
    )
    assert order() == [older.id, newer.id]


@pytest.mark.parametrize(("content", "said"), [("a,b\n", "no rows"), ("a\nx\ny\n", "one column")])
def test_a_table_that_cannot_be_used_is_refused_before_anything_is_asked(
    workspace: Path, content: str, said: str
) -> None:
    app = drop(open_home(), "table", "bad.csv", content.encode())
    assert said in app.error[0].value
    assert not [b for b in app.button if b.label == "Import"]
    assert nothing_left()


@pytest.fixture
def in_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every upload is large enough for a task of its own."""
    monkeypatch.setattr("core.ui.shell.importing.SMALL", -1)
    monkeypatch.setattr(datasets, "_YOUNG_SECONDS", -1)


def import_ended() -> tasks.TaskRecord:
    """The only import task, when it has ended."""
    (path,) = get_settings().home.glob("tasks/*/task.json")
    for _ in range(600):
        record = tasks.get_task(path.parent.name)
        if record.ended:
            return record
        time.sleep(0.05)
    raise AssertionError(f"the import is still {record.state}")


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes of tasks, each stopped where it begins until it is told to go on."""
    started: list[int] = []
    launch = local.launch_module

    def start_and_stop(module: str, argument: str, log: Path) -> object:
        process = launch(module, argument, log)
        os.kill(process.pid, signal.SIGSTOP)
        started.append(process.pid)
        return process

    monkeypatch.setattr(local, "launch_module", start_and_stop)
    return started


@pytest.mark.training
def test_a_large_zip_is_imported_in_the_background(workspace: Path, in_background: None, held: list[int]) -> None:
    app = import_photos(open_home(), "pets.zip", photos(each=200))
    assert [b for b in app.button if str(b.key).startswith("cancel-")], "it can be stopped"
    assert [b for b in app.button if str(b.key).startswith("sample-")], "the page is free meanwhile"
    reloaded = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    reloaded.query_params["import"] = query(app, "import")
    assert text(reloaded.run()).startswith("Teach a model")
    assert [b.label.replace("\\", "") for b in reloaded.sidebar.button] == ["Import of pets.zip"]
    os.kill(held[0], signal.SIGCONT)
    import_ended()
    for page in (app.run(), reloaded.run()):
        assert text(page).startswith("Data")
        assert datasets.get_dataset(query(page, "dataset")).n == 400
    assert not list(get_settings().cache.glob("uploads/*"))


@pytest.mark.training
def test_an_import_in_the_background_that_is_refused_says_why(workspace: Path, in_background: None) -> None:
    app = import_photos(open_home(), "pets.zip", photos(("cats",)))
    import_ended()
    assert "one class, “cats”" in text(app.run())
    assert nothing_left()
    assert "one class" not in text(app.run()), "it is said once"


@pytest.mark.training
def test_a_table_refused_in_the_background_waits_for_another_target(workspace: Path, in_background: None) -> None:
    app = drop(open_home(), "table", "homes.csv", prices())
    app.selectbox(key="table-target").select("price").run()
    app.button(key="table-import").click().run()
    import_ended()
    assert "The target “price” is numeric" in text(app.run())
    app.selectbox(key="table-target").select("city").run()
    app.button(key="table-import").click().run()


@pytest.mark.training
def test_a_cancelled_import_leaves_nothing(workspace: Path, in_background: None) -> None:
    app = import_photos(open_home(), "pets.zip", photos(each=4000))  # so many that it is cancelled before its end
    next(b for b in app.button if str(b.key).startswith("cancel-")).click().run()
    assert import_ended().state == "cancelled"
    assert text(app.run()).startswith("Teach a model")
    assert "import" not in app.query_params
    assert nothing_left()


@pytest.mark.training
def test_a_killed_import_leaves_nothing_and_is_told(workspace: Path, in_background: None) -> None:
    app = import_photos(open_home(), "pets.zip", photos(each=600))
    (process,) = get_settings().home.glob("tasks/*/process.json")
    for _ in range(600):
        if list(get_settings().datasets.glob(".tmp-*/import")):
            break
        time.sleep(0.02)
    os.kill(json.loads(process.read_text())["pid"], signal.SIGKILL)
    assert import_ended().state == "interrupted"
    assert "“pets.zip” ended unexpectedly" in text(app.run())
    assert nothing_left()


@pytest.mark.training
def test_a_folder_picked_in_the_browser_keeps_its_paths(workspace: Path, in_background: None) -> None:
    with zipfile.ZipFile(io.BytesIO(photos())) as archive:
        files = [(f"My pets/{name}", archive.read(name)) for name in archive.namelist()]
    app = open_home()
    uploader = next(u for u in app.get("file_uploader") if str(u.key).startswith("folder-"))
    for name, data in files:
        uploader.upload(name, data)
    app.run().button(key="photos-import").click().run()
    import_ended()
    assert text(app.run()).startswith("Data")
    dataset = datasets.get_dataset(query(app, "dataset"))
    assert (dataset.name, dataset.classes, dataset.n) == ("My pets", ("cats", "dogs"), 12)
    assert not list(get_settings().cache.glob("uploads/*"))


def refuse(*_: object, **__: object) -> None:
    raise OSError("a required privilege is not held by the client")


@pytest.mark.parametrize("links", [True, False], ids=["with links", "without links, as on Windows"])
def test_a_path_on_the_machine_can_be_imported_where_settings_allow(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(Path, "symlink_to", refuse)
    assert not [w for w in open_home().text_input if w.key == "path"], "off unless set"
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (allowed / "pets.zip").write_bytes(photos())
    (allowed / "homes.csv").write_bytes(prices())
    monkeypatch.setenv("GRAFT_IMPORT_FOLDERS", str(allowed))

    def ask(path: str) -> AppTest:
        app = open_home()
        app.text_input(key="path").set_value(path)
        next(b for b in app.button if b.label == "Import").click()
        return app.run()

    assert "no file or folder below" in text(ask("/etc/passwd"))
    table = ask("homes.csv")
    assert [w for w in table.selectbox if w.key == "table-target"]
    next(b for b in table.button if b.label == "Cancel").click().run()
    app = ask("pets.zip")
    assert datasets.get_dataset(query(app, "dataset")).n == 12
    assert sorted(path.name for path in allowed.iterdir()) == ["homes.csv", "pets.zip"], "only uploads are removed"


def test_how_a_table_is_written_is_shown(workspace: Path) -> None:
    rows = "\n".join(f"{i}.000,5;{'ab'[i % 2]}" for i in range(1, 9))
    app = drop(open_home(), "table", "homes.csv", f"größe;art\n{rows}".encode("cp1252"))
    assert (
        "text in Windows-1252 (Western Europe), semicolons between cells, decimal comma, points between thousands"
        in text(app)
    )


def test_only_what_was_changed_of_the_columns_is_a_choice() -> None:
    found = pd.DataFrame({"Column": ["x", "y"], "Type": ["numeric"] * 2, "Role": ["feature"] * 2})
    assert find_changes(found, found) == {}
    edited = found.assign(Type=["category", "numeric"], Role=["feature", "group: kept together"])
    assert find_changes(found, edited) == {"x": {"type": "category"}, "y": {"role": "group"}}
    left_out = found.assign(Type="left out", Role=None)
    assert find_changes(left_out, left_out) == {}
    assert find_changes(left_out, left_out.assign(Type="numeric")) == {name: {"type": "numeric"} for name in "xy"}
