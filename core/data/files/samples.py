"""Small real data sets that ship with Graft."""

import gzip
import importlib.util
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from core.data.files.archives import Archive, MemoryArchive, open_archive
from core.errors import GraftError, NotFoundError, did_you_mean
from core.schemas import Kind
from core.settings import ROOT

FOLDER = ROOT / "samples"


@dataclass(frozen=True)
class Sample:
    """A shipped data set: `open` gives the images, `path` the CSV file whose column `target` is predicted."""

    name: str
    title: str
    kind: Kind
    n: int
    licence: str
    about: str
    target: str | None = None
    path: Path = FOLDER
    open: Callable[[], AbstractContextManager[Archive]] = lambda: open_archive(FOLDER)


@contextmanager
def _digits() -> Iterator[Archive]:
    """The 1,797 images of scikit-learn's digits, 8 × 8 pixels in 17 greys, read without importing it."""
    package = importlib.util.find_spec("sklearn")
    if not package or not package.submodule_search_locations:
        raise GraftError("scikit-learn, which holds the digits, is not installed.", "Install the requirements again.")
    path = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    with gzip.open(path, "rt") as file:
        table = np.loadtxt(file, delimiter=",")
    files = {}
    grey = np.round(table[:, :64] * (255 / 16)).astype("uint8").reshape(-1, 8, 8)
    for i, (pixels, digit) in enumerate(zip(grey, table[:, 64].astype(int), strict=True)):
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG", compress_level=1)
        files[f"{digit}/{i:04d}.png"] = out.getvalue()
    yield MemoryArchive("digits", files)


SAMPLES: dict[str, Sample] = {
    sample.name: sample
    for sample in (
        Sample(
            name="clipart",
            title="Clip art",
            kind="image",
            n=302,
            licence="Public domain",
            about="Drawings of mammals, fruit, birds and flowers from the Open Clip Art Library.",
            open=lambda: open_archive(FOLDER / "clipart"),
        ),
        Sample(
            name="penguins",
            title="Penguins",
            kind="table",
            n=344,
            licence="CC0-1.0",
            about="Three species of penguins measured near Palmer Station, Antarctica; some cells are empty.",
            target="species",
            path=FOLDER / "penguins.csv",
        ),
        Sample(
            name="digits",
            title="Digits",
            kind="image",
            n=1797,
            licence="CC BY 4.0",
            about="Handwritten digits at 8 × 8 pixels, from the UCI repository by way of scikit-learn.",
            open=_digits,
        ),
    )
}


def get_sample(name: str) -> Sample:
    """The sample with this name, or `NotFoundError`."""
    if name not in SAMPLES:
        raise NotFoundError(
            f"There is no sample “{name}”.",
            did_you_mean(name, SAMPLES, "The samples are " + ", ".join(SAMPLES) + "."),
        )
    return SAMPLES[name]
