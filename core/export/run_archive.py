"""A whole run as a ZIP that another Graft can import, every member verified by its SHA-256.

No code from such a file is executed: networks are read like other imported networks (`core.models.own_networks`), and
models of scikit-learn, which are pickles and can run code, are left out.
"""

import hashlib
import json
import re
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import core
from core.data.files.packed import ZipArchive
from core.errors import DataError, InputError, WeightsError
from core.evaluation.scores import judged_rows
from core.methods.backbone import Backbone
from core.methods.backbones import NETWORK, RECORD
from core.schemas import RunRecord, TrainingSpec
from core.settings import get_settings
from core.store import files, runs
from core.store.runs import run_folder

if TYPE_CHECKING:
    from core.export.job import Job

Progress = Callable[[int, int, str], None]
CONTENTS = "graft-run.json"
NEEDED = ("spec.json", "run.json", "predictions.parquet", "metrics.json")
PLAIN = (*NEEDED, "baselines.parquet", "weights.parquet", "events.jsonl", "log.txt", "reading.json", RECORD,
         NETWORK)  # fmt: skip
PICKLES = ("model.joblib", "preparation.joblib")
WITHOUT = (
    "Brought in without what scikit-learn had fitted, for such files can run code: it can be evaluated and compared,"
    " but nothing predicted with."
)


def write_archive(job: "Job") -> Path:
    """The run's folder, with a list of its files and their digests."""
    folder, path = run_folder(job.run.id), job.file(".zip")
    files.need_disk(files.folder_size(folder))
    found = [folder / name for name in (*PLAIN, *PICKLES) if (folder / name).is_file()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in found}
        archive.writestr(CONTENTS, json.dumps({"graft": core.__version__, "sha256": digests}, indent=1))
        for file in found:
            archive.write(file, file.name)
    return path


def import_run_task(params: dict[str, Any], folder: Path, progress: Progress) -> dict[str, str]:
    """Task `run`: imports the file at `path`."""
    progress(0, 1, "reading")
    return {"run": import_run(Path(params["path"])).id}


def import_run(path: Path) -> RunRecord:
    """Import a run that another Graft exported. Its dataset need not exist here.

    Raises:
        InputError: it is no such file, not safe, or a run of that id is here already. DataError: it is damaged.
        WeightsError: its network holds code or is damaged. DiskError: there is no room.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.", "Check the path.")
    archive = ZipArchive(path)
    try:
        if archive.refused:
            refused = archive.refused[0]
            raise InputError(f"“{refused.path}” in “{path.name}” was refused: {refused.reason}.", "Export it again.")
        files.need_disk(sum(archive.sizes.values()))
        get_settings().runs.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=get_settings().runs, prefix=".tmp-") as above:
            staged = Path(above) / "run"
            staged.mkdir()
            left_out = _unpack(archive, path.name, staged)
            record = _record(staged, path.name)
            if (staged / NETWORK).exists():
                _check_network(staged / NETWORK, path.name)
            notes = (*record.notes, WITHOUT) if left_out else record.notes
            return runs.adopt_run(record.model_copy(update={"notes": notes}), staged)
    finally:
        archive.close()


def _unpack(archive: ZipArchive, title: str, folder: Path) -> bool:
    """Unpack the members of a run into `folder`, digests verified; returns whether pickles were left out."""
    if CONTENTS not in archive.sizes:
        raise InputError(f"“{title}” is no run of Graft.", "Export the run as “Whole run” and bring that file.")
    try:
        digests = json.loads(archive.read(CONTENTS))["sha256"]
        names = {str(name): str(digest) for name, digest in digests.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(title, CONTENTS) from error
    strange = sorted((set(archive.sizes) | set(names)) - {CONTENTS, *PLAIN, *PICKLES})
    if strange:
        raise InputError(f"“{title}” holds “{strange[0]}”, which no run has, so it was refused.", "Export it again.")
    for name in (*NEEDED, *archive.sizes):
        if name != CONTENTS and (name not in names or name not in archive.sizes):
            raise _damaged(title, name)
    fitted = any(name in PICKLES for name in names)
    kept = set(PLAIN) - ({NETWORK} if fitted else set())  # a network of rows is nothing without its preparation
    for name, digest in names.items():
        try:
            content = archive.read(name)
        except (OSError, KeyError) as error:
            raise _damaged(title, name) from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise _damaged(title, name)
        if name in kept:
            (folder / name).write_bytes(content)
    return fitted


def _record(folder: Path, title: str) -> RunRecord:
    """The run's record, its process forgotten; `DataError` unless it, its spec and its predictions can be read."""
    try:
        TrainingSpec.model_validate_json((folder / "spec.json").read_text("utf-8"))
        if (folder / RECORD).exists():
            Backbone.model_validate_json((folder / RECORD).read_text("utf-8"))
        record = RunRecord.model_validate_json((folder / "run.json").read_text("utf-8"))
        predictions = pd.read_parquet(folder / "predictions.parquet")
        judged_rows(predictions)
    except (ValueError, OSError, KeyError) as error:  # pydantic's and pyarrow's errors are ValueErrors or OSErrors
        raise _damaged(title, "its record or its predictions") from error
    if not re.fullmatch(r"[0-9a-f]{8}", record.id) or not re.fullmatch(r"[a-z0-9][a-z0-9-]*", record.dataset):
        raise InputError(f"“{title}” holds no proper run.", "Export it again.")
    if record.state != "succeeded":
        raise InputError(f"The run in “{title}” did not succeed.", "Bring a run that ended well.")
    return record.model_copy(update={"pid": None, "pid_created": None, "job": "", "binned": None})


def _check_network(path: Path, title: str) -> None:
    from core.models.own_networks import read_network

    try:
        read_network(path)
    except WeightsError as error:
        raise WeightsError(f"The network in “{title}” was refused: {error.message}", error.hint) from error


def _damaged(title: str, name: str) -> DataError:
    return DataError(f"“{title}” is damaged: {name} cannot be read as it was written.", "Export the run again.")
