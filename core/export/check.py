"""The check of an export: its own script, in a fresh process, on original files, against what Graft predicts."""

import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from core.data.files.archives import open_archive
from core.data.image_reading.reading import list_members, load_image_reading
from core.data.images.store import DatasetImages
from core.data.tables.readings import import_reading
from core.data.tables.schema import load_schema
from core.errors import DataError
from core.export.formats import LEAST_AGREEMENT, MOST_DIFFERENCE, TIE, FileCheck, Format
from core.export.job import Job
from core.export.package.writing import SCRIPT
from core.inference.predicting.predict import predict
from core.inference.predicting.record import TABLE
from core.store.dataset_folder import DatasetFolder
from core.store.datasets import get_dataset, get_version, import_folder
from core.store.originals import open_original

log = logging.getLogger(__name__)
SECONDS = 1800  # that the script may take


@dataclass(frozen=True)
class Samples:
    """What is predicted: `path`, a table or a folder of pictures; `originals`: as they came.

    `judged` names the run's test samples among them, in the order of `job.judged`, where that is known.
    """

    path: Path
    originals: bool
    judged: Sequence[str] | None


def check_package(job: Job, wanted: Format, folder: Path) -> FileCheck:
    """Compare what the script in `folder` writes with what Graft predicts for the same files.

    `DataError`, with the figure, if they differ, or if Graft itself no longer predicts as the run was judged.
    """
    place = folder.parent / "samples"
    place.mkdir()
    samples = _write_pictures(job, place) if job.run.spec.backbone else _write_table(job, place)
    predict(job.run.id, [samples.path], folder.parent / "expected", allow_unreadable=True)
    expected = pd.read_parquet(folder.parent / "expected" / TABLE).set_index("file")
    # A column of the training table may hold any share of cells that are no number, if a person called it numeric.
    options = () if job.run.spec.backbone else ("--allow-unreadable",)
    table, per_second = _run_script(wanted, folder, samples.path, options)
    table = table.set_index("file").reindex(expected.index)
    columns = list(expected.filter(regex="^p:"))
    if not set(columns) <= set(table) or not np.isfinite(table[columns].to_numpy(dtype="float64")).all():
        raise DataError(f"The {wanted.title} file gives no probabilities, so it is not offered.")
    if samples.judged is not None:
        _require_unchanged(job, expected[columns].loc[list(samples.judged)].to_numpy())
    check = compare_probabilities(
        expected[columns].to_numpy(), table[columns].to_numpy(dtype="float64"), per_second, samples.originals
    )
    require_agreement(check, wanted)
    return check


def compare_probabilities(
    expected: np.ndarray, found: np.ndarray, per_second: float = 0.0, originals: bool = True
) -> FileCheck:
    """The figures of the check for probabilities, both `(n, classes)`."""
    two = np.sort(expected, axis=1)[:, -2:]
    clear = two[:, 1] - two[:, 0] > TIE
    same = expected.argmax(axis=1) == found.argmax(axis=1)
    return FileCheck(
        n=len(expected),
        largest_difference=float(np.abs(found - expected).max()),
        agreement=float(same[clear].mean()) if clear.any() else 1.0,
        per_second=per_second,
        originals=originals,
    )


def require_agreement(check: FileCheck, wanted: Format) -> None:
    """`DataError`, with the figure, if the script's predictions differ from Graft's."""
    least = LEAST_AGREEMENT if wanted.integers else 1.0
    if check.agreement < least:
        raise DataError(
            f"{wanted.title} agrees with Graft on {check.agreement:.1%} of {check.n} test samples, less than"
            f" {least:.0%}, so it is not offered.",
            "Take another format." if not wanted.integers else "Take a format in full precision.",
        )
    if not wanted.integers and not check.largest_difference < MOST_DIFFERENCE:
        raise DataError(
            f"A probability of the {wanted.title} file is {check.largest_difference:.2g} off that of the network,"
            f" more than {MOST_DIFFERENCE:g}, so it is not offered.",
            "Take another format.",
        )


def _require_unchanged(job: Job, found: np.ndarray) -> None:
    """`DataError` if the network is not the one that the run was judged by."""
    stored = job.judged.filter(regex="^p:").to_numpy(dtype="float64")
    if (found.argmax(axis=1) == stored.argmax(axis=1)).mean() < LEAST_AGREEMENT:
        raise DataError(
            f"The network of run “{job.run.name}” no longer predicts what the run was judged by.", "Train it again."
        )


def _write_pictures(job: Job, folder: Path) -> Samples:
    """The test pictures: their original files where all imports kept them, else as Graft keeps them."""
    samples = job.samples.iloc[job.positions()].reset_index(drop=True)
    records = {record.number: record for record in get_dataset(job.run.dataset).imports}
    wanted = {int(str(number)): rows for number, rows in samples.groupby("import_number")}
    originals = all(records[number].original for number in wanted)
    names = [""] * len(samples)
    if not originals:
        images = DatasetImages(job.run.dataset, get_version(job.ref).imports)
        for place, name in enumerate(samples["id"]):
            names[place] = f"{place:06d}.png"
            Image.fromarray(images.image(name)).save(folder / names[place])
        return Samples(folder, False, names)
    for imported, group in wanted.items():
        reading = load_image_reading(import_folder(job.run.dataset, imported))
        with open_original(records[imported].original) as source, open_archive(source) as archive:
            archive.use_encoding(reading.encoding)
            members = {member.path: member.name for member in list_members(archive, reading)[0]}
            for place, path in zip(group.index.tolist(), group["path"], strict=True):
                names[place] = f"{place:06d}{Path(path).suffix}"
                (folder / names[place]).write_bytes(archive.read(members[path]))
    return Samples(folder, True, names)


def _write_table(job: Job, folder: Path) -> Samples:
    """The original of the import that holds most test rows, of those that are read as the run reads new files.

    If none was kept, the test rows as Graft keeps them.
    """
    samples = job.samples.iloc[job.positions()].reset_index(drop=True)
    originals = {record.number: record.original for record in get_dataset(job.run.dataset).imports}
    by_size = map(int, samples["import_number"].value_counts().index)
    most = next((number for number in by_size if originals[number] and _is_read_alike(job, number)), None)
    if most is not None:
        with open_original(originals[most]) as source:
            copy = shutil.copytree if source.is_dir() else shutil.copyfile
            copy(source, folder / source.name)
        one_file = samples["import_number"].nunique() == 1 and samples["path"].str.fullmatch(r"row \d+").all()
        return Samples(folder / source.name, True, samples["path"].tolist() if one_file else None)
    files = DatasetFolder.of(job.run.dataset)
    parts = [
        pd.read_parquet(files.table(int(str(number)))).iloc[rows["row"].to_numpy()].set_axis(rows["id"])
        for number, rows in samples.groupby("import_number")
    ]
    pd.concat(parts).loc[samples["id"]].to_parquet(folder / "rows.parquet", index=False)
    return Samples(folder / "rows.parquet", False, [f"row {place}" for place in range(1, len(samples) + 1)])


def _is_read_alike(job: Job, number: int) -> bool:
    """Whether the cells of an import mean what those of the first one mean, by which the run reads all files."""
    first = import_folder(job.run.dataset, get_version(job.ref).imports[0])
    schema, known = load_schema(first), import_reading(first)
    other = import_reading(import_folder(job.run.dataset, number))
    cells = {(reading.decimal, reading.thousands) for reading in (known, other)}
    columns = [{column.name: column for column in reading.columns} for reading in (known, other)]
    return len(cells) == 1 and all(
        columns[0].get(name) == columns[1].get(name) for name in (*schema.numeric, *schema.categorical)
    )


def _run_script(wanted: Format, folder: Path, samples: Path, options: Sequence[str]) -> tuple[pd.DataFrame, float]:
    """What the script writes, and how many samples it predicts in a second."""
    out = folder.parent / "found.csv"
    # Isolated: it finds neither this program's folder nor what the environment names.
    command = [sys.executable, "-I", "-B", str(folder / SCRIPT), str(samples), "--out", str(out), *options]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise DataError(
            f"The {wanted.title} file took over {SECONDS // 60} minutes on the test samples; it is not offered.",
            "Take another format, or a smaller network.",
        ) from error
    if done.returncode:
        log.error("the script for %s failed:\n%s", wanted.engine, done.stderr[-4000:])
        raise DataError(
            f"The {wanted.title} file could not be loaded, so it is not offered.",
            f"It ended with: {(done.stderr.strip().splitlines() or ['nothing'])[-1][:200]}",
        )
    speed = re.search(r"([\d.]+) a second$", done.stderr.strip())
    return pd.read_csv(out, keep_default_na=False), float(speed[1]) if speed else 0.0
