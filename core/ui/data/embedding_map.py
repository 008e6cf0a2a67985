"""The tab “Map”: all images by their embedding; a lasso selects images to see them or leave them out."""

import pandas as pd
import streamlit as st

from core import charts
from core.data.cleaning.steps.samples import DROP_SAMPLES
from core.data.images.map import load_map
from core.schemas import DataRef, DatasetRecord, Step, VersionRecord
from core.ui.data import version_making
from core.ui.data.findings.cards import show_deeper_check
from core.ui.shell import gallery
from core.ui.shell.charts import draw
from core.ui.shell.gallery import version_samples
from core.ui.shell.text import literal, plural

METHODS = {"tsne": "Neighbours (t-SNE)", "pca": "Main directions (PCA)"}


def show_map(dataset: DatasetRecord, version: VersionRecord) -> None:
    """The map with the selected images beside it, or the button for the check that computes it."""
    points = load_map(version)
    if points is None:
        st.markdown(
            "Here images with similar embeddings of a pretrained network are close together, once they are computed."
        )
        show_deeper_check(dataset, version, None)
        return
    samples = version_samples(dataset.id, version.id)
    table = samples.merge(points, on="id")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        method = choose_projection(table, f"plane-{version.id}")
        selected = _draw_map(table.rename(columns={f"{method}_x": "x", f"{method}_y": "y"}), version, method)
    with right:
        _show_selected(dataset, version, samples[samples["id"].isin(selected)])


def choose_projection(points: pd.DataFrame, key: str) -> str:
    """Ask for one of the projections that all points have."""
    offered = [m for m in METHODS if points[f"{m}_x"].notna().all()]
    chosen: str = st.segmented_control(
        "Projection",
        offered,
        default=offered[0],
        required=True,
        format_func=METHODS.__getitem__,
        key=key,
        help="t-SNE keeps neighbours together; distances between groups mean nothing. PCA keeps large distances.",
    )
    return chosen


def _draw_map(points: pd.DataFrame, version: VersionRecord, method: str) -> list[str]:
    """Draw the map; returns the ids of the selected images."""
    key = f"map-{version.id}-{method}"
    draw(
        charts.embedding_map(points, version.classes),
        key,
        "Every image as a dot; similar images are close together.",
        on_select="rerun",
        modes=("lasso", "box", "points"),
        toolbar=True,
    )
    return [str(point["customdata"]) for point in st.session_state[key].selection.points]


def _show_selected(dataset: DatasetRecord, version: VersionRecord, samples: pd.DataFrame) -> None:
    if samples.empty:
        st.info("Draw a line around some dots to see their images here.", icon=":material/lasso_select:")
        return
    counts = samples["label"].value_counts() if dataset.labelled else pd.Series(dtype="int64")
    counted = ", ".join(f"{n} {literal(str(name))}" for name, n in counts.items())
    st.markdown(f"**{plural(len(samples), 'image')}**" + (f": {counted}" if counted else ""))
    if dataset.labelled and st.button(
        f"Leave {'it' if len(samples) == 1 else 'these'} out",
        icon=":material/playlist_remove:",
        help="Makes a new version without them. The images themselves stay, and the step can be switched off again.",
    ):
        dropped = Step(kind=DROP_SAMPLES, params={"samples": samples["id"].tolist()})
        version_making.add_steps(version, [dropped], f"{plural(len(samples), 'image')} left out")
    captions = samples["label"].map(literal) if dataset.labelled else ""
    ref = DataRef(dataset=dataset.id, version=version.id)
    gallery.show_samples(dataset, samples[["id", "path"]].assign(caption=captions), ref, f"caught-{version.id}")
