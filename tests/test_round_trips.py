"""Whoever trains on a file and predicts that very file gets the classes that the run gave, here and after an export.

25 data sets, written as people write them. Part of `make soak`, as each is imported, trained, predicted and exported.
"""

import gzip
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data.importing import import_data
from core.data.versions import load_samples
from core.export.exporting import export_run
from core.inference.predicting.predict import predict
from core.inference.predicting.record import TABLE
from core.schemas import DataRef, RunRecord
from core.store import runs
from tests.core.training.conftest import lab, texture, train

__all__ = ["lab", "train"]
pytestmark = [pytest.mark.training, pytest.mark.soak]
LEARNERS = ("logistic_regression", "random_forest", "gradient_boosting", "stacking")
N = 120


def rows(seed: int) -> pd.DataFrame:
    """Numbers of any size, words, codes and gaps, and a class that depends on them."""
    rng = np.random.default_rng(seed)
    kind = np.arange(N) % 3
    table = pd.DataFrame(
        {
            "länge": (rng.normal(1500 + 900 * kind, 400)).round(2),
            "gewicht": rng.normal(2 - 0.5 * kind, 0.6).round(3),
            "code": [f"{7 * int(k) + int(i):05d}" for k, i in zip(kind, rng.integers(0, 4, N), strict=True)],
            "ort": rng.choice(["Köln", "Ulm", "Bad Ems"], N),
            "anzahl": rng.integers(0, 5, N),
            "art": np.array(["gut", "None", "schlecht, sehr"], dtype=object)[kind],
        }
    )
    table.loc[rng.integers(0, N, 6), "gewicht"] = np.nan
    return table


def german(table: pd.DataFrame) -> str:
    out = table.astype(object).where(table.notna(), "")
    out["länge"] = [f"{value:,.2f}".replace(",", "x").replace(".", ",").replace("x", ".") for value in table["länge"]]
    out["gewicht"] = [str(value).replace(".", ",") for value in out["gewicht"]]
    return out.to_csv(index=False, sep=";")


def dated(table: pd.DataFrame) -> pd.DataFrame:
    days = pd.date_range("2024-01-05", periods=N, freq="3D").strftime("%d.%m.%Y")
    return table.assign(tag=days.to_numpy()[np.arange(N) // 2])


def zipped(path: Path, name: str, data: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, data)


def with_units(table: pd.DataFrame) -> str:
    header, *lines = table.to_csv(index=False).splitlines()
    return "\n".join([header, "mm,kg,,,,", *lines])


def repeated(table: pd.DataFrame) -> str:
    header, *lines = table.to_csv(index=False).splitlines()
    return "\n".join([header, *lines[:50], header, *lines[50:]])


TABLES: dict[str, Callable[[Path, pd.DataFrame], object]] = {
    "plain.csv": lambda path, t: t.to_csv(path, index=False),
    "tabs.tsv": lambda path, t: t.to_csv(path, index=False, sep="\t"),
    "german.csv": lambda path, t: path.write_text(german(t), "utf-8"),
    "german latin.csv": lambda path, t: path.write_bytes(german(t).encode("latin-1")),
    "utf-16.csv": lambda path, t: path.write_bytes(t.to_csv(index=False).encode("utf-16")),
    "title.csv": lambda path, t: path.write_text("Bericht 2024\n\n" + t.to_csv(index=False), "utf-8"),
    "sep.csv": lambda path, t: path.write_text("sep=;\n" + t.to_csv(index=False, sep=";"), "utf-8"),
    "units.csv": lambda path, t: path.write_text(with_units(t), "utf-8"),
    "repeated.csv": lambda path, t: path.write_text(repeated(t), "utf-8"),
    "dates.csv": lambda path, t: dated(t).to_csv(path, index=False),
    "packed.csv.gz": lambda path, t: path.write_bytes(gzip.compress(t.to_csv(index=False).encode())),
    "packed.zip": lambda path, t: zipped(path, "data/rows.csv", t.to_csv(index=False).encode()),
    "records.json": lambda path, t: path.write_text(t.to_json(orient="records", force_ascii=False), "utf-8"),
    "lines.jsonl": lambda path, t: t.to_json(path, orient="records", lines=True, force_ascii=False),
    "columns.parquet": lambda path, t: t.to_parquet(path),
    "-dash \U0001f33f.csv": lambda path, t: t.to_csv(path, index=False),
}


def by_script(folder: Path, source: Path, out: Path) -> pd.DataFrame:
    command = [sys.executable, "-I", str(folder / "predict.py"), "--out", str(out), "--", str(source)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return pd.read_csv(out, keep_default_na=False).set_index("file")


def ending(name: str) -> str:
    """The last folder and the file: an import may name the folders above, or leave out what wraps them all."""
    return "/".join(name.split("/")[-2:])


def check_round_trip(run: RunRecord, source: Path, tmp_path: Path, formats: tuple[str, ...]) -> None:
    """The run's own predictions, those for the original, and those of each export's script agree in the class."""
    assert run.state == "succeeded", run.failure
    outcome = predict(run.id, [source], tmp_path / "predicted")
    predicted = pd.read_parquet(tmp_path / "predicted" / TABLE).set_index("file")
    stored = runs.read_predictions(run.id)
    if "l2" in run.metrics:  # whose validation samples were predicted out of fold
        stored = stored[stored["part"] == "test"]
    names = load_samples(DataRef(dataset=run.dataset, version=run.version)).set_index("id")["path"]
    by_name = predicted["predicted"].rename(index=ending)
    assert by_name.index.is_unique and set(names.map(ending)) <= set(by_name.index)
    assert (by_name[names[stored["id"]].map(ending)].to_numpy() == stored["predicted"].to_numpy()).all()
    assert set(outcome.classes) == set(stored["label"])
    for wanted in formats:
        package = tmp_path / wanted
        assert export_run(run.id, wanted, package.with_suffix(".zip")).check.originals
        with zipfile.ZipFile(package.with_suffix(".zip")) as archive:
            archive.extractall(tmp_path)
        found = by_script(package, source, tmp_path / f"{wanted}.csv")
        assert (found.loc[predicted.index, "predicted"] == predicted["predicted"]).all()


@pytest.mark.parametrize("name", TABLES)
def test_a_table_comes_back_as_it_was(lab: Path, train: Callable[..., RunRecord], tmp_path: Path, name: str) -> None:
    place = list(TABLES).index(name)
    table, source = rows(place), tmp_path / name
    TABLES[name](source, table)
    dataset = import_data(source, target="art", name=f"table {place}").dataset
    assert dataset.n == N and set(dataset.classes) == set(table["art"])
    run = train(data=dataset.id, learner=LEARNERS[place % len(LEARNERS)], seed=place)
    check_round_trip(run, source, tmp_path, ("bundle",))


def pictures(seed: int) -> Iterator[tuple[str, int, Image.Image]]:
    rng = np.random.default_rng(seed)
    for kind in ("checks", "specks", "stripes"):
        for i in range(12):
            yield kind, i, Image.fromarray(texture(kind, rng))


def in_folders(
    root: Path,
    seed: int,
    suffix: str = ".png",
    change: Callable[[Image.Image], Image.Image] = lambda picture: picture,
    name: Callable[[str, int], str] = lambda kind, i: f"{kind}/{i}",
) -> None:
    for kind, i, picture in pictures(seed):
        path = root / f"{name(kind, i)}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        change(picture).save(path)


def deep(picture: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(picture.convert("L")).astype("uint16") * 16)


def icon(picture: Image.Image) -> Image.Image:
    white = Image.new("RGBA", picture.size, "white")
    white.putalpha(picture.convert("L"))
    return white


def with_table(root: Path, seed: int) -> None:
    labels = []
    (root / "images").mkdir(parents=True)
    for place, (kind, _, picture) in enumerate(pictures(seed)):
        picture.save(root / "images" / f"img_{place:03d}.jpg", quality=95)
        labels.append({"id_code": f"img_{place:03d}", "diagnosis": kind})
    pd.DataFrame(labels).to_csv(root / "train.csv", index=False)


def with_metadata(root: Path, seed: int) -> None:
    root.mkdir()
    lines = []
    for place, (kind, _, picture) in enumerate(pictures(seed)):
        picture.save(root / f"{place}.png")
        lines.append(json.dumps({"file_name": f"{place}.png", "label": kind}))
    (root / "metadata.jsonl").write_text("\n".join(lines))


CHINESE = {"checks": "猫", "specks": "狗", "stripes": "鸟"}


def old_zip(root: Path, seed: int) -> Path:
    """A ZIP whose names are in GBK, and do not say so."""
    names = dict(zip(CHINESE, ("@a", "@b", "@c"), strict=True))
    in_folders(root, seed, name=lambda kind, i: f"{CHINESE[kind]}/{i}")
    path = root.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for kind, name in names.items():
            for file in sorted((root / CHINESE[kind]).iterdir()):
                archive.writestr(f"{name}/{file.name}", file.read_bytes())
    data = path.read_bytes()
    for kind, name in names.items():  # names of the same length, so that no offset changes
        data = data.replace(f"{name}/".encode(), f"{CHINESE[kind]}/".encode("gbk"))
    path.write_bytes(data)
    return path


IMAGES: dict[str, Callable[[Path, int], Path | None]] = {
    "plain": lambda root, seed: in_folders(root, seed),
    "palette": lambda root, seed: in_folders(root, seed, change=lambda p: p.convert("P")),
    "twelve bits": lambda root, seed: in_folders(root, seed, ".tif", deep),
    "white icons": lambda root, seed: in_folders(root, seed, change=icon),
    "cmyk": lambda root, seed: in_folders(root, seed, ".jpg", lambda p: p.convert("CMYK")),
    "nested parts": lambda root, seed: in_folders(
        root, seed, name=lambda kind, i: f"data/{'Training_Set' if i < 8 else 'my-test'}/{kind}/{i}"
    ),
    "label table": with_table,
    "metadata lines": with_metadata,
    "old zip": old_zip,
}


@pytest.mark.parametrize("name", IMAGES)
def test_pictures_come_back_as_they_were(
    lab: Path, train: Callable[..., RunRecord], tmp_path: Path, name: str
) -> None:
    place = list(IMAGES).index(name)
    source = IMAGES[name](tmp_path / "source", place) or tmp_path / "source"
    dataset = import_data(source, name=f"pictures {place}").dataset
    assert len(dataset.classes) == 3 and dataset.n == 36
    run = train(data=dataset.id, preset="quick", seed=place)
    check_round_trip(run, source if source.is_dir() else tmp_path / "source", tmp_path, ("onnx", "litert"))
