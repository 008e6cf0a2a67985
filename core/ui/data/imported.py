"""What came of bringing a dataset in: what was left out, and the dataset of images without a class."""

import streamlit as st

from core.data.image_reading.members import describe_left_out
from core.data.import_task import NO_REST
from core.errors import NotFoundError
from core.schemas import DatasetRecord
from core.store import datasets
from core.ui.shell.importing import REST
from core.ui.shell.page import go
from core.ui.shell.text import list_some, literal, plural

_REASONS = 3


def show_imported(dataset: DatasetRecord) -> None:
    """How many of a source's samples are in the dataset, where some are not; and the second dataset, once."""
    for record in dataset.current_imports().imports:
        images = dataset.kind == "image"
        if record.n_read and record.n < record.n_read and (dataset.labelled or not images):
            noun = "images" if images else "rows"
            rows = [f"{s.path}: {s.reason}" for s in record.skipped if s.path.startswith("row")]
            why = describe_left_out(record.skipped) if images else rows
            st.caption(
                f":material/info: {record.n:,} of {record.n_read:,} {noun} of {literal(record.source)} were taken."
                f" Left out: {list_some(why, _REASONS)}. Findings lists all."
            )
    made = st.query_params.get(REST)
    if made == NO_REST:
        st.info("No second dataset was made: no folder holds only images without a class.", icon=":material/info:")
    elif made:
        _show_rest(made)


def _show_rest(dataset_id: str) -> None:
    try:
        rest = datasets.get_dataset(dataset_id)
    except NotFoundError:
        return  # deleted since
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"{plural(rest.n, 'image')} without a class became a dataset of their own, **{literal(rest.name)}**: a"
            " run can predict them.",
            width="stretch",
        )
        if st.button("Open it", icon=":material/photo_library:", key="open-rest"):
            go("data", dataset=rest.id)
