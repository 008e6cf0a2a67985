"""The strategy of a run: on images its group and itself, on tables how to carry over; and the source or teacher."""

from typing import Any

import streamlit as st

from core.methods import backbones as own
from core.methods.recommendation import Recommendation, recommend
from core.methods.strategies import GROUPS, STRATEGIES, Strategy
from core.schemas import DataRef, DatasetRecord, Kind, TrainingSpec
from core.store import datasets, runs
from core.ui import source_choice
from core.ui.gallery import literal

KEY, GROUP, TEACHER = "train-strategy", "train-group", "train-teacher"
CARRYING = "train-carrying"  # of a table
KNOWN = {name: s for name, s in STRATEGIES.items() if s.kind != "table"}


def of_images(dataset: DatasetRecord, version: str) -> dict[str, Any]:
    """`strategy` and, where it needs one, `source` or `teacher`; the page ends here where there is none to choose."""
    if source_choice.ASKED in st.query_params and not KNOWN[st.session_state[KEY]].has_source:
        st.session_state[KEY] = next(name for name, s in KNOWN.items() if s.has_source)
    st.session_state[GROUP] = KNOWN[st.session_state[KEY]].group
    st.segmented_control(
        "Way of transferring",
        list(GROUPS),
        key=GROUP,
        required=True,
        wrap=True,
        on_change=_first_of_group,
        help="  \n".join(f"**{group}**: {text}" for group, text in GROUPS.items()),
    )
    offered = {name: s for name, s in KNOWN.items() if s.group == st.session_state[GROUP]}
    chosen = _radio(offered, KEY)
    _advise(_recommended(dataset, version), chosen)
    found: dict[str, Any] = {"strategy": chosen}
    if KNOWN[chosen].has_source:
        found["source"] = _source_images(dataset, version, KNOWN[chosen])
    if "teacher" in KNOWN[chosen].uses:
        found["teacher"] = _teacher(dataset)
    return found


def of_table(dataset: DatasetRecord, version: str, learner: str) -> dict[str, Any]:
    """`source` and `strategy`, or nothing; nothing is asked where no other table fits."""
    target = f"{dataset.id}@{version}"
    known = [s for s in STRATEGIES.values() if s.has_source and s.kind != "image"]
    known = [s for s in known if not s.learners or learner in s.learners]
    chosen = source_choice.choose(dataset, version, known)
    if not chosen:
        return {}
    fitting = {
        s.name: s for s in known if all(source_choice.carries_over(s.name, target, source) for source in chosen)
    }
    if not fitting:
        st.caption("No strategy carries over from all of these at once.")
        return {}
    if st.session_state.get(CARRYING) not in fitting:
        st.session_state.pop(CARRYING, None)
    strategy = _radio(fitting, CARRYING)
    for source in chosen:
        st.caption(f"In common: {literal(', '.join(source_choice.in_common(target, source)))}.")
    return {"source": chosen, "strategy": strategy}


def _radio(offered: dict[str, Strategy], key: str) -> str:
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


def _first_of_group() -> None:
    st.session_state[KEY] = next(n for n, s in KNOWN.items() if s.group == st.session_state[GROUP])


def _recommended(dataset: DatasetRecord, version: str) -> Recommendation:
    """A strategy for these images, from their number and from the newest probe on them."""
    probes = [
        run.metrics["validation_accuracy"]
        for run in runs.list_runs(dataset=dataset.id, states=["succeeded"])
        if run.version == version and run.spec.strategy == "linear_probe" and "validation_accuracy" in run.metrics
    ]
    counts = datasets.get_version(DataRef(dataset=dataset.id, version=version)).counts
    return recommend(counts.get("train", {}), probes[0] if probes else None)


def _advise(advice: Recommendation, chosen: str) -> None:
    """The recommended strategy with its reason, and the way to take it."""
    title = STRATEGIES[advice.strategy].title
    if advice.strategy == chosen:
        st.caption(f":material/lightbulb: Recommended here. {advice.reason}")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f":material/lightbulb: {title} is recommended here. {advice.reason}", width="stretch")
        st.button("Take it", on_click=lambda: st.session_state.update({KEY: advice.strategy}))


def _source_images(dataset: DatasetRecord, version: str, strategy: Strategy) -> list[str]:
    """At least one source; the page ends here where no dataset fits."""
    chosen = source_choice.choose(dataset, version, [strategy], needed=True)
    if chosen is None:
        st.info(
            "No other dataset fits: a source has labels, and for all but the Bayesian head the same classes.",
            icon=":material/call_merge:",
        )
        st.stop()
    return chosen


def _teacher(dataset: DatasetRecord) -> str:
    """The run to learn from: unless another is chosen, the newest on these images, or else the newest of all."""
    known = {run.id: run for run in sorted(own.trained_runs(), key=lambda run: run.dataset != dataset.id)}
    if not known:
        st.info(
            "There is no teacher yet. Train a larger backbone on these images first; its run can then teach a smaller"
            " one.",
            icon=":material/school:",
        )
        st.stop()
    if st.session_state.get(TEACHER) not in known:
        st.session_state[TEACHER] = next(iter(known))
    return st.selectbox(
        "Teacher",
        list(known),
        format_func=lambda name: f"{known[name].name} · accuracy {known[name].metrics['accuracy']:.0%}",
        key=TEACHER,
        persist_state="session",
        help="Helps where the teacher is clearly better than the small network alone.",
    )


def fill(spec: TrainingSpec, kind: Kind) -> None:
    """Choose what a spec names, for data of a kind."""
    if spec.strategy in STRATEGIES:
        st.session_state[KEY if kind == "image" else CARRYING] = spec.strategy
    if spec.teacher:
        st.session_state[TEACHER] = spec.teacher
