"""The strategy of a run on images: its group, itself, and the source or the teacher that it learns from."""

from typing import Any

import streamlit as st

from core.models import own
from core.schemas import DataRef, DatasetRecord, TrainingSpec
from core.store import datasets, runs
from core.transfer.recommendation import Recommendation, recommend
from core.transfer.strategies import GROUPS, STRATEGIES
from core.ui import source_choice

KEY, GROUP, TEACHER = "train-strategy", "train-group", "train-teacher"
KNOWN = {name: s for name, s in STRATEGIES.items() if s.kind != "table"}


def choose(dataset: DatasetRecord, version: str) -> dict[str, Any]:
    """`strategy` and, where it needs one, `source` or `teacher`; the page ends here where there is none to choose."""
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
    chosen = st.radio(
        "Strategy",
        list(offered),
        format_func=lambda name: offered[name].title,
        captions=[s.summary for s in offered.values()],
        key=KEY,
        persist_state="session",
        help="  \n".join(f"**{s.title}**: {s.help}" for s in offered.values()),
    )
    _advise(_recommended(dataset, version), chosen)
    found = {"strategy": chosen, **source_choice.for_images(dataset, version, chosen)}
    if "teacher" in KNOWN[chosen].uses:
        found["teacher"] = _teacher()
    return found


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


def _teacher() -> str:
    """The run to learn from: the newest unless another is chosen."""
    names = [b.name.removeprefix(own.RUN) for b in own.own_backbones() if b.name.startswith(own.RUN)]
    if not names:
        st.info(
            "There is no teacher yet. Train a larger backbone on these images first; its run can then teach a smaller"
            " one.",
            icon=":material/school:",
        )
        st.stop()
    known = {name: runs.get_run(name) for name in names}
    if st.session_state.get(TEACHER) not in known:
        st.session_state[TEACHER] = names[0]
    return st.selectbox(
        "Teacher",
        names,
        format_func=lambda name: f"{known[name].name} · accuracy {known[name].metrics['accuracy']:.0%}",
        key=TEACHER,
        persist_state="session",
        help="Helps where the teacher is clearly better than the small network alone.",
    )


def fill(spec: TrainingSpec) -> None:
    """Choose what a run has used."""
    if spec.strategy in KNOWN:
        st.session_state[KEY] = spec.strategy
    if spec.teacher:
        st.session_state[TEACHER] = spec.teacher
