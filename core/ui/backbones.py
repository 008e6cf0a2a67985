"""Choosing a backbone: those whose weights are here, one of your runs, and the ways to get further ones."""

import pandas as pd
import streamlit as st

from core.errors import WeightsError
from core.jobs import tasks
from core.methods import backbones as own
from core.methods.backbone import Backbone, Scaling, how_to_get, weights_path, weights_state
from core.methods.pretrained import BACKBONES
from core.ui import uploads
from core.ui.gallery import literal
from core.ui.page import telling_errors
from core.ui.version_task import tell_end, watch

CHOSEN, CHOSEN_RUN = "train-backbone", "train-backbone-run"
OF_A_RUN = own.RUN
SLOT = "backbone-file"
SCALINGS: dict[Scaling, str] = {
    "inside": "0 to 255, the network scales them itself",
    "unit": "0 to 1",
    "tf": "−1 to 1",
    "torch": "less ImageNet's mean, by its deviation",
    "caffe": "blue, green, red, less ImageNet's mean",
}


def choose() -> str:
    """The name of the chosen backbone."""
    here = {name: b for name, b in BACKBONES.items() if weights_state(b) == "present"}
    mine = own.own_backbones()
    here |= {b.name: b for b in mine if b.name.startswith(own.BROUGHT)}
    of_runs = {b.name: b for b in mine if b.name.startswith(own.RUN)}
    asked = st.query_params.get("backbone", "")
    if asked in of_runs:  # a link from a run: once, or nothing else could be chosen any more
        del st.query_params["backbone"]
        st.session_state[CHOSEN], st.session_state[CHOSEN_RUN] = OF_A_RUN, asked
    options = [*here, *([OF_A_RUN] if of_runs else [])]
    if st.session_state.get(CHOSEN) not in options:
        st.session_state[CHOSEN] = options[0]
    captions = [
        _facts(here[name]) if name in here else "Go on from what an earlier run has learnt." for name in options
    ]
    chosen = st.radio(
        "Backbone",
        options,
        format_func=lambda name: (
            BACKBONES[name].title
            if name in BACKBONES
            else literal(here[name].title)
            if name in here
            else "One of your runs"
        ),
        captions=captions,
        key=CHOSEN,
        persist_state="session",
        help="The pretrained network whose knowledge is carried over. Larger ones are slower and often better.",
    )
    if chosen == OF_A_RUN:
        chosen = st.selectbox(
            "Run to go on from",
            list(of_runs),
            format_func=lambda name: of_runs[name].title,
            key=CHOSEN_RUN,
            persist_state="session",
        )
        st.caption(in_words(of_runs[chosen]))
    for backbone in BACKBONES.values():
        if (backbone.package and backbone.name not in here) or weights_state(backbone) == "damaged":
            try:
                weights_path(backbone)
            except WeightsError as error:
                st.caption(f":material/info: {literal(error.message)} {error.hint}")
    _more()
    return chosen


def in_words(backbone: Backbone) -> str:
    """“EfficientNet-Lite0 → clip art → this run”: what it was trained from."""
    return literal(" → ".join([*backbone.chain, "this run"]))


def _facts(backbone: Backbone) -> str:
    top1 = f" · ImageNet top-1 {backbone.top1:.2f}" if backbone.top1 else ""
    return f"{backbone.parameters / 1e6:.1f} M parameters · {backbone.input_size} px{top1}"


def _more() -> None:
    """Further backbones, folded away."""
    box = st.expander("More backbones", icon=":material/add:", on_change="rerun", key="more-backbones")
    if not box.open:
        return
    with box:
        missing = [b for b in BACKBONES.values() if weights_state(b) != "present"]
        st.dataframe(_table(), hide_index=True, height=240)
        running = tasks.at_work("weights")
        if running:
            st.fragment(watch, run_every=1.0)(running[0].id, "Downloading")
        elif missing:
            _tell("weights", "Downloading")
            _fetch(missing)
        st.divider()
        _bring()


def _table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Name": b.title,
            "Weights": {"present": "here", "missing": "not here", "damaged": "damaged"}[weights_state(b)],
            "Parameters (M)": round(b.parameters / 1e6, 1),
            "Top-1": b.top1,
            "Input (px)": b.input_size,
            "Multiply-adds (G)": round(b.multiply_adds / 1e9, 2),
            "Licence": b.licence,
        }
        for b in BACKBONES.values()
    )


def _fetch(missing: list[Backbone]) -> None:
    names = {b.name: b for b in missing}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Weights that are not here", list(names), format_func=lambda n: names[n].title)
        if st.button("Download", icon=":material/download:", disabled=not names[name].url):
            with telling_errors():
                title = f"Weights of {names[name].title}"
                st.session_state["task-weights"] = tasks.start("weights", title, backbone=name).id
                st.rerun()
    st.caption(
        f"{how_to_get(names[name])} Its address is {names[name].url}." if names[name].url else how_to_get(names[name])
    )


def _bring() -> None:
    """A network of your own, from a file."""
    running = tasks.at_work("backbone")
    if running:
        st.fragment(watch, run_every=1.0)(running[0].id, "Bringing it in")
        return
    _tell("backbone", "Bringing it in")
    path = uploads.upload(
        SLOT,
        "A network of your own",
        ["keras", "h5"],
        help="A `.keras` file with a classifier or a backbone, made of Keras' own layers, or a `.weights.h5` of one"
        " of the architectures above. Code inside a file is never run.",
    )
    if path:
        alone = path.name.endswith(".h5")
        with st.form("bring-backbone", border=False):
            title = st.text_input("Name", value=path.name.split(".")[0], max_chars=60)
            if alone:
                architectures = list(BACKBONES)
                architecture = st.selectbox("Architecture", architectures, format_func=lambda n: BACKBONES[n].title)
                params = {"architecture": architecture}
            else:
                scaling = st.selectbox("Pixels that it expects", list(SCALINGS), format_func=SCALINGS.__getitem__)
                params = {"scaling": scaling}
            if st.form_submit_button("Bring in", icon=":material/upload:"):
                with telling_errors():
                    task = tasks.start("backbone", title, path=str(path), called=title, **params)
                    st.session_state["task-backbone"] = task.id
                    st.rerun()
    for backbone in own.brought_backbones():
        _brought(backbone)


def _tell(kind: str, doing: str) -> None:
    """How a task that this visitor started has ended."""
    mine = st.session_state.pop(f"task-{kind}", None)
    if mine:
        tell_end(mine, doing)
        if kind == "backbone":
            uploads.discard(SLOT)


def _brought(backbone: Backbone) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{literal(backbone.title)}** · {literal(backbone.source)}", width="stretch")
        if st.button("Delete", icon=":material/delete:", key=f"delete-{backbone.name}"):
            with telling_errors():
                own.delete(backbone.name)
                st.rerun()
