"""What a run can be exported as. Pure data, so that a page can import it; each format names what writes it.

To add a format, write its function and describe it in `formats.toml`; a new engine that loads it goes into
`core.export.package.engines`.
"""

from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Literal

from core.errors import InputError, NotFoundError, did_you_mean
from core.schemas import DataRef, Frozen, Kind, RunRecord
from core.store.datasets import get_version
from core.store.files import read_entries
from core.store.runs import run_folder

MOST_DIFFERENCE = 1e-3  # of any class's probability, for formats that compute in float32
TIE = 2e-3  # of the two largest probabilities: below it, either class is right
LEAST_AGREEMENT = 0.98  # of the predicted classes, for formats that round to integers
Need = Literal["network", "data"]  # the run's own network; its data, with a test part


class Format(Frozen):
    """One export format.

    Attributes:
        endings: those that a file of it may have, the first one where none was asked for. `.zip` is the folder with
            all that predicting needs, for a format that predicts.
        write: the function, called with a `core.export.job.Job`, that gives the main file it wrote.
        engine: the key in `core.export.package.engines` by which the script beside the file loads it; empty for a
            format that does not predict.
        integers: whether it is held to the classes instead of the probabilities.
        needs: what must still be there.
        hindered: a function that says of a run, in a sentence, what else stands in the way.
    """

    name: str
    title: str
    purpose: str
    endings: tuple[str, ...]
    write: str
    kinds: tuple[Kind, ...] = ("image",)
    engine: str = ""
    integers: bool = False
    needs: tuple[Need, ...] = ("network", "data")
    hindered: str = ""

    @property
    def predicts(self) -> bool:
        """Whether it is a model, not a document or a script."""
        return bool(self.engine)


FORMATS = read_entries(Path(__file__).with_suffix(".toml"), Format)


class FileCheck(Frozen):
    """The comparison of an export's own script with what Graft predicts.

    `n` samples; `largest_difference` of any class's probability; `agreement` the share with the same class, of those
    whose two largest probabilities differ; `per_second` how many of them the script predicts. `originals`: they were
    read from the files as they came, not from what Graft keeps of them.
    """

    n: int
    originals: bool = False
    largest_difference: float
    agreement: float
    per_second: float


class Exported(Frozen):
    """An exported file and its check; None for a format that does not predict."""

    format: str
    path: str
    bytes: int
    check: FileCheck | None = None


def get_format(name: str) -> Format:
    if name not in FORMATS:
        raise InputError(
            f"There is no format “{name}”.", did_you_mean(name, FORMATS, f"Choose one of: {', '.join(FORMATS)}.")
        )
    return FORMATS[name]


def kind_of(run: RunRecord) -> Kind:
    return "image" if run.spec.backbone else "table"


def formats_of(run: RunRecord) -> list[Format]:
    """The formats that fit the run's kind of data."""
    return [f for f in FORMATS.values() if kind_of(run) in f.kinds]


def export_obstacle(run: RunRecord, wanted: Format) -> str:
    """Why this run cannot be exported in this format, as a sentence; "" if it can."""
    if run.state != "succeeded":
        return "Only a run that succeeded can be exported."
    if kind_of(run) not in wanted.kinds:
        return f"This format is for {'images' if 'image' in wanted.kinds else 'tables'}."
    if "network" in wanted.needs:
        if run.spec.folds:
            return "A run with folds keeps no network: each of its folds had another one. Train once without folds."
        if not any((run_folder(run.id) / name).is_file() for name in ("model.keras", "model.joblib")):
            return "The file of its network is gone. Train it again."
    if "data" in wanted.needs:
        try:
            version = get_version(DataRef(dataset=run.dataset, version=run.version))
        except NotFoundError:
            return "The data that it was trained on were deleted. Import them, and train again."
        if not run.spec.folds and not version.counts.get("test"):
            return "There are no test samples to check the file on. Train with a test part."
    if wanted.hindered:
        say: Any = resolve_name(wanted.hindered)
        return str(say(run))
    return ""
