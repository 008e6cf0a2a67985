"""Exports a run: writes a file, has its own script predict in a fresh process, and only then hands it over."""

import errno
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from core.errors import DiskError, InputError
from core.export.check import check_package
from core.export.formats import Exported, export_obstacle, get_format, kind_of
from core.export.job import CHECKED, Job
from core.store import files, runs

Progress = Callable[[int, int, str], None]
PACKAGES = {
    "image": "core.export.package.images:write_image_package",
    "table": "core.export.package.tables:write_table_package",
}
STEPS = 4


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
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tmp-") as place:
            folder = Path(place) / target.stem
            folder.mkdir()
            job = Job(run, folder, target.stem)
            progress(0, STEPS, "writing")
            main: Path = resolve_name(wanted.write)(job)
            check = None
            if wanted.predicts:
                progress(1, STEPS, "packing")
                resolve_name(PACKAGES[kind_of(run)])(job, wanted, main)
                progress(2, STEPS, "checking on test samples")
                check = check_package(job, wanted, folder)
            progress(STEPS - 1, STEPS, "handing over")
            size = _hand_over(folder, main, target)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise DiskError("The disk is full.", "Delete datasets or runs that are no longer needed.") from error
    progress(STEPS, STEPS, "")
    return Exported(format=name, path=str(target), bytes=size, check=check)


def _hand_over(folder: Path, main: Path, target: Path) -> int:
    """Move the main file to the target, or the whole folder if a ZIP is wanted; returns the bytes."""
    beside = [p for p in (main.with_suffix(".bin"),) if p.exists()]
    if target.suffix.lower() == ".zip" and main.suffix != ".zip":
        packed = folder.with_suffix(".packed")
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for member in sorted(folder.rglob("*")):
                archive.write(member, member.relative_to(folder.parent))
        main, beside = packed, []
    size = sum(files.folder_size(p) if p.is_dir() else p.stat().st_size for p in (main, *beside))
    if target.is_dir():
        target.rmdir()  # it is empty
    for path in beside:
        shutil.move(path, target.with_name(path.name))
    shutil.move(main, target)
    return size
