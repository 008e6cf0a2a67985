"""Choosing what a run trains on, where there is a choice."""

import streamlit as st

from core.errors import ClusterError
from core.jobs import backends
from core.methods.learners import get_learner
from core.schemas import TrainingSpec

KEY = "train-device"
GPUS = "train-gpus"


def choose(spec: TrainingSpec) -> TrainingSpec:
    """The spec with the chosen device. Nothing is asked where there is no GPU, or the method cannot use one."""
    most = _most_gpus()
    if not most or (spec.learner and "device" not in get_learner(spec.learner).uses):
        return spec
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.session_state.setdefault(KEY, "gpu")
        device = st.segmented_control(
            "Device",
            ["gpu", "cpu"],
            required=True,
            format_func=str.upper,
            key=KEY,
            persist_state="session",
            help="A GPU trains one run at a time. What runs on the CPU goes on beside it.",
        )
        if device == "cpu":
            return spec.model_copy(update={"device": "cpu", "gpus": None})
        if most == 1:
            return spec.model_copy(update={"device": "gpu"})
        st.session_state[GPUS] = min(st.session_state.get(GPUS, 1), most)
        n = st.number_input(
            "GPUs",
            min_value=1,
            max_value=most,
            key=GPUS,
            persist_state="session",
            help="Each batch is divided among them. The run waits until so many are free.",
            width=120,
        )
    return spec.model_copy(update={"device": "gpu", "gpus": n if n > 1 else None})


def _most_gpus() -> int:
    """How many GPUs a run may have; none while a cluster does not answer, which the sidebar tells."""
    try:
        return backends.chosen().room().together
    except ClusterError:
        return 0


def fill(spec: TrainingSpec) -> None:
    """Have the next `choose` show the device of an earlier run."""
    st.session_state[KEY] = spec.device or "gpu"
    st.session_state[GPUS] = spec.gpus or 1
