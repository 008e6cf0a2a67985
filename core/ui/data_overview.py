"""What a dataset holds: samples per class and part, and the samples themselves, as pictures or as a grid of cells."""

from typing import Any

import pandas as pd
import streamlit as st

from core import charts
from core.data.images.store import DatasetImages
from core.data.versions import columns_of, incomplete_rows, load_cells, load_samples
from core.schemas import PARTS, DataRef, DatasetRecord, VersionRecord
from core.store.datasets import get_version
from core.ui import data_classes, gallery, picture_choice, version_making
from core.ui.gallery import literal
from core.ui.words import plural

CHART = {"displayModeBar": False}
MANY_CLASSES = 12
PICTURES = 24  # a page
ROWS = 100  # a page
EVERY = "All"
MISSING = "background-color: rgba(230, 159, 0, 0.35)"  # Okabe and Ito's orange, over light and dark alike


def overview(dataset: DatasetRecord, version: VersionRecord) -> None:
    """Class bars that filter, and the samples of the class and part that are chosen."""
    if dataset.labelled:
        class_bars(dataset, version)
        data_classes.classes(dataset, version)
    wanted = _filter(dataset, version)
    samples = samples_of(dataset.id, version.id)
    for column, value in wanted.items():
        samples = samples[samples[column] == value]
    if dataset.kind == "image":
        pictures(dataset, version, samples)
    else:
        cells(dataset, version, samples)
        profile(dataset, version)


@st.cache_resource(max_entries=4, show_spinner=False)
def samples_of(dataset_id: str, version_id: str) -> pd.DataFrame:
    """A version's samples, not to be changed. Its id names their content, so that the cache can't be stale.

    All visitors look at the same ones: of a large table every copy takes a hundred megabytes.
    """
    samples = load_samples(DataRef(dataset=dataset_id, version=version_id))
    if "width" in samples:
        return samples
    return samples.drop(columns="content_hash").astype({"label": "category", "part": "category"})


def strip(dataset: DatasetRecord, version: VersionRecord, most: int) -> None:
    """A few small pictures, one of each class first."""
    gallery.strip(_squares(dataset.id, version.id, most), alt=f"From {dataset.name}")


@st.cache_data(max_entries=32, show_spinner=False)
def _squares(dataset_id: str, version_id: str, most: int) -> list[bytes]:
    samples = samples_of(dataset_id, version_id)
    by_class = samples.drop_duplicates("label")
    spread = samples.iloc[:: max(1, len(samples) // most)]
    images = DatasetImages(dataset_id)
    chosen = pd.concat([by_class, spread]).drop_duplicates("id").head(most)
    return [gallery.square(images.image(sample_id)) for sample_id in chosen["id"]]


def class_bars(dataset: DatasetRecord, version: VersionRecord) -> None:
    """Samples per class, stacked by part; a click chooses what is shown below."""
    key = f"bars-{dataset.id}-{st.session_state.get(f'bars-{dataset.id}-count', 0)}"
    many = len(version.classes) > MANY_CLASSES
    with st.container(height=460 if many else "content", border=False):
        st.plotly_chart(
            charts.class_bars(version.counts, version.classes),
            key=key,
            on_select=lambda: _follow_bar(dataset, key),
            selection_mode="points",
            config=CHART,
            alt="Samples per class, stacked by part.",
        )


def _follow_bar(dataset: DatasetRecord, key: str) -> None:
    points = st.session_state[key].selection.points
    chosen = tuple(points[0]["customdata"]) if points else (EVERY, EVERY)
    st.session_state[f"class-{dataset.id}"], st.session_state[f"part-{dataset.id}"] = chosen


def _forget_bar(dataset: DatasetRecord) -> None:
    """A filter chosen by hand: the bar clicked before must no longer look chosen."""
    count = f"bars-{dataset.id}-count"
    st.session_state[count] = st.session_state.get(count, 0) + 1


def _filter(dataset: DatasetRecord, version: VersionRecord) -> dict[str, str]:
    """Column → the value it must have."""
    if not dataset.labelled:
        return {}
    st.session_state.setdefault(f"part-{dataset.id}", EVERY)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = {
            "label": st.selectbox(
                "Class",
                [EVERY, *version.classes],
                key=f"class-{dataset.id}",
                on_change=_forget_bar,
                args=(dataset,),
                width=220,
            ),
            "part": st.segmented_control(
                "Part",
                [EVERY, *(part for part in PARTS if part in version.counts)],
                format_func=str.capitalize,
                required=True,
                key=f"part-{dataset.id}",
                on_change=_forget_bar,
                args=(dataset,),
                help="A model learns from train; validation chooses its best epoch; test judges it.",
            ),
        }
        version_making.undo(version)
    return {column: str(value) for column, value in chosen.items() if value != EVERY}


def pictures(dataset: DatasetRecord, version: VersionRecord, samples: pd.DataFrame) -> None:
    """A page of images, each with its class and part; several can be chosen."""
    page = _page(samples, PICTURES, "image", f"page-{dataset.id}")
    if dataset.labelled:
        captions = [f"{literal(gallery.short(a))}  \n{b}" for a, b in zip(page["label"], page["part"], strict=True)]
    else:
        captions = [f"{w} × {h} px" for w, h in zip(page["width"], page["height"], strict=True)]
    chosen = picture_choice.choosing(dataset, version)
    under = picture_choice.bar(version, page, samples) if chosen else None
    ref = DataRef(dataset=dataset.id, version=version.id)
    gallery.samples(dataset, page.assign(caption=captions), ref, f"gallery-{dataset.id}", PICTURES, under)


def _page(samples: pd.DataFrame, per_page: int, noun: str, key: str) -> pd.DataFrame:
    """The rows of the page that is chosen; how many there are in all stands above."""
    pages = max(1, -(-len(samples) // per_page))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(plural(len(samples), noun), width="content")
        number = 1
        if pages > 1:
            # Another filter has other pages: the count in the key begins again at the first.
            number = st.pagination(pages, max_visible_pages=5, key=f"{key}-{len(samples)}")
    return samples.iloc[(number - 1) * per_page : number * per_page]


def cells(dataset: DatasetRecord, version: VersionRecord, samples: pd.DataFrame) -> None:
    """A page of a table's rows with the missing cells marked."""
    incomplete = _incomplete(dataset.id, version.id)
    if len(incomplete) and st.toggle(
        f"Only rows with missing cells ({plural(len(incomplete), 'row')})", key=f"incomplete-{dataset.id}"
    ):
        samples = samples[samples["id"].isin(incomplete)]
    page = _page(samples, ROWS, "row", f"page-{dataset.id}")
    said = page.set_index("id")[["path", *(["label", "part"] if dataset.labelled else [])]]
    said = said.rename(columns={"path": "row", "label": dataset.target or "label"})
    table = load_cells(version, page)
    order = [name for name in columns_of(version)["Column"] if name in table.columns]  # as in the file
    table = table[order]
    shown = said.join(table.rename(columns={c: f"{c} (column)" for c in table.columns if c in said.columns}))
    st.dataframe(
        shown.style.map(_mark).format(_readable),
        hide_index=True,
        height=420 if len(shown) > 11 else "auto",
        placeholder="missing",
        column_config={"row": st.column_config.TextColumn(pinned=True)},
    )


def _mark(cell: Any) -> str:
    return MISSING if pd.isna(cell) else ""


def _readable(cell: Any) -> str:
    if pd.isna(cell):
        return "missing"
    return f"{cell:.10g}" if isinstance(cell, float) else str(cell)


@st.cache_data(max_entries=4, show_spinner=False)
def _incomplete(dataset_id: str, version_id: str) -> pd.Index:
    return incomplete_rows(get_version(DataRef(dataset=dataset_id, version=version_id)))


def profile(dataset: DatasetRecord, version: VersionRecord) -> None:
    """A row per column: its kind, how much is missing, how many values, what they are; why one is left out."""
    st.markdown("#### Columns")
    st.dataframe(
        columns_of(version),
        hide_index=True,
        column_config={
            "Column": st.column_config.TextColumn(pinned=True),
            "Missing": st.column_config.NumberColumn(
                help="Empty cells. They are filled in by what training rows hold."
            ),
            "Distinct": st.column_config.NumberColumn(help="How many different values there are."),
            "Values": st.column_config.TextColumn(
                "Values", help="Numbers: smallest, median, largest. Categories: the most frequent.", width="large"
            ),
        },
    )
