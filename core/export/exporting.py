"""Exports a run: writes a file, loads it in a fresh process, compares predictions, and only then hands it over."""

import errno
import logging
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.data.versions import load_samples
from core.errors import DataError, DiskError, InputError, WeightsError
from core.export.formats import (
    LEAST_AGREEMENT,
    MOST_DIFFERENCE,
    Exported,
    FileCheck,
    Format,
    export_obstacle,
    get_format,
)
from core.schemas import DataRef, RunRecord
from core.settings import ROOT
from core.store import files, runs
from core.store.datasets import get_dataset, get_version
from core.store.runs import run_folder
from core.training.version_images import VersionImages

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)
Progress = Callable[[int, int, str], None]
CHECKED = 300  # test samples, or all where there are fewer
STEPS = 4
CHECK_SECONDS = 1800


@dataclass
class Job:
    """The argument of a format's function.

    Attributes:
        run: the run.
        work: an empty folder; what the function leaves in it under `stem` becomes the exported file or files.
        stem: the name of the file, without its ending.
    """

    run: RunRecord
    work: Path
    stem: str
    ending: str

    def file(self, ending: str) -> Path:
        return self.work / f"{self.stem}{ending}"

    @property
    def ref(self) -> DataRef:
        return DataRef(dataset=self.run.dataset, version=self.run.version)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """The samples of the run's version; `NotFoundError` when it has been deleted."""
        get_version(self.ref)
        return load_samples(self.ref)

    @cached_property
    def network(self) -> "keras.Model":
        """The network that the run saved, read without running code of its own."""
        from core.models.own_networks import read_network

        try:
            return read_network(run_folder(self.run.id) / "model.keras")
        except WeightsError as error:
            raise WeightsError(f"The network of run “{self.run.name}” is damaged.", "Train it again.") from error

    def images(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """Images at positions of `samples`, as the run saw them, uint8, `(n, size, size, 3)`."""
        return VersionImages(get_dataset(self.run.dataset), self.samples).batch(positions, self.run.spec.image_size)

    @cached_property
    def judged(self) -> pd.DataFrame:
        """Test rows of the run's predictions, at most `CHECKED` of them, chosen at random."""
        rows = runs.read_predictions(self.run.id)
        rows = rows[rows["part"] == "test"]
        if rows.empty:
            raise InputError(
                f"Run “{self.run.name}” has no test samples to check the file on.", "Train with a test part."
            )
        if len(rows) > CHECKED:
            rows = rows.sample(CHECKED, random_state=0).sort_index()
        return rows

    def positions(self) -> np.ndarray:
        """Where in `samples` the rows of `judged` are."""
        found = pd.Index(self.samples["id"]).get_indexer(pd.Index(self.judged["id"]))
        if (found < 0).any():
            raise DataError(
                f"{int((found < 0).sum())} test samples of run “{self.run.name}” are gone.",
                "Import the data again.",
            )
        return np.asarray(found)


def export_task(params: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """The task `export`: `params` are the `run` and the `format`; the file lies in the task's folder."""
    wanted = get_format(params["format"])
    target = folder / f"export{wanted.endings[0]}"
    return export_run(params["run"], params["format"], target, progress).model_dump(mode="json")


def export_run(run_id: str, name: str, target: Path, progress: Progress = lambda *_: None) -> Exported:
    """Write the run to `target` in the format of that name.

    Raises:
        InputError: the run or the file's ending does not fit. DataError: the file does not do as the network does,
        and was not handed over. DiskError: there is no room. WeightsError: the run's network is damaged.
    """
    run, wanted = runs.get_run(run_id), get_format(name)
    trouble = export_obstacle(run, wanted)
    if trouble:
        raise InputError(f"Run “{run.name}” cannot be exported as {wanted.title}: {trouble}")
    # A folder may have a dot in its name, which begins no ending.
    ending = "" if "" in wanted.endings and target.suffix.lower() != ".zip" else target.suffix.lower()
    if ending not in wanted.endings:
        endings = " or ".join(e or "no ending, a folder" for e in wanted.endings)
        raise InputError(
            f"{wanted.title} is written to a file that ends in {endings}.",
            f"Call it “{target.stem}{wanted.endings[0]}”.",
        )
    for path in (target, target.with_suffix(".bin")) if ending == ".xml" else (target,):
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise InputError(f"There is already something at {path}.", "Choose another place, or remove it.")
    files.need_disk(8 * runs.model_size(run.id) + CHECKED * 3 * run.spec.image_size**2)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tmp-") as folder:
            job = Job(run, Path(folder), target.stem, ending)
            progress(0, STEPS, "writing")
            main: Path = resolve_name(wanted.write)(job)
            check = _check_file(job, wanted, main, progress) if wanted.predicts else None
            progress(STEPS - 1, STEPS, "handing over")
            size = _hand_over(job, main, target)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise DiskError("The disk is full.", "Delete datasets or runs that are no longer needed.") from error
    progress(STEPS, STEPS, "")
    return Exported(format=name, path=str(target), bytes=size, check=check)


def _check_file(job: Job, wanted: Format, path: Path, progress: Progress) -> FileCheck:
    """Compare the file with the run's network. `DataError` if their predictions differ."""
    progress(1, STEPS, "the network itself on test samples")
    given = job.work / ("samples.npy" if job.run.spec.backbone else "samples.parquet")
    expected = _reference(job, given)
    progress(2, STEPS, "the file on test samples")
    found, seconds = _predict_in_engine(wanted, path, given)
    if found.shape != expected.shape or not np.isfinite(found).all():
        raise DataError(f"The {wanted.title} file gives no probabilities, so it is not offered.")
    check = FileCheck(
        n=len(found),
        largest_difference=float(np.abs(found - expected).max()),
        agreement=float((found.argmax(axis=1) == expected.argmax(axis=1)).mean()),
        per_second=float(1 / max(np.median(seconds), 1e-9)),
    )
    require_agreement(check, wanted)
    return check


def require_agreement(check: FileCheck, wanted: Format) -> None:
    """`DataError`, with the figure, if the file's predictions differ from the network's."""
    if wanted.integers and check.agreement < LEAST_AGREEMENT:
        raise DataError(
            f"{wanted.title} agrees with the network on {check.agreement:.1%} of {check.n} test images,"
            f" less than {LEAST_AGREEMENT:.0%}, so it is not offered.",
            "Take a format in full precision.",
        )
    if not wanted.integers and not check.largest_difference < MOST_DIFFERENCE:
        raise DataError(
            f"A probability of the {wanted.title} file is {check.largest_difference:.2g} off that of the network,"
            f" more than {MOST_DIFFERENCE:g}, so it is not offered.",
            "Take another format.",
        )


def _reference(job: Job, given: Path) -> np.ndarray:
    """The network's probabilities for the test samples, `(n, classes)`; the samples are written to `given`."""
    judged = job.judged
    stored: np.ndarray = judged.filter(like="p:").to_numpy(dtype="float64")
    if not job.run.spec.backbone:
        from core.data.versions import load_rows

        cells = load_rows(job.ref, cells=True)[0].cells
        cells.iloc[job.positions()].to_parquet(given)
        return stored
    images = job.images(job.positions())
    np.save(given, images)
    found = job.network.predict(images.astype("float32"), batch_size=32, verbose=0)
    if (found.argmax(axis=1) == stored.argmax(axis=1)).mean() < LEAST_AGREEMENT:
        raise DataError(
            f"The network of run “{job.run.name}” no longer predicts what the run was judged by.", "Train it again."
        )
    return np.asarray(found)


def _predict_in_engine(wanted: Format, path: Path, given: Path) -> tuple[np.ndarray, np.ndarray]:
    out = given.with_name("found.npz")
    command = [sys.executable, "-m", "core.export.engine", wanted.engine, str(path), str(given), str(out)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=CHECK_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise DataError(
            f"The {wanted.title} file took over {CHECK_SECONDS // 60} minutes on the test samples; it is left.",
            "Take another format, or a smaller network.",
        ) from error
    if done.returncode:
        log.error("the engine %s failed:\n%s", wanted.engine, done.stderr[-4000:])
        raise DataError(
            f"The {wanted.title} file could not be loaded, so it is not offered.",
            f"It ended with: {(done.stderr.strip().splitlines() or ['nothing'])[-1][:200]}",
        )
    with np.load(out) as found:
        return found["probabilities"], found["seconds"]


def _hand_over(job: Job, main: Path, target: Path) -> int:
    """Move the written files to the target, packed if a ZIP is wanted; returns the bytes."""
    beside = [p for p in (main.with_suffix(".bin"),) if p.exists()]
    if job.ending == ".zip" and main.suffix != ".zip":
        packed = job.work / ".packed.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in (main, *beside):
                for member in sorted(path.rglob("*")) if path.is_dir() else [path]:
                    archive.write(member, member.relative_to(job.work))
        main, beside = packed, []
    size = sum(files.folder_size(p) if p.is_dir() else p.stat().st_size for p in (main, *beside))
    if target.is_dir():
        target.rmdir()  # it is empty
    for path in beside:
        shutil.move(path, target.with_name(path.name))
    shutil.move(main, target)
    return size
