"""The train page's fold “Search instead”: what to search, between which values, how, and how long."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.errors import GraftError
from core.jobs import backends
from core.methods import plan
from core.schemas import Kind, TrainingSpec
from core.studies import study
from core.studies.record import OBJECTIVES, SAMPLERS, Range, StudySpec, Value
from core.studies.space import grid
from core.studies.suggestions import USUAL, worth_searching
from core.ui.page import go, show_error
from core.ui.words import duration, plural

WIDTH = 148  # two beside each other on a phone
HELP = {
    "tpe": "Tree-structured Parzen estimator (Bergstra et al. 2011): tries more where trials were good.",
    "random": "Bergstra and Bengio 2012: values drawn evenly. A yardstick, and good for many trials at once.",
    "grid": "Every combination, in random order.",
}


def search(spec: TrainingSpec, kind: Kind, seconds: float) -> None:
    """Offer a search around `spec`; `seconds` are what one run is expected to take."""
    fold = st.expander(
        "Search instead",
        icon=":material/manage_search:",
        key="search-fold",
        on_change="rerun",
    )
    if not fold.open:
        return
    with fold:
        st.caption("Many runs with different settings, chosen by their validation samples; each stays as a run.")
        offered = worth_searching(plan.resolve(spec, plan.version_for(spec)), kind)
        fields = st.multiselect(
            "Settings to search",
            list(offered),
            [f for f in USUAL[kind] if f in offered],
            format_func=_title,
            key=f"search-fields-{kind}",
        )
        space = {field: _values(field, offered[field]) for field in fields}
        with st.container(horizontal=True):
            sampler = st.selectbox(
                "How",
                list(SAMPLERS),
                format_func=SAMPLERS.__getitem__,
                help="  \n".join(f"**{SAMPLERS[s]}**: {HELP[s]}" for s in SAMPLERS),
                width=170,
            )
            trials = st.number_input("Trials", 1, 1000, None, placeholder="20", width=WIDTH, key="search-trials")
            minutes = st.number_input(
                "Minutes at most", 1, 10_000, None, placeholder="No limit", width=WIDTH, key="search-minutes"
            )
            objective = st.selectbox(
                "Best by",
                list(OBJECTIVES),
                format_func=OBJECTIVES.__getitem__,
                width=190,
                help="The loss tells finer differences on few samples than the accuracy does.",
            )
            prune = st.checkbox(
                "End hopeless trials early",
                value=True,
                help="A trial whose curve is worse than the median of those before ends with its best epoch"
                " (Golovin et al. 2017).",
            )
        wanted = {"space": space, "sampler": sampler, "objective": objective, "trials": trials, "minutes": minutes}
        try:
            asked = StudySpec.model_validate({"base": spec, "prune": prune, "name": spec.name or "Search", **wanted})
            n = _count(asked)
        except ValueError:
            st.error("A range needs two different ends, the lower one first.", icon=":material/error:")
            return
        places = backends.chosen().room().slots
        expected = duration(n * seconds / places).removeprefix("about ")
        limit = f", {plural(int(minutes), 'minute')} at most" if minutes else ""
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Start the search", icon=":material/manage_search:"):
                _start(asked)
            st.caption(f"{plural(n, 'trial')}, about {expected}{limit}, {places} at a time", width="content")


def _start(asked: StudySpec) -> None:
    try:
        record = study.create(asked)
        study.start(record.id)
    except GraftError as error:
        show_error(error)
        return
    go("runs", study=record.id)


def _count(asked: StudySpec) -> int:
    if asked.sampler != "grid":
        return asked.trials or study.TRIALS
    n = 1
    for values in grid(asked).values():
        n *= len(values)
    return min(n, asked.trials or n)


def _values(field: str, values: tuple[Value, ...] | Range) -> Any:
    """The ends of a range, or which of the values, as the person changed them."""
    if not isinstance(values, Range):
        return tuple(_chosen(field, values))
    with st.container(horizontal=True):
        low, high = (
            st.number_input(
                f"{_title(field)} {end}",
                value=value,
                format="%g" if isinstance(value, float) else None,
                width=WIDTH,
                key=f"search-{field}-{end}-{value}",
            )
            for end, value in (("from", _number(values.low)), ("to", _number(values.high)))
        )
    return {"low": low, "high": high, "log": values.log}


def _chosen(field: str, values: Sequence[Value]) -> list[Value]:
    return st.multiselect(_title(field), values, values, format_func=_title, key=f"search-{field}")


def _number(value: float) -> float | int:
    """Whole where it was meant so: counts of epochs, blocks, trees."""
    return int(value) if value >= 1 and value == int(value) else value


def _title(name: Value) -> str:
    return str(name).replace("_", " ").capitalize()
