"""The row “Source” of the Train page: another table on which a network is trained before."""

import streamlit as st

from core.data.matching import matched_columns
from core.models.tabular import get_learner
from core.schemas import DataRef, DatasetRecord, TrainingSpec
from core.store import datasets
from core.training.presets import first_cells
from core.ui.gallery import literal
from core.ui.words import plural

KEY = "train-source"
NONE = ""


def choose(dataset: DatasetRecord, version: str, learner: str) -> dict[str, str]:
    """The source's reference under `source`, or nothing. Nothing is asked where no other table shares a column."""
    if "source" not in get_learner(learner).uses:
        return {}
    known = {
        f"{d.id}@{d.version}": d
        for d in datasets.list_datasets()
        if d.kind == "table" and d.labelled and d.id != dataset.id
    }
    shared = {ref: _shared(f"{dataset.id}@{version}", ref) for ref in known}
    offered = [ref for ref, columns in shared.items() if columns]
    if not offered:
        return {}
    if st.session_state.get(KEY) not in (NONE, *offered):
        st.session_state.pop(KEY, None)
    chosen: str = st.selectbox(
        "Source",
        [NONE, *offered],
        format_func=lambda ref: (
            f"{known[ref].name} · {plural(known[ref].n, 'row')}, {plural(len(shared[ref]), 'column')} in common"
            if ref
            else "None: start from random weights"
        ),
        key=KEY,
        persist_state="session",
        help="The network learns this table first and goes on with yours from there. Columns are matched by name and"
        " type; what only the source has is left out, and its test part is not looked at.",
    )
    if not chosen:
        return {}
    st.caption(f"Carried over: {literal(', '.join(shared[chosen]))}.")
    return {"source": chosen}


@st.cache_data(max_entries=256, show_spinner=False)
def _shared(target: str, source: str) -> list[str]:
    return list(matched_columns(*(first_cells(datasets.get_version(DataRef.parse(ref))) for ref in (target, source))))


def fill(spec: TrainingSpec) -> None:
    """Choose what a run has used."""
    st.session_state[KEY] = spec.source[0] if spec.source else NONE
