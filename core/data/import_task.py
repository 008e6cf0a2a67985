"""Importing in the background, and the images that an import leaves without a class as a dataset of their own."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.data.image_import import rest_reading
from core.data.image_reading.reading import load_image_reading
from core.data.images.writing import Progress
from core.data.importing import ImportResult, import_data
from core.data.reading.packing import TABLE_SUFFIXES
from core.data.sources import inspect_source
from core.errors import InputError
from core.schemas import DatasetRecord
from core.store import datasets as store

NO_REST = "none"


def import_rest(
    source: Path | str, dataset: DatasetRecord, number: int | None = None, progress: Progress | None = None
) -> ImportResult | None:
    """The images that an import left out for want of a class, as an unlabelled dataset; None where there are none.

    Args:
        source: what the import came from.
        dataset: whose import it is.
        number: of the import; the last one when left out.
        progress: called with (images done, images in all).
    """
    given = inspect_source(source)
    if given.kind != "image" or not dataset.labelled:
        return None
    reading = load_image_reading(store.import_folder(dataset.id, number or dataset.imports[-1].number))
    with given.open() as archive:
        rest = rest_reading(archive, reading)
    if rest is None:
        return None
    name = store.free_name(f"{dataset.name} without classes")
    values = rest.model_dump(mode="json")
    return import_data(source, name=name, unlabelled=True, reading=values, progress=progress)


def import_task(params: dict[str, Any], folder: Path, progress: Callable[[int, int, str], None]) -> dict[str, str]:
    """`import_data` in the background, with `params` for arguments; an `uploaded` source is a copy to be removed.

    With `rest` the images that have no class become a dataset of their own, the result's `rest`; it is `NO_REST`
    where none lie in folders of their own.

    A table that is refused stays where it is, so that another target can be chosen for it.
    """
    params = dict(params)
    source, uploaded, rest = params.pop("source"), params.pop("uploaded", False), params.pop("rest", False)

    def show(done: int, total: int) -> None:
        left = done < total
        progress(done, total, f"Image {done:,} of {total:,}" if left else "Looking for duplicates and other findings")

    keep = False
    try:
        result = import_data(source, progress=show, **params)
        made = {}
        if rest:
            second = import_rest(source, result.dataset, progress=show)
            made = {"rest": second.dataset.id if second else NO_REST}
    except InputError:
        keep = Path(source).suffix.lower() in TABLE_SUFFIXES
        raise
    finally:
        if uploaded and not keep:
            shutil.rmtree(Path(source).parent, ignore_errors=True)
    return {"dataset": result.dataset.id, **made}
