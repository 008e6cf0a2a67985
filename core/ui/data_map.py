"""The map of a dataset's images: a lasso shows what lies together, and leaves it out where it does not belong."""

import pandas as pd
import streamlit as st

from core import charts
from core.data.images.map import load_map
from core.schemas import DataRef, DatasetRecord, Step, VersionRecord
from core.ui import data_check, gallery, version_making
from core.ui.data_overview import samples_of
from core.ui.gallery import literal
from core.ui.words import plural

METHODS = {"tsne": "Neighbours (t-SNE)", "pca": "Main directions (PCA)"}


def embedding_map(dataset: DatasetRecord, version: VersionRecord) -> None:
    """The map with what a lasso has caught beside it, or the offer to draw one."""
    points = load_map(version)
    if points is None:
        st.markdown("Images that look alike to a pretrained network lie together here, once it has seen them.")
        data_check.deeper(dataset, version, None)
        return
    samples = samples_of(dataset.id, version.id)
    table = samples.merge(points, on="id")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        offered = [m for m in METHODS if table[f"{m}_x"].notna().all()]
        method = st.segmented_control(
            "Plane",
            offered,
            default=offered[0],
            required=True,
            format_func=METHODS.__getitem__,
            key=f"plane-{version.id}",
            help="t-SNE keeps who is next to whom; distances between groups mean nothing. PCA keeps large distances.",
        )
        caught = _plot(table.rename(columns={f"{method}_x": "x", f"{method}_y": "y"}), version, str(method))
    with right:
        _caught(dataset, version, samples[samples["id"].isin(caught)])


def _plot(points: pd.DataFrame, version: VersionRecord, method: str) -> list[str]:
    """Draw the map; the ids that the lasso holds."""
    event = st.plotly_chart(
        charts.embedding_map(points, version.classes),
        key=f"map-{version.id}-{method}",
        on_select="rerun",
        selection_mode=("lasso", "box", "points"),
        config={"displaylogo": False, "modeBarButtonsToRemove": ["toImage", "autoScale2d"]},
        alt="Every image as a dot; images that look alike lie together.",
    )
    return [str(point["customdata"]) for point in event.selection.points]


def _caught(dataset: DatasetRecord, version: VersionRecord, samples: pd.DataFrame) -> None:
    if samples.empty:
        st.info("Draw a line around some dots to see their images here.", icon=":material/lasso_select:")
        return
    counts = samples["label"].value_counts() if dataset.labelled else pd.Series(dtype="int64")
    told = ", ".join(f"{n} {literal(str(name))}" for name, n in counts.items())
    st.markdown(f"**{plural(len(samples), 'image')}**" + (f": {told}" if told else ""))
    if dataset.labelled and st.button(
        f"Leave {'it' if len(samples) == 1 else 'these'} out",
        icon=":material/playlist_remove:",
        help="Makes a new version without them. The images themselves stay, and the step can be switched off again.",
    ):
        dropped = Step(kind="drop_samples", params={"samples": samples["id"].tolist()})
        version_making.add(version, [dropped], f"{plural(len(samples), 'image')} left out")
    captions = samples["label"].map(literal) if dataset.labelled else ""
    ref = DataRef(dataset=dataset.id, version=version.id)
    gallery.samples(dataset, samples[["id", "path"]].assign(caption=captions), ref, f"caught-{version.id}")
