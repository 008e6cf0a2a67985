"""Pictures to predict: files, folders and archives as one, decoded as an import decodes them."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pandas as pd

from core.data.files.archives import Archive, open_archive
from core.data.files.decoding import GREY_MODES, Rendering
from core.data.files.names import SUFFIXES, free_name
from core.data.files.packed import is_packed
from core.data.findings.evidence import count
from core.data.image_reading.folders import Layout, propose_layouts
from core.data.image_reading.members import image_members
from core.data.image_reading.reading import image_names, load_rendering
from core.data.images.writing import Progress, store_images
from core.errors import InputError
from core.schemas import RunRecord, Skipped
from core.settings import get_settings
from core.store.datasets import import_folder
from core.store.runs import run_folder


def store_pictures(
    paths: Sequence[Path], folder: Path, rendering: Rendering, progress: Progress | None = None
) -> tuple[pd.DataFrame, list[Skipped]]:
    """Decode all pictures into `folder`; the manifest as `store_images` writes it, and what was refused and why.

    `rendering` is that of the pictures that the run was trained on. A file that is no picture is refused alone.
    `InputError` when no picture is left.
    """
    with ExitStack() as opened:
        gathered = _Gathered(paths, opened)
        # Folders say nothing here: what lies in one called “pred” or “thumbs” is to be predicted as well.
        layout = Layout(root=propose_layouts(image_names(gathered))[0].root)
        members, named = image_members(gathered, labelled=False, layout=layout)
        manifest, unreadable = pd.DataFrame(), list[Skipped]()
        if members:
            manifest, unreadable = store_images(gathered, members, folder, progress, rendering)
    skipped = [*named, *unreadable]
    if manifest.empty:
        why = f" “{skipped[0].path}”: {skipped[0].reason.rstrip('.')}." if skipped else ""
        raise InputError(f"There is no picture among what was given.{why}", "Give pictures as JPEG or PNG, or a ZIP.")
    return manifest, skipped


def find_rendering(run: RunRecord) -> Rendering:
    """How the pictures were rendered that a run was trained on, also where its dataset is gone."""
    return load_rendering([run_folder(run.id), import_folder(run.dataset, 1)])  # runs of earlier versions lack it


def rendering_notes(manifest: pd.DataFrame, rendering: Rendering) -> tuple[str, ...]:
    """What does not show of the pictures: further frames, drawings on their own colour, grey values out of range."""
    n_several = int((manifest["frames"] > 1).sum())
    frames = (
        f"{count(n_several, 'file')} {'holds' if n_several == 1 else 'hold'} several pages or frames; only the first"
        " of each was taken.",
    )
    n_blank = int(manifest["vanished"].sum())
    blank = (
        f"{count(n_blank, 'picture')} {'looks' if n_blank == 1 else 'look'} blank: drawings on transparency that do"
        f" not show on the {rendering.ground or 'white'} background of the training pictures.",
    )
    return (*(frames if n_several else ()), *(blank if n_blank else ()), *_grey_notes(manifest, rendering))


def _grey_notes(manifest: pd.DataFrame, rendering: Rendering) -> tuple[str, ...]:
    deep = manifest[manifest["mode"].isin(GREY_MODES)]
    if rendering.low is None and len(deep):
        return (
            f"{count(len(deep), 'picture')} {'has' if len(deep) == 1 else 'have'} grey values of more than 8 bits, as"
            " no training picture has; integers were scaled from 0 to 65,535, floats from 0 to 1.",
        )
    beyond = manifest[manifest["clipped"] > 0]
    if beyond.empty:
        return ()
    return (
        f"{count(len(beyond), 'picture')} {'holds' if len(beyond) == 1 else 'hold'} grey values outside"
        f" {rendering.low:g} to {rendering.high:g}, the range of the training pictures; they were clipped in"
        f" {count(int(beyond['clipped'].sum()), 'pixel')}.",
    )


class _Gathered(Archive):
    """Several files, folders and archives as one archive. One that cannot be used is refused alone."""

    def __init__(self, paths: Sequence[Path], opened: ExitStack) -> None:
        self.title = "the pictures"
        self.sizes: dict[str, int] = {}
        self._read: dict[str, Callable[[], bytes]] = {}
        self._inside: list[Archive] = []
        refused: list[Skipped] = []
        for path in paths:
            if path.is_dir() or (path.suffix.lower() not in SUFFIXES and is_packed(path)):
                try:
                    archive = opened.enter_context(open_archive(path))
                except InputError as error:
                    refused.append(Skipped(path=path.name, reason=error.message))
                    continue
                self._inside.append(archive)
                refused += archive.refused
                for name, size in archive.sizes.items():
                    self._add(name, size, partial(archive.read, name))
            else:
                self._add(path.name, path.stat().st_size, path.read_bytes)
        if len(self.sizes) > get_settings().max_members:
            raise InputError(f"{len(self.sizes):,} files are too many.", "Give them in several parts.")
        self.refused = tuple(refused)

    def _add(self, name: str, size: int, read: Callable[[], bytes]) -> None:
        name = free_name(name, self.sizes)  # telephones call every picture the same
        self.sizes[name], self._read[name] = size, read

    def read(self, name: str) -> bytes:
        return self._read[name]()

    def reopen(self) -> None:
        for archive in self._inside:
            archive.reopen()
