"""The fold “Search instead” of the Train page: settings to search, their values, the sampler and the budget."""

from typing import Any

import streamlit as st

from core.jobs import backends
from core.methods.plan import resolve_request
from core.schemas import Kind, TrainingSpec
from core.studies import study
from core.studies.record import OBJECTIVES, SAMPLERS, Range, StudySpec, Value
from core.studies.space import grid_values
from core.studies.suggestions import USUAL, worth_searching
from core.ui.shell.page import go, show_errors
from core.ui.shell.text import duration, plural
from core.ui.train import form

WIDTH = 148  # two beside each other on a phone
HELP = {
    "tpe": "Tree-structured Parzen estimator (Bergstra et al. 2011): tries more settings near those of good trials.",
    "random": "Bergstra and Bengio 2012: values drawn uniformly. A baseline, and good for many trials at once.",
    "grid": "Every combination, in random order.",
}


def show_search(spec: TrainingSpec, kind: Kind, seconds: float) -> None:
    """Offer a search around `spec`; `seconds` are what one run is expected to take."""
    box = st.expander("Search instead", icon=":material/manage_search:", key=form.SEARCH, on_change="rerun")
    if not box.open:
        return
    with box:
        st.caption("Many runs with different settings, compared on the validation samples; each is kept as a run.")
        offered = worth_searching(resolve_request(spec), kind)
        fields = st.multiselect(
            "Settings to search",
            list(offered),
            [f for f in USUAL[kind] if f in offered],
            format_func=_label,
            key=form.search_key("fields", kind),
        )
        space = {field: _choose_values(field, offered[field]) for field in fields}
        with st.container(horizontal=True):
            sampler = st.selectbox(
                "How",
                list(SAMPLERS),
                format_func=SAMPLERS.__getitem__,
                help="  \n".join(f"**{SAMPLERS[s]}**: {HELP[s]}" for s in SAMPLERS),
                width=170,
            )
            trials = st.number_input(
                "Trials", 1, 1000, None, placeholder="20", width=WIDTH, key=form.search_key("trials")
            )
            minutes = st.number_input(
                "Minutes at most",
                min_value=1,
                max_value=10_000,
                value=None,
                placeholder="No limit",
                width=WIDTH,
                key=form.search_key("minutes"),
            )
            objective = st.selectbox(
                "Best by",
                list(OBJECTIVES),
                format_func=OBJECTIVES.__getitem__,
                width=190,
                help="On few samples the loss shows smaller differences than the accuracy.",
            )
            prune = st.checkbox(
                "Prune weak trials",
                value=True,
                help="A trial whose curve is worse than the median of earlier ones ends early with its best epoch"
                " (Golovin et al. 2017).",
            )
        wanted = {"space": space, "sampler": sampler, "objective": objective, "trials": trials, "minutes": minutes}
        try:
            study_spec = StudySpec.model_validate(
                {"base": spec, "prune": prune, "name": spec.name or "Search", **wanted}
            )
            n = _count_trials(study_spec)
        except ValueError:
            st.error("A range needs two different ends, the lower one first.", icon=":material/error:")
            return
        places = backends.current_backend().capacity().slots
        expected = duration(n * seconds / places, about="")
        limit = f", {plural(int(minutes), 'minute')} at most" if minutes else ""
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Start the search", icon=":material/manage_search:"):
                with show_errors():
                    record = study.create(study_spec)
                    study.start(record.id)
                    go("runs", study=record.id)
            st.caption(f"{plural(n, 'trial')}, about {expected}{limit}, {places} at a time", width="content")


def _count_trials(study_spec: StudySpec) -> int:
    if study_spec.sampler != "grid":
        return study_spec.trials or study.TRIALS
    n = 1
    for values in grid_values(study_spec).values():
        n *= len(values)
    return min(n, study_spec.trials or n)


def _choose_values(field: str, values: tuple[Value, ...] | Range) -> Any:
    """The ends of a range, or the chosen values."""
    if not isinstance(values, Range):
        chosen = st.multiselect(_label(field), values, values, format_func=_label, key=form.search_key(field))
        return tuple(chosen)
    with st.container(horizontal=True):
        low, high = (
            st.number_input(
                f"{_label(field)} {end}",
                value=value,
                format="%g" if isinstance(value, float) else None,
                width=WIDTH,
                key=form.search_key(field, end, value),
            )
            for end, value in (("from", _number(values.low)), ("to", _number(values.high)))
        )
    return {"low": low, "high": high, "log": values.log}


def _number(value: float) -> float | int:
    """An int for counts of epochs, blocks or trees."""
    return int(value) if value >= 1 and value == int(value) else value


def _label(name: Value) -> str:
    return str(name).replace("_", " ").capitalize()
