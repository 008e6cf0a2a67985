"""Samples as pictures or, for tables, as rows, each with a caption."""

import io
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image, ImageOps

from core.data.images.store import DatasetImages
from core.data.versions import load_samples, load_table
from core.schemas import DataRef, DatasetRecord
from core.store.datasets import get_version
from core.ui.shell.text import literal, shorten

TILE = 132  # pixels; two fit beside each other on the narrowest phone
FIRST = 12
SMALL = 48  # pixels, in a strip; six fit beside each other on a phone


@st.cache_resource(max_entries=4, show_spinner=False)
def version_samples(dataset_id: str, version_id: str) -> pd.DataFrame:
    """A version's samples, not to be changed. Its id names their content, so that the cache can't be stale.

    All visitors share one copy: of a large table each takes a hundred megabytes.
    """
    samples = load_samples(DataRef(dataset=dataset_id, version=version_id))
    if "width" in samples:
        return samples
    return samples.drop(columns="content_hash").astype({"label": "category", "part": "category"})


def show_samples(
    dataset: DatasetRecord,
    rows: pd.DataFrame,
    ref: DataRef,
    key: str,
    first: int = FIRST,
    under: Callable[[str], None] | None = None,
) -> None:
    """Show samples: a grid of pictures with captions, or the rows of a table.

    Args:
        dataset: what the samples belong to.
        rows: columns `id`, `path` and `caption` (Markdown, ready to show); a table's rows show further columns too.
        ref: the version the samples belong to.
        key: of the widget, unique on the page.
        first: how many pictures are shown before a person asks for all.
        under: draws something between a picture, whose id it is given, and its caption.
    """
    if dataset.kind == "table":
        _show_rows(rows, ref)
    else:
        _show_pictures(dataset, DatasetImages(dataset.id, get_version(ref).imports), rows, key, first, under)


def _show_pictures(
    dataset: DatasetRecord,
    images: DatasetImages,
    rows: pd.DataFrame,
    key: str,
    first: int,
    under: Callable[[str], None] | None,
) -> None:
    shown = rows
    if len(rows) > first and not st.toggle(f"Show all {len(rows)}", key=f"{key}-all"):
        shown = rows.head(first)
    hashes = {record.number: record.content_hash for record in dataset.imports}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for sample in shown.itertuples():
            import_hash = hashes[images.place(str(sample.id))[0]]
            with st.container(width=TILE, gap=None):
                picture = thumbnail(images, dataset.id, import_hash, str(sample.id), 2 * TILE)
                st.image(picture, width=tile_width(picture), alt=str(sample.path))
                if under:
                    under(str(sample.id))
                name = str(sample.path).rpartition("/")[2]
                st.caption(f"{sample.caption}  \n{literal(shorten(name))}")


def tile_width(picture: bytes, side: int = TILE) -> int:
    """Pixels on the page that keep a tall image within a tile's height as well."""
    width, height = Image.open(io.BytesIO(picture)).size
    return max(1, round(side * width / max(width, height)))


def show_picture(dataset: DatasetRecord, images: DatasetImages, sample_id: str, side: int, alt: str) -> None:
    """One image, its longest side `side` pixels on the page."""
    number, _ = images.place(sample_id)
    import_hash = next(record.content_hash for record in dataset.imports if record.number == number)
    shown = thumbnail(images, dataset.id, import_hash, sample_id, 2 * side)
    st.image(shown, width=tile_width(shown, side), alt=alt)


@st.cache_data(max_entries=4_000, show_spinner=False)
def thumbnail(_images: DatasetImages, dataset_id: str, import_hash: str, sample_id: str, side: int) -> bytes:
    """JPEG bytes of an image. `import_hash` keeps a later dataset of the same id apart in the cache."""
    return _images.thumbnail(sample_id, side)


def crop_square(pixels: np.ndarray) -> bytes:
    """JPEG bytes of an image's middle, for a strip. `pixels` is uint8, height × width × 3."""
    out = io.BytesIO()
    ImageOps.fit(Image.fromarray(pixels), (2 * SMALL, 2 * SMALL)).save(out, "JPEG", quality=88)
    return out.getvalue()


def show_strip(squares: Sequence[bytes], alt: str) -> None:
    """Small pictures side by side, to show at a glance what kind of images these are."""
    with st.container(horizontal=True, gap="xxsmall"):
        for picture in squares:
            st.image(picture, width=SMALL, alt=alt)


def _show_rows(rows: pd.DataFrame, ref: DataRef) -> None:
    table, _ = load_table(ref)
    named = rows.drop(columns="caption").set_index("id")
    # A column of the table may have the same name.
    cells = table.rename(columns={c: f"{c} (column)" for c in table.columns if c in named.columns})
    percent = st.column_config.NumberColumn("confidence", format="percent")
    st.dataframe(named.join(cells), hide_index=True, column_config={"path": "row", "confidence": percent})
