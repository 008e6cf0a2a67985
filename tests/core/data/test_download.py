"""A version that is taken away is the same when it is brought in again."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.__main__ import main
from core.data.download import write_version
from core.data.images.store import DatasetImages
from core.data.importing import import_data, import_sample
from core.data.versions import load_samples, make_version
from core.errors import InputError
from core.schemas import DataRef, Recipe, Step, VersionRecord


def samples(version: VersionRecord) -> pd.DataFrame:
    return load_samples(DataRef(dataset=version.dataset, version=version.id))


def test_images_come_back_with_their_parts_classes_and_pixels(workspace: Path, tmp_path: Path) -> None:
    given = import_sample("digits")
    recipe = Recipe(steps=(Step(kind="rename_classes", params={"names": {"1": "one"}}),))
    version = make_version(given.dataset.id, recipe)
    steps: list[int] = []
    n = write_version(version, tmp_path / "away.zip", lambda done, total, text: steps.append(done))
    assert n == version.n == steps[-1]
    again = import_data(tmp_path / "away.zip", name="again")
    assert not again.skipped
    assert (again.version.counts, again.version.classes) == (version.counts, version.classes)
    before, after = samples(version), samples(again.version)
    after["was"] = after["path"].map(lambda path: "-".join(Path(path).name.split("-")[:2]))
    both = before.merge(after, left_on="id", right_on="was")
    assert len(both) == n
    assert (both["part_x"] == both["part_y"]).all() and (both["label_x"] == both["label_y"]).all()
    old, new = DatasetImages(version.dataset), DatasetImages(again.dataset.id)
    for row in both.sample(20, random_state=0).itertuples():
        np.testing.assert_array_equal(old.image(row.id_x), new.image(row.id_y))


@pytest.mark.parametrize("names", [["a/b", "a:b", "a_b"], ["p:x", "p_x", "y"], [".5", "..", "x"], ["?", "*", "__"]])
def test_classes_come_back_whatever_they_are_called(workspace: Path, tmp_path: Path, names: list[str]) -> None:
    folder = tmp_path / "named"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(24):
        Image.fromarray(rng.integers(0, 255, (16, 16, 3), "uint8")).save(folder / f"{i}.png")
    lines = [f"{i}.png,{names[i % 3]}" for i in range(24)]
    (folder / "labels.csv").write_text("\n".join(["file,label", *lines]))
    version = import_data(folder).version
    write_version(version, tmp_path / "back.zip")
    again = import_data(tmp_path / "back.zip", name="again")
    before, after = (samples(one)[["label", "part"]].value_counts().to_dict() for one in (version, again.version))
    assert before == after and {label for label, _ in after} == set(names)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_is_written_as_cleaned_with_its_parts(workspace: Path, tmp_path: Path, ending: str) -> None:
    given = import_sample("penguins")
    version = make_version(given.dataset.id, Recipe(steps=(Step(kind="drop_columns", params={"columns": ["year"]}),)))
    path = tmp_path / f"away.{ending}"
    assert write_version(version, path) == 344
    table = pd.read_csv(path) if ending == "csv" else pd.read_parquet(path)
    assert "year" not in table and {"species", "part", "island"} <= set(table)
    assert table.groupby(["part", "species"]).size().to_dict() == {
        (part, name): n for part, of_part in version.counts.items() for name, n in of_part.items()
    }
    assert table["bill_length_mm"].isna().sum() == 2, "nothing learnt is applied"


def test_unlabelled_images_have_no_folders(workspace: Path, tmp_path: Path) -> None:
    given = import_sample("digits")
    write_version(given.version, tmp_path / "labelled.zip")
    bare = import_data(tmp_path / "labelled.zip", name="bare", unlabelled=True)
    write_version(bare.version, tmp_path / "bare.zip")
    names = zipfile.ZipFile(tmp_path / "bare.zip").namelist()
    assert len(names) == len(set(names)) == bare.version.n
    assert not any("/" in name for name in names)


@pytest.mark.parametrize(("sample", "name"), [("digits", "a.csv"), ("penguins", "a.zip"), ("penguins", "a")])
def test_a_file_of_another_kind_is_refused(workspace: Path, tmp_path: Path, sample: str, name: str) -> None:
    with pytest.raises(InputError, match="ends in"):
        write_version(import_sample(sample).version, tmp_path / name)
    assert not list(tmp_path.glob("a*"))


def test_the_command_writes_and_says_where(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_sample("penguins")
    assert main(["download", "penguins", "--out", str(tmp_path / "a.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 344
    assert main(["download", "penguins", "--out", str(tmp_path / "none" / "a.csv")]) == 2
