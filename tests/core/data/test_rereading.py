"""The bytes of an import are kept, and its reading can be changed later: what was decided on samples stays."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.__main__ import main
from core.data.image_reading.reading import choose_tree, load_image_reading
from core.data.images.store import DatasetImages, measurements
from core.data.importing import import_data, reread_data
from core.data.reading.record import TableReading
from core.data.tables.readings import READING, import_reading
from core.data.versions import load_samples, load_table, next_version
from core.errors import InputError
from core.schemas import DataRef, DatasetRecord, Recipe, Step, VersionRecord
from core.store import datasets
from core.store.originals import open_original


def reading_of(dataset: DatasetRecord, number: int = 1) -> TableReading:
    return import_reading(datasets.import_folder(dataset.id, number))


def table(tmp_path: Path, n: int = 60) -> Path:
    rows = [f"{10115 + i % 6},{i * i},{['None', 'crack'][i % 2]}" for i in range(n)]
    (tmp_path / "t.csv").write_text("\n".join(["plz,x,kind", *rows]))
    return tmp_path / "t.csv"


def as_text(reading: TableReading, name: str) -> dict:
    content = reading.model_dump(mode="json")
    for column in content["columns"]:
        if column["name"] == name:
            column["type"] = "text"
    return content


def test_originals_are_kept_once_packed_and_removed_with_the_last_dataset(workspace: Path, tmp_path: Path) -> None:
    path = table(tmp_path, 3000)
    first, second = (import_data(path, target="kind").dataset for _ in range(2))
    kept = [file for file in (workspace / "originals").rglob("*") if file.is_file()]
    assert len(kept) == 1 and kept[0].stat().st_size < path.stat().st_size
    with open_original(first.imports[0].original) as copy:
        assert copy.name == "t.csv" and copy.read_bytes() == path.read_bytes()
    assert datasets.dataset_size(first.id) > kept[0].stat().st_size
    datasets.delete_dataset(first.id)
    assert kept[0].exists()
    datasets.delete_dataset(second.id)
    assert not kept[0].exists()


def test_a_reading_is_changed_later_and_decisions_on_samples_stay(workspace: Path, tmp_path: Path) -> None:
    dataset = import_data(table(tmp_path), target="kind").dataset
    version = datasets.get_version(DataRef(dataset=dataset.id))
    steps = (
        Step(kind="relabel", params={"labels": {"1-3": "None"}}),
        Step(kind="drop_samples", params={"samples": ["1-5"]}),
    )
    before = next_version(version, Recipe(steps=steps))
    parts = load_samples(DataRef(dataset=dataset.id)).set_index("id")["part"]
    made = reread_data(dataset.id, as_text(reading_of(dataset), "plz")).version
    _, schema = load_table(DataRef(dataset=dataset.id))
    assert schema.categorical == ("plz",)
    after = load_samples(DataRef(dataset=dataset.id)).set_index("id")
    assert after["part"].equals(parts) and after.loc["1-3", "label"] == "None" and "1-5" not in after.index
    assert made.imports == (2,) and "“plz” read otherwise" in made.note
    old = load_table(DataRef(dataset=dataset.id, version=before.id))[1]
    assert old.numeric == ("plz", "x"), "the version before is as it was"
    import_data(table(tmp_path), into=dataset.id)
    assert load_table(DataRef(dataset=dataset.id))[1].categorical == ("plz",), "more rows are read as the newer one"


def test_rows_that_are_gone_take_their_decisions_with_them(workspace: Path, tmp_path: Path) -> None:
    dataset = import_data(table(tmp_path), target="kind").dataset
    version = datasets.get_version(DataRef(dataset=dataset.id))
    next_version(version, Recipe(steps=(Step(kind="drop_samples", params={"samples": ["1-0", "1-4"]}),)))
    content = reading_of(dataset).model_dump(mode="json")
    content["container"]["skip_lines"] = 1
    content["container"]["header"] = False
    for place, column in enumerate(content["columns"], start=1):
        column["name"] = f"column {place}"
    with pytest.raises(InputError, match="no column “kind”"):
        reread_data(dataset.id, content)
    content = reading_of(dataset).model_dump(mode="json")
    content["columns"][2]["missing"] = ["None"]
    content["left_out"] = [{"reason": "wrong", "cells": {"x": "0"}}]
    (tmp_path / "more.csv").write_text("")
    with pytest.raises(InputError, match="one class"):
        reread_data(dataset.id, content)
    content["columns"][2]["missing"] = []
    made = reread_data(dataset.id, content).version
    assert made.recipe.steps[0].params == {"samples": ["1-4"]}
    assert "1 row fewer" in made.note
    assert "1-1" in set(load_samples(DataRef(dataset=dataset.id))["id"])


def test_without_originals_the_reading_is_fixed_and_it_says_so(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAFT_KEEP_ORIGINALS", "0")
    dataset = import_data(table(tmp_path), target="kind").dataset
    assert dataset.imports[0].original is None and not (workspace / "originals").exists()
    with pytest.raises(InputError, match="original file was not kept"):
        reread_data(dataset.id, reading_of(dataset).model_dump(mode="json"))


def test_an_import_of_before_readings_is_read_as_its_schema_says(workspace: Path, tmp_path: Path) -> None:
    dataset = import_data(table(tmp_path), target="kind").dataset
    (datasets.import_folder(dataset.id, 1) / READING).unlink()
    reading = reading_of(dataset)
    assert reading.derived
    assert {column.name: column.type for column in reading.columns} == {
        "plz": "number",
        "x": "number",
        "kind": "text",
    }
    (tmp_path / "more.csv").write_text("plz,x,kind\n10115,5,crack\n10116,9,crack\n")
    assert import_data(tmp_path / "more.csv", into=dataset.id).dataset.n == 62


def test_a_shell_reads_anew(workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = import_data(table(tmp_path), target="kind").dataset
    (tmp_path / "r.json").write_text(json.dumps(as_text(reading_of(dataset), "plz")))
    assert main(["reread", dataset.id, "--reading", str(tmp_path / "r.json"), "--json"]) == 0
    assert "read anew" in json.loads(capsys.readouterr().out)["note"]


def test_a_folder_of_parquet_files_is_kept_too(workspace: Path, tmp_path: Path) -> None:
    rows = pd.DataFrame({"x": range(0, 400, 7), "y": [str(i % 5) for i in range(58)], "kind": list("ab") * 29})
    (tmp_path / "parts").mkdir()
    for part in range(2):
        rows[part::2].assign(kind="ab"[part]).to_parquet(tmp_path / "parts" / f"{part}.parquet", index=False)
    dataset = import_data(tmp_path / "parts", target="kind").dataset
    assert dataset.imports[0].original.folder
    assert reread_data(dataset.id, reading_of(dataset).model_dump(mode="json")).version.n == 58


def drawings(ink: int, first: int = 0) -> dict[str, bytes]:
    """Drawings in one grey on transparency, in two folders and with a table of other classes beside them."""
    files, lines = {}, ["file,label"]
    for i in range(first, first + 16):
        alpha = np.zeros((24, 24), "uint8")
        alpha[3 : 9 + i % 12, 4 : 20 - i % 7] = 255
        name = f"set/{'ab'[i % 2]}/{i:02d}.png"
        files[name] = png(np.dstack([np.full((24, 24, 3), ink, "uint8"), alpha]))
        lines.append(f"{name},{['odd', 'even'][i // 2 % 2]}")
    return files | {"set/labels.csv": "\n".join(lines).encode()}


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def kinds(version: VersionRecord) -> set[str]:
    return {finding.kind for finding in version.findings}


def test_images_are_read_anew_and_what_was_decided_on_them_stays(
    workspace: Path, make_zip: Callable[..., Path]
) -> None:
    dataset = import_data(make_zip(drawings(0))).dataset
    more = import_data(make_zip(drawings(255, 20), "white.zip"), into=dataset.id)
    (blank,) = [finding for finding in more.findings if finding.kind == "vanished"]
    assert blank.severity == "warning" and "16 images" in blank.message and len(blank.samples) == 16
    assert "exact_duplicate" not in kinds(more.version), "dropping copies would lose what can be seen elsewhere"
    steps = (
        Step(kind="relabel", params={"labels": {"1-3": "b"}}),
        Step(kind="drop_samples", params={"samples": ["1-5", "2-1"]}),
    )
    before = next_version(more.version, Recipe(steps=steps))
    samples = load_samples(DataRef(dataset=dataset.id)).set_index("id")
    grey = load_image_reading(datasets.import_folder(dataset.id, 2)).model_dump(mode="json")
    grey["rendering"]["ground"] = "grey"
    one = reread_data(dataset.id, grey).version
    assert "grey background instead of white" in one.note and "rendered_otherwise" in kinds(one)
    last = reread_data(dataset.id, grey, 1).version
    assert not kinds(last) & {"vanished", "rendered_otherwise"} and set(last.imports) == {3, 4}
    after = load_samples(DataRef(dataset=dataset.id)).set_index("id")
    assert after[["label", "part", "path"]].equals(samples.loc[after.index, ["label", "part", "path"]])
    assert len(after) == len(samples) == 30 and after.loc["1-3", "label"] == "b"
    for name in ("1-2", "2-4"):
        assert DatasetImages(dataset.id).image(name)[0, 0].tolist() == [128] * 3
        assert DatasetImages(dataset.id, before.imports).image(name)[0, 0].tolist() == [255] * 3
    measured = measurements(
        datasets.get_dataset(dataset.id), datasets.dataset_folder(dataset.id), after.reset_index()
    )
    assert measured.index.equals(after.index)
    further = import_data(make_zip(drawings(255, 40), "third.zip"), into=dataset.id)
    assert "vanished" not in kinds(further.version), "further images have the background that all have now"


def test_classes_of_images_may_come_from_the_table_when_they_are_read_anew(
    workspace: Path, make_zip: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = import_data(make_zip(drawings(0)))
    (doubt,) = [finding for finding in made.findings if finding.kind == "other_reading"]
    assert doubt.severity == "warning" and "“set/labels.csv” name different classes" in doubt.message
    reading = load_image_reading(datasets.import_folder(made.dataset.id, 1))
    (tmp_path / "r.json").write_text(choose_tree(reading, reading.alternatives[0]).model_dump_json())
    assert main(["reread", made.dataset.id, "--reading", str(tmp_path / "r.json"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["classes"] == ["even", "odd"] and "classes by the label table instead of by folders" in said["note"]
    version = datasets.get_version(DataRef(dataset=made.dataset.id))
    assert "other_reading" not in kinds(version), "a person has chosen"
    assert set(load_samples(DataRef(dataset=made.dataset.id))["id"]) == {f"1-{i}" for i in range(16)}
