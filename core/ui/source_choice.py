"""The row “Source” of the Train page: other datasets to carry knowledge from, and how."""

from typing import Any

import streamlit as st

from core.data.matching import matched_columns
from core.schemas import DataRef, DatasetRecord, TrainingSpec
from core.store import datasets
from core.training.sources import first_cells, fits
from core.transfer.strategies import STRATEGIES, Strategy
from core.ui.gallery import literal
from core.ui.words import plural

KEY, STRATEGY = "train-source", "train-carrying"
METHOD, LABELS = "option-method", "option-target-labels"


def for_table(dataset: DatasetRecord, version: str, learner: str) -> dict[str, Any]:
    """`source` and `strategy` of a run on a table, or nothing; nothing is asked where no other table fits."""
    known = [s for s in STRATEGIES.values() if s.has_source and s.kind != "image"]
    known = [s for s in known if not s.learners or learner in s.learners]
    chosen = _sources(dataset, version, known)
    if not chosen:
        return {}
    fitting = {s.name: s for s in known if all(_fits(s.name, f"{dataset.id}@{version}", ref) for ref in chosen)}
    if not fitting:
        st.caption("No strategy carries over from all of these at once.")
        return {}
    if st.session_state.get(STRATEGY) not in fitting:
        st.session_state.pop(STRATEGY, None)
    strategy = st.radio(
        "Strategy",
        list(fitting),
        format_func=lambda s: STRATEGIES[s].title,
        captions=[s.summary for s in fitting.values()],
        key=STRATEGY,
        persist_state="session",
        help="  \n".join(f"**{s.title}**: {s.help}" for s in fitting.values()),
    )
    for ref in chosen:
        st.caption(f"In common: {literal(', '.join(_shared(f'{dataset.id}@{version}', ref)))}.")
    return {"source": chosen, "strategy": strategy}


def for_images(dataset: DatasetRecord, version: str, strategy: str) -> dict[str, Any]:
    """`source` of a run whose strategy needs one; the page ends here where no dataset fits."""
    if not STRATEGIES[strategy].has_source:
        return {}
    chosen = _sources(dataset, version, [STRATEGIES[strategy]], needed=True)
    if chosen is None:
        st.info(
            "No other dataset fits: a source has labels, and for all but the Bayesian head the same classes.",
            icon=":material/call_merge:",
        )
        st.stop()
    return {"source": chosen}


def _sources(
    dataset: DatasetRecord, version: str, strategies: list[Strategy], needed: bool = False
) -> list[str] | None:
    """The chosen sources, at first one where one is needed; None where there is none to choose."""
    known = {f"{d.id}@{d.version}": d for d in datasets.list_datasets() if d.kind == dataset.kind and d.labelled}
    target = f"{dataset.id}@{version}"
    offered = [ref for ref in known if any(_fits(s.name, target, ref) for s in strategies)]
    if not offered:
        return None
    asked = st.query_params.get("source")
    if asked and KEY not in st.session_state:
        st.session_state[KEY] = [ref for ref in offered if asked in (ref, known[ref].id)]
    kept = [ref for ref in st.session_state.get(KEY, []) if ref in offered]
    st.session_state[KEY] = kept or (offered[:1] if needed else [])
    return st.multiselect(
        "Source",
        offered,
        format_func=lambda ref: f"{known[ref].name} · {plural(known[ref].n, 'sample')}",
        key=KEY,
        persist_state="session",
        placeholder="Other data to learn from as well",
        help="Knowledge is carried over from here to your data. The test part of a source is not looked at.",
    )


@st.cache_data(max_entries=1024, show_spinner=False)
def _fits(strategy: str, target: str, source: str) -> bool:
    ours, theirs = (datasets.get_version(DataRef.parse(ref)) for ref in (target, source))
    return not fits(STRATEGIES[strategy], ours, theirs)


@st.cache_data(max_entries=256, show_spinner=False)
def _shared(target: str, source: str) -> list[str]:
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
            format_func=lambda name: name.replace("_", " ").capitalize(),
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
        st.session_state[STRATEGY] = spec.strategy
        st.session_state[METHOD] = spec.method
        st.session_state[LABELS] = spec.target_labels != "ignored"
