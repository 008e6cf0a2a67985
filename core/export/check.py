"""The check of an export: its own script, in a fresh process, on original files, against what Graft predicts."""

import logging
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from core.data.images.store import DatasetImages
from core.errors import DataError
from core.export.formats import LEAST_AGREEMENT, MOST_DIFFERENCE, TIE, FileCheck, Format
from core.export.job import Job
from core.export.package.writing import SCRIPT
from core.inference.predicting.predict import predict
from core.inference.predicting.record import TABLE
from core.store.dataset_folder import DatasetFolder

log = logging.getLogger(__name__)
SECONDS = 1800  # that the script may take


def check_package(job: Job, wanted: Format, folder: Path) -> FileCheck:
    """Compare what the script in `folder` writes with what Graft predicts for the same files.

    `DataError`, with the figure, if they differ, or if Graft itself no longer predicts as the run was judged.
    """
    samples, originals = _write_samples(job, folder.parent / "samples")
    predict(job.run.id, [samples], folder.parent / "expected")
    expected = pd.read_parquet(folder.parent / "expected" / TABLE)
    table, per_second = _run_script(wanted, folder, samples)
    table = table.set_index("file").reindex(expected["file"])
    columns = list(expected.filter(regex="^p:"))
    if not set(columns) <= set(table) or not np.isfinite(table[columns].to_numpy(dtype="float64")).all():
        raise DataError(f"The {wanted.title} file gives no probabilities, so it is not offered.")
    ours, theirs = expected[columns].to_numpy(), table[columns].to_numpy(dtype="float64")
    _require_unchanged(job, ours)
    check = compare_probabilities(ours, theirs, per_second, originals)
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


def _require_unchanged(job: Job, expected: np.ndarray) -> None:
    """`DataError` if the network is not the one that the run was judged by."""
    stored = job.judged.filter(regex="^p:").to_numpy(dtype="float64")
    if len(stored) == len(expected) and ((expected.argmax(axis=1) == stored.argmax(axis=1)).mean() < LEAST_AGREEMENT):
        raise DataError(
            f"The network of run “{job.run.name}” no longer predicts what the run was judged by.", "Train it again."
        )


def _write_samples(job: Job, folder: Path) -> tuple[Path, bool]:
    """The samples to check on, as a file or a folder of files, and whether they are originals."""
    folder.mkdir()
    ids = job.samples.iloc[job.positions()]
    if job.run.spec.backbone:
        images = DatasetImages(job.run.dataset)
        for place, name in enumerate(ids["id"]):
            Image.fromarray(images.image(name)).save(folder / f"{place:06d}.png")
        return folder, False
    files = DatasetFolder.of(job.run.dataset)
    parts = [
        pd.read_parquet(files.table(int(str(number)))).iloc[rows["row"].to_numpy()].set_axis(rows["id"])
        for number, rows in ids.groupby("import_number")
    ]
    pd.concat(parts).loc[ids["id"]].to_parquet(folder / "rows.parquet", index=False)
    return folder / "rows.parquet", False


def _run_script(wanted: Format, folder: Path, samples: Path) -> tuple[pd.DataFrame, float]:
    """What the script writes, and how many samples it predicts in a second."""
    out = folder.parent / "found.csv"
    # Isolated: it finds neither this program's folder nor what the environment names.
    command = [sys.executable, "-I", "-B", str(folder / SCRIPT), str(samples), "--out", str(out)]
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
