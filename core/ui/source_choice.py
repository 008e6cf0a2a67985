"""The row “Source” of the Train page: other datasets to carry knowledge from, and how a strategy does."""

from typing import Any

import streamlit as st

from core.data.tables.matching import matched_columns
from core.methods.sources import first_cells, fits, possible
from core.methods.strategies import STRATEGIES, Strategy, method_title
from core.schemas import DataRef, DatasetRecord, TrainingSpec
from core.store import datasets
from core.ui import source_ranking
from core.ui.words import plural

KEY = "train-source"
ASKED = "source"  # in the address
METHOD, LABELS = "option-method", "option-target-labels"


def choose(
    dataset: DatasetRecord, version: str, strategies: list[Strategy], needed: bool = False
) -> list[str] | None:
    """The chosen sources, at first one where one is needed; None where there is none to choose."""
    known = {f"{d.id}@{d.version}": d for d in possible(dataset)}
    target = f"{dataset.id}@{version}"
    offered = [ref for ref in known if any(carries_over(s.name, target, ref) for s in strategies)]
    if not offered:
        return None
    if ASKED in st.query_params:  # taken once, or it would come back whenever it is taken out
        asked = st.query_params.pop(ASKED)
        st.session_state[KEY] = [ref for ref in offered if asked in (ref, known[ref].id)]
    kept = [ref for ref in st.session_state.get(KEY, []) if ref in offered]
    st.session_state[KEY] = kept or (offered[:1] if needed else [])
    chosen: list[str] = st.multiselect(
        "Source",
        offered,
        format_func=lambda ref: f"{known[ref].name} · {plural(known[ref].n, 'sample')}",
        key=KEY,
        persist_state="session",
        placeholder="Other data to learn from as well",
        help="Knowledge is carried over from here to your data. The test part of a source is not looked at.",
    )
    if len(offered) > 1:
        source_ranking.which(dataset, datasets.get_version(DataRef.parse(target)))
    return chosen


@st.cache_data(max_entries=1024, show_spinner=False)
def carries_over(strategy: str, target: str, source: str) -> bool:
    """Whether a strategy can carry over from a source; both data with their version."""
    ours, theirs = (datasets.get_version(DataRef.parse(ref)) for ref in (target, source))
    return not fits(STRATEGIES[strategy], ours, theirs)


@st.cache_data(max_entries=256, show_spinner=False)
def in_common(target: str, source: str) -> list[str]:
    """The columns of the target that a source has as well; both data with their version."""
    versions = (datasets.get_version(DataRef.parse(ref)) for ref in (target, source))
    return list(matched_columns(*(first_cells(version) for version in versions)))


def settings(spec: TrainingSpec) -> dict[str, Any]:
    """The strategy's method, and whether the target's labels are learnt from, as chosen among the options."""
    strategy = STRATEGIES.get(spec.strategy or "")
    if strategy is None or not strategy.has_source:
        return {}
    changes: dict[str, Any] = {}
    if strategy.methods:
        if st.session_state.get(METHOD) not in strategy.methods:
            st.session_state[METHOD] = spec.method
        changes["method"] = st.radio(
            "Method",
            list(strategy.methods),
            format_func=method_title,
            captions=list(strategy.methods.values()),
            key=METHOD,
        )
    if strategy.labels == "either" and not st.toggle(
        "Learn from your labels too", True, key=LABELS, help="Off: your training samples are seen without labels."
    ):
        changes["target_labels"] = "ignored"
    return changes


def fill(spec: TrainingSpec) -> None:
    """Choose what a run has used."""
    st.session_state[KEY] = list(spec.source or ())
    if spec.source:
        st.session_state[METHOD] = spec.method
        st.session_state[LABELS] = spec.target_labels != "ignored"
