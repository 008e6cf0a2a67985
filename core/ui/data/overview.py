"""What a dataset holds: samples per class and part, and the samples themselves, as pictures or as a grid of cells."""

from typing import Any

import pandas as pd
import streamlit as st

from core.charts.classes import class_bars
from core.data.images.store import DatasetImages
from core.data.versions import incomplete_rows, load_cells, load_column_profile
from core.schemas import PARTS, DataRef, DatasetRecord, VersionRecord
from core.store.datasets import get_version
from core.ui.data import classes, image_selection, version_making
from core.ui.shell import gallery
from core.ui.shell.charts import draw
from core.ui.shell.gallery import version_samples
from core.ui.shell.tables import show_table
from core.ui.shell.text import literal, plural, shorten

MANY_CLASSES = 12
PICTURES = 24  # a page
ROWS = 100  # a page
_PAGER = 320  # pixels; without a width it has room for the first page only
EVERY = ""  # no filter
ALL = "All"
MISSING = "background-color: rgba(230, 159, 0, 0.35)"  # Okabe and Ito's orange, over light and dark alike


def show_overview(dataset: DatasetRecord, version: VersionRecord) -> None:
    """Class bars that filter, and the samples of the class and part that are chosen."""
    if dataset.labelled:
        _show_class_bars(dataset, version)
        classes.edit_classes(dataset, version)
    filters = _choose_filter(dataset, version)
    samples = version_samples(dataset.id, version.id)
    for column, value in filters.items():
        samples = samples[samples[column] == value]
    if dataset.kind == "image":
        _show_pictures(dataset, version, samples)
    else:
        _show_cells(dataset, version, samples)
        _show_columns(dataset, version)


def show_examples(dataset: DatasetRecord, version: VersionRecord, most: int) -> None:
    """A few small pictures, one of each class first."""
    gallery.show_strip(_example_pictures(dataset.id, version.id, most), alt=f"From {dataset.name}")


@st.cache_data(max_entries=32, show_spinner=False)
def _example_pictures(dataset_id: str, version_id: str, most: int) -> list[bytes]:
    samples = version_samples(dataset_id, version_id)
    by_class = samples.drop_duplicates("label")
    spread = samples.iloc[:: max(1, len(samples) // most)]
    version = get_version(DataRef(dataset=dataset_id, version=version_id))
    images = DatasetImages(dataset_id, version.imports)
    chosen = pd.concat([by_class, spread]).drop_duplicates("id").head(most)
    return [gallery.crop_square(images.image(sample_id)) for sample_id in chosen["id"]]


def _show_class_bars(dataset: DatasetRecord, version: VersionRecord) -> None:
    """Samples per class, stacked by part; a click chooses what is shown below."""
    key = f"bars-{dataset.id}-{st.session_state.get(f'bars-{dataset.id}-count', 0)}"
    draw(
        class_bars(version.counts, version.classes),
        key,
        "Samples per class, stacked by part.",
        tall=len(version.classes) > MANY_CLASSES,
        on_select=lambda: _filter_by_bar(dataset, key),
    )


def _filter_by_bar(dataset: DatasetRecord, key: str) -> None:
    points = st.session_state[key].selection.points
    chosen = tuple(points[0]["customdata"]) if points else (EVERY, EVERY)
    st.session_state[f"class-{dataset.id}"], st.session_state[f"part-{dataset.id}"] = chosen


def _clear_bar(dataset: DatasetRecord) -> None:
    """A filter was chosen by hand: the bar clicked before must no longer look chosen."""
    count = f"bars-{dataset.id}-count"
    st.session_state[count] = st.session_state.get(count, 0) + 1


def _choose_filter(dataset: DatasetRecord, version: VersionRecord) -> dict[str, str]:
    """Column → the value it must have."""
    if not dataset.labelled:
        return {}
    st.session_state.setdefault(f"part-{dataset.id}", EVERY)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = {
            "label": st.selectbox(
                "Class",
                [EVERY, *version.classes],
                format_func=lambda name: name or ALL,
                key=f"class-{dataset.id}",
                on_change=_clear_bar,
                args=(dataset,),
                width=220,
            ),
            "part": st.segmented_control(
                "Part",
                [EVERY, *(part for part in PARTS if part in version.counts)],
                format_func=lambda part: part.capitalize() or ALL,
                required=True,
                key=f"part-{dataset.id}",
                on_change=_clear_bar,
                args=(dataset,),
                help="A model is trained on train, validation chooses its best epoch, and test judges it.",
            ),
        }
        version_making.undo_button(version)
    return {column: str(value) for column, value in chosen.items() if value != EVERY}


def _show_pictures(dataset: DatasetRecord, version: VersionRecord, samples: pd.DataFrame) -> None:
    """A page of images, each with its class and part; several can be chosen."""
    page = _choose_page(samples, PICTURES, "image", f"page-{dataset.id}")
    if dataset.labelled:
        captions = [f"{literal(shorten(a))}  \n{b}" for a, b in zip(page["label"], page["part"], strict=True)]
    else:
        captions = [f"{w} × {h} px" for w, h in zip(page["width"], page["height"], strict=True)]
    selecting = image_selection.is_selecting(dataset, version)
    under = image_selection.show_actions(version, page, samples) if selecting else None
    ref = DataRef(dataset=dataset.id, version=version.id)
    gallery.show_samples(dataset, page.assign(caption=captions), ref, f"gallery-{dataset.id}", PICTURES, under)


def _choose_page(samples: pd.DataFrame, per_page: int, noun: str, key: str) -> pd.DataFrame:
    """The rows of the chosen page, and above it how many there are in all."""
    pages = max(1, -(-len(samples) // per_page))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(plural(len(samples), noun), width="content")
        number = 1
        if pages > 1:
            # Another filter has other pages: the count in the key begins again at the first.
            number = st.pagination(pages, max_visible_pages=5, key=f"{key}-{len(samples)}", width=_PAGER)
    return samples.iloc[(number - 1) * per_page : number * per_page]


def _show_cells(dataset: DatasetRecord, version: VersionRecord, samples: pd.DataFrame) -> None:
    """A page of a table's rows with the missing cells marked."""
    incomplete = _incomplete_rows(dataset.id, version.id)
    if len(incomplete) and st.toggle(
        f"Only rows with missing cells ({plural(len(incomplete), 'row')})", key=f"incomplete-{dataset.id}"
    ):
        samples = samples[samples["id"].isin(incomplete)]
    page = _choose_page(samples, ROWS, "row", f"page-{dataset.id}")
    shown = page.set_index("id")[["path", *(["label", "part"] if dataset.labelled else [])]]
    shown = shown.rename(columns={"path": "row", "label": dataset.target or "label"})
    table = load_cells(version, page)
    order = [name for name in load_column_profile(version)["Column"] if name in table.columns]  # as in the file
    table = table[order]
    shown = shown.join(table.rename(columns={c: f"{c} (column)" for c in table.columns if c in shown.columns}))
    st.dataframe(
        shown.style.map(lambda cell: MISSING if pd.isna(cell) else "").format(_format_cell),
        hide_index=True,
        height=420 if len(shown) > 11 else "auto",
        placeholder="missing",
        column_config={"row": st.column_config.TextColumn(pinned=True)},
    )


def _format_cell(cell: Any) -> str:
    if pd.isna(cell):
        return "missing"
    return f"{cell:.10g}" if isinstance(cell, float) else str(cell)


@st.cache_data(max_entries=4, show_spinner=False)
def _incomplete_rows(dataset_id: str, version_id: str) -> pd.Index:
    return incomplete_rows(get_version(DataRef(dataset=dataset_id, version=version_id)))


def _show_columns(dataset: DatasetRecord, version: VersionRecord) -> None:
    """One row per column: its type, missing cells, distinct values and examples, and why it is left out."""
    st.markdown("#### Columns")
    show_table(
        load_column_profile(version),
        {
            "Missing": "Empty cells. They are imputed from training rows.",
            "Distinct": "How many different values there are.",
            "Values": st.column_config.TextColumn(
                help="Numbers: smallest, median, largest. Categories: the most frequent.", width="large"
            ),
        },
        pinned="Column",
    )
