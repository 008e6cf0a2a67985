"""The field “Backbone” of the Train page: installed ones, networks of earlier runs, and ways to get more."""

import pandas as pd
import streamlit as st

from core.errors import WeightsError
from core.methods import backbones as own
from core.methods.backbone import Backbone, Scaling, installation_hint, weights_path, weights_state
from core.methods.pretrained import BACKBONES
from core.ui.shell import task_panel, uploads
from core.ui.shell.page import show_errors
from core.ui.shell.text import literal
from core.ui.train import form

SCALINGS: dict[Scaling, str] = {
    "inside": "0 to 255, the network scales them itself",
    "unit": "0 to 1",
    "tf": "−1 to 1",
    "torch": "minus ImageNet's mean, divided by its deviation",
    "caffe": "blue, green, red, minus ImageNet's mean",
}


def choose_backbone() -> str:
    """The name of the chosen backbone."""
    installed = {name: b for name, b in BACKBONES.items() if weights_state(b) == "present"}
    own_backbones = own.own_backbones()
    installed |= {b.name: b for b in own_backbones if b.name.startswith(own.IMPORTED)}
    of_runs = {b.name: b for b in own_backbones if b.name.startswith(own.RUN)}
    options = [*installed, *([form.OF_A_RUN] if of_runs else [])]
    if st.session_state.get(form.BACKBONE) not in options:
        st.session_state[form.BACKBONE] = options[0]
    captions = [
        _describe_backbone(installed[name]) if name in installed else "Continue from the network of an earlier run."
        for name in options
    ]
    titles = {name: b.title if name in BACKBONES else literal(b.title) for name, b in installed.items()}
    chosen = st.radio(
        "Backbone",
        options,
        format_func=lambda name: titles.get(name, "One of your runs"),
        captions=captions,
        key=form.BACKBONE,
        persist_state="session",
        help="The pretrained network to transfer from. Larger ones are slower and often better.",
    )
    if chosen == form.OF_A_RUN:
        chosen = st.selectbox(
            "Run to continue from",
            list(of_runs),
            format_func=lambda name: of_runs[name].title,
            key=form.BACKBONE_RUN,
            persist_state="session",
        )
        st.caption(literal(" → ".join([*of_runs[chosen].chain, "this run"])))
    for backbone in BACKBONES.values():
        if (backbone.package and backbone.name not in installed) or weights_state(backbone) == "damaged":
            try:
                weights_path(backbone)
            except WeightsError as error:
                st.caption(f":material/info: {literal(error.message)} {error.hint}")
    _show_more()
    return chosen


def _describe_backbone(backbone: Backbone) -> str:
    top1 = f" · ImageNet top-1 {backbone.top1:.2f}" if backbone.top1 else ""
    return f"{backbone.parameters / 1e6:.1f} M parameters · {backbone.input_size} px{top1}"


def _show_more() -> None:
    """A fold with all backbones, the download of weights, and the import of a network."""
    box = st.expander("More backbones", icon=":material/add:", on_change="rerun", key=form.MORE_BACKBONES)
    if not box.open:
        return
    with box:
        missing = [b for b in BACKBONES.values() if weights_state(b) != "present"]
        st.dataframe(_list_backbones(), hide_index=True, height=240)
        if not task_panel.is_busy("weights", "Downloading") and missing:
            _show_download(missing)
        st.divider()
        _show_import()


def _list_backbones() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Name": b.title,
            "Weights": {"present": "installed", "missing": "not installed", "damaged": "damaged"}[weights_state(b)],
            "Parameters (M)": round(b.parameters / 1e6, 1),
            "Top-1": b.top1,
            "Input (px)": b.input_size,
            "Multiply-adds (G)": round(b.multiply_adds / 1e9, 2),
            "Licence": b.licence,
        }
        for b in BACKBONES.values()
    )


def _show_download(missing: list[Backbone]) -> None:
    names = {b.name: b for b in missing}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Weights to download", list(names), format_func=lambda n: names[n].title)
        if st.button("Download", icon=":material/download:", disabled=not names[name].url):
            task_panel.start("weights", f"Weights of {names[name].title}", backbone=name)
    st.caption(
        f"{installation_hint(names[name])} Its address is {names[name].url}."
        if names[name].url
        else installation_hint(names[name])
    )


def _show_import() -> None:
    """A network of your own, from a file, and those imported before."""
    if task_panel.is_busy("backbone", "Importing", at_end=lambda _: uploads.discard_upload(form.BACKBONE_FILE)):
        return
    path = uploads.upload_field(
        form.BACKBONE_FILE,
        "A network of your own",
        ["keras", "h5"],
        help="A `.keras` file with a classifier or a backbone, made of Keras' own layers, or a `.weights.h5` of one"
        " of the architectures above. Code inside a file is never run.",
    )
    if path:
        alone = path.name.endswith(".h5")
        with st.form(form.BACKBONE_FILE + "-form", border=False):
            title = st.text_input("Name", value=path.name.split(".")[0], max_chars=60)
            if alone:
                architectures = list(BACKBONES)
                architecture = st.selectbox("Architecture", architectures, format_func=lambda n: BACKBONES[n].title)
                params = {"architecture": architecture}
            else:
                scaling = st.selectbox("Pixel range of its input", list(SCALINGS), format_func=SCALINGS.__getitem__)
                params = {"scaling": scaling}
            if st.form_submit_button("Import", icon=":material/upload:"):
                task_panel.start("backbone", title, path=str(path), called=title, **params)
    for backbone in own.imported_backbones():
        _show_imported(backbone)


def _show_imported(backbone: Backbone) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{literal(backbone.title)}** · {literal(backbone.source)}", width="stretch")
        if st.button("Delete", icon=":material/delete:", key=f"delete-{backbone.name}"):
            with show_errors():
                own.delete_backbone(backbone.name)
                st.rerun()
