"""The strategy of a run with its source or teacher, on images or on a table."""

from typing import Any

import streamlit as st

from core.data.tables.matching import matched_columns
from core.methods import backbones as own
from core.methods.recommendation import Recommendation, recommend_strategy
from core.methods.sources import first_cells, possible_sources, transfer_obstacle
from core.methods.strategies import GROUPS, LINEAR_PROBE, STRATEGIES, Strategy, method_title
from core.schemas import DataRef, DatasetRecord, TrainingSpec
from core.store import datasets, runs
from core.ui.shell.source_ranking import show_source_ranking
from core.ui.shell.text import literal, plural
from core.ui.train import form

ASKED_SOURCE = "source"  # in the address
ON_IMAGES = {name: s for name, s in STRATEGIES.items() if s.kind != "table"}


def choose_image_strategy(dataset: DatasetRecord, version: str) -> dict[str, Any]:
    """`strategy` and, where it needs one, `source` or `teacher`; the page ends here where there is none."""
    if ASKED_SOURCE in st.query_params and not ON_IMAGES[st.session_state[form.STRATEGY]].has_source:
        st.session_state[form.STRATEGY] = next(name for name, s in ON_IMAGES.items() if s.has_source)
    st.session_state[form.GROUP] = ON_IMAGES[st.session_state[form.STRATEGY]].group
    st.segmented_control(
        "Way of transferring",
        list(GROUPS),
        key=form.GROUP,
        required=True,
        wrap=True,
        on_change=_choose_first_of_group,
        help="  \n".join(f"**{group}**: {text}" for group, text in GROUPS.items()),
    )
    offered = {name: s for name, s in ON_IMAGES.items() if s.group == st.session_state[form.GROUP]}
    chosen = _strategy_field(offered, form.STRATEGY)
    _show_recommendation(_recommend(dataset, version), chosen)
    method: dict[str, Any] = {"strategy": chosen}
    if ON_IMAGES[chosen].has_source:
        method["source"] = _choose_sources(dataset, version, [ON_IMAGES[chosen]], needed=True)
    if "teacher" in ON_IMAGES[chosen].uses:
        method["teacher"] = _choose_teacher(dataset)
    return method


def choose_table_strategy(dataset: DatasetRecord, version: str, learner: str) -> dict[str, Any]:
    """`source` and `strategy`, or nothing; nothing is asked where no other table fits."""
    target = f"{dataset.id}@{version}"
    known = [s for s in STRATEGIES.values() if s.has_source and s.kind != "image"]
    known = [s for s in known if not s.learners or learner in s.learners]
    chosen = _choose_sources(dataset, version, known)
    if not chosen:
        return {}
    fitting = {s.name: s for s in known if all(_can_transfer(s.name, target, source) for source in chosen)}
    if not fitting:
        st.caption("No strategy can transfer from all of these at once.")
        return {}
    if st.session_state.get(form.TABLE_STRATEGY) not in fitting:
        st.session_state.pop(form.TABLE_STRATEGY, None)
    strategy = _strategy_field(fitting, form.TABLE_STRATEGY)
    for source in chosen:
        st.caption(f"In common: {literal(', '.join(_shared_columns(target, source)))}.")
    return {"source": chosen, "strategy": strategy}


def _strategy_field(offered: dict[str, Strategy], key: str) -> str:
    chosen: str = st.radio(
        "Strategy",
        list(offered),
        format_func=lambda name: offered[name].title,
        captions=[s.summary for s in offered.values()],
        key=key,
        persist_state="session",
        help="  \n".join(f"**{s.title}**: {s.help}" for s in offered.values()),
    )
    return chosen


def _choose_first_of_group() -> None:
    st.session_state[form.STRATEGY] = next(n for n, s in ON_IMAGES.items() if s.group == st.session_state[form.GROUP])


def _recommend(dataset: DatasetRecord, version: str) -> Recommendation:
    """The strategy recommended by the number of images and the newest linear probe on them."""
    probes = [
        run.metrics["validation_accuracy"]
        for run in runs.list_runs(dataset=dataset.id, states=["succeeded"])
        if run.version == version and run.spec.strategy == LINEAR_PROBE and "validation_accuracy" in run.metrics
    ]
    counts = datasets.get_version(DataRef(dataset=dataset.id, version=version)).counts
    return recommend_strategy(counts.get("train", {}), probes[0] if probes else None)


def _show_recommendation(advice: Recommendation, chosen: str) -> None:
    """The recommended strategy with its reason, and a button that chooses it."""
    title = STRATEGIES[advice.strategy].title
    if advice.strategy == chosen:
        st.caption(f":material/lightbulb: Recommended here. {advice.reason}")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f":material/lightbulb: {title} is recommended here. {advice.reason}", width="stretch")
        st.button("Take it", on_click=lambda: st.session_state.update({form.STRATEGY: advice.strategy}))


def _choose_teacher(dataset: DatasetRecord) -> str:
    """The teacher run, by default the newest on these images or else the newest of all."""
    known = {run.id: run for run in sorted(own.trained_runs(), key=lambda run: run.dataset != dataset.id)}
    if not known:
        st.info(
            "There is no teacher yet. Train a larger backbone on these images first; its run can then teach a smaller"
            " one.",
            icon=":material/school:",
        )
        st.stop()
    if st.session_state.get(form.TEACHER) not in known:
        st.session_state[form.TEACHER] = next(iter(known))
    return st.selectbox(
        "Teacher",
        list(known),
        format_func=lambda name: f"{known[name].name} · accuracy {known[name].metrics['accuracy']:.0%}",
        key=form.TEACHER,
        persist_state="session",
        help="Helps where the teacher is clearly better than the small network alone.",
    )


def _choose_sources(
    dataset: DatasetRecord, version: str, strategies: list[Strategy], needed: bool = False
) -> list[str]:
    """The chosen sources; where one is needed at first one, and the page ends here if there is none."""
    known = {f"{d.id}@{d.version}": d for d in possible_sources(dataset)}
    target = f"{dataset.id}@{version}"
    offered = [ref for ref in known if any(_can_transfer(s.name, target, ref) for s in strategies)]
    if not offered and needed:
        st.info(
            "No other dataset fits: a source has labels, and for all but the Bayesian head the same classes.",
            icon=":material/call_merge:",
        )
        st.stop()
    if not offered:
        return []
    if ASKED_SOURCE in st.query_params:  # read once, or it would come back whenever it is removed
        asked = st.query_params.pop(ASKED_SOURCE)
        st.session_state[form.SOURCE] = [ref for ref in offered if asked in (ref, known[ref].id)]
    kept = [ref for ref in st.session_state.get(form.SOURCE, []) if ref in offered]
    st.session_state[form.SOURCE] = kept or (offered[:1] if needed else [])
    chosen: list[str] = st.multiselect(
        "Source",
        offered,
        format_func=lambda ref: f"{known[ref].name} · {plural(known[ref].n, 'sample')}",
        key=form.SOURCE,
        persist_state="session",
        placeholder="Other data to train on as well",
        help="Knowledge is transferred from these data to yours. The test part of a source is not used.",
    )
    if len(offered) > 1:
        show_source_ranking(dataset, datasets.get_version(DataRef.parse(target)))
    return chosen


@st.cache_data(max_entries=1024, show_spinner=False)
def _can_transfer(strategy: str, target: str, source: str) -> bool:
    """Whether a strategy can transfer from a source; both data with their version."""
    ours, theirs = (datasets.get_version(DataRef.parse(ref)) for ref in (target, source))
    return not transfer_obstacle(STRATEGIES[strategy], ours, theirs)


@st.cache_data(max_entries=256, show_spinner=False)
def _shared_columns(target: str, source: str) -> list[str]:
    """The columns of the target that a source has as well; both data with their version."""
    versions = (datasets.get_version(DataRef.parse(ref)) for ref in (target, source))
    return list(matched_columns(*(first_cells(version) for version in versions)))


def choose_source_options(spec: TrainingSpec) -> dict[str, Any]:
    """The strategy's method, and whether it uses the target's labels."""
    strategy = STRATEGIES.get(spec.strategy or "")
    if strategy is None or not strategy.has_source:
        return {}
    changes: dict[str, Any] = {}
    if strategy.methods:
        if st.session_state.get(form.METHOD) not in strategy.methods:
            st.session_state[form.METHOD] = spec.method
        changes["method"] = st.radio(
            "Method",
            list(strategy.methods),
            format_func=method_title,
            captions=list(strategy.methods.values()),
            key=form.METHOD,
        )
    if strategy.labels == "either" and not st.toggle(
        "Use your labels too",
        True,
        key=form.TARGET_LABELS,
        help="Off: your training samples are used without their labels.",
    ):
        changes["target_labels"] = "ignored"
    return changes
