"""The tab “Findings”: a card for each with its evidence and remedy, the deeper check, and refused files."""

import pandas as pd
import streamlit as st

from core.data.cleaning.recipe import step_kind
from core.data.cleaning.steps.review import RELABEL
from core.data.cleaning.steps.samples import DROP_SAMPLES
from core.data.findings.registry import finders
from core.data.findings.saved import VersionCheck, all_findings, can_check, load_check
from core.data.images.store import DatasetImages
from core.data.import_task import NO_REST, import_rest
from core.methods.pretrained import BACKBONES
from core.schemas import DataRef, DatasetRecord, Finding, Step, VersionRecord
from core.store.originals import open_original
from core.ui.data import image_selection, version_making
from core.ui.data.clean import recipe, step_settings
from core.ui.data.findings import review
from core.ui.shell import gallery, task_panel
from core.ui.shell.gallery import version_samples
from core.ui.shell.importing import REST
from core.ui.shell.page import go, show_errors
from core.ui.shell.tables import show_table
from core.ui.shell.text import literal, plural, time_since

FIRST = 6  # pictures; they fit beside each other on a phone
SEVERITY = {
    "error": ("red", ":material/error:", "error"),
    "warning": ("orange", ":material/warning:", "warning"),
    "info": ("blue", ":material/info:", "info"),
}


def count_findings(version: VersionRecord) -> str:
    """How many findings there are, in the colour of the most severe one."""
    known = all_findings(version, load_check(version))
    if not known:
        return "no findings"
    colour, icon, _ = SEVERITY[known[0].severity]
    return f":{colour}-badge[{icon} {plural(len(known), 'finding')}]"


def show_findings(dataset: DatasetRecord, version: VersionRecord) -> None:
    """All findings, the most severe first, then what was refused; or the review of one of them."""
    check = load_check(version)
    known = [
        *all_findings(version, check),
        *image_selection.selection_finding(version, version_samples(dataset.id, version.id)),
    ]
    number = review.reviewed_number(version)
    if number is not None and number < len(known):
        review.show_review(dataset, version, known[number], check)
        return
    if can_check(dataset):
        show_deeper_check(dataset, version, check)
    if not known:
        kinds = [finder.__name__ for finder in finders(dataset.kind)]
        checked = ", ".join(dict.fromkeys([*kinds, *(check.looked_for if check else ())])).replace("_", " ")
        st.success(f"Nothing was found. Looked for: {checked}.", icon=":material/check_circle:")
    review.show_decisions(dataset, version)
    for number, finding in enumerate(known):
        _show_card(dataset, version, finding, number)
    _show_refused(dataset)


def show_deeper_check(dataset: DatasetRecord, version: VersionRecord, check: VersionCheck | None) -> None:
    """The button for the check that needs embeddings or classifiers, its progress, or when it was done."""
    if task_panel.is_busy("check", "Looking deeper", version):
        return
    if check:
        accuracy = f", out-of-fold accuracy {check.accuracy:.2f}" if check.accuracy is not None else ""
        through = f" with {BACKBONES[check.backbone].title} at {check.image_size} px" if check.backbone else ""
        st.caption(f":material/manage_search: Looked deeper {time_since(check.created)}{through}{accuracy}.")
        return
    who, targets = "A pretrained network", "cropped and mirrored copies and images unlike the rest"
    if dataset.labelled:
        targets = "wrong labels, copies of test images, " + targets
    if dataset.kind == "table":
        who, targets = "Cross-validated classifiers", "labels that are probably wrong"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"{who} can look for {targets}.", width="stretch")
        if st.button("Look deeper", icon=":material/manage_search:", type="primary", key=f"look-{version.id}"):
            task_panel.start("check", f"Looking deeper at {dataset.name}", version)


def _show_card(dataset: DatasetRecord, version: VersionRecord, finding: Finding, number: int) -> None:
    key = f"finding-{version.id}-{number}"
    colour, icon, word = SEVERITY[finding.severity]
    with st.container(border=True):
        st.markdown(f":{colour}-badge[{icon} {word}] {literal(finding.message)}")
        samples = _find_evidence(dataset, version, finding)
        if dataset.kind == "image" and len(samples):
            _show_first(dataset, version, samples)
        with st.container(horizontal=True, vertical_alignment="center"):
            if len(samples) and (dataset.kind == "image" or finding.kind == "label_error"):
                st.button(
                    "Review one by one",
                    icon=":material/rate_review:",
                    key=f"{key}-review",
                    on_click=review.begin_review,
                    args=(version, number),
                )
            if finding.kind == "without_class":
                _show_rest_button(dataset, key)
            if finding.remedy and dataset.labelled:
                _show_remedy(version, finding.remedy, key, _describe_remedy(dataset, finding.remedy))
        if samples.empty:
            return
        noun = "image" if dataset.kind == "image" else "row"
        label = f"Show {plural(len(samples), f'the {noun}', f'{noun}s')}" if len(samples) > 1 else f"Show the {noun}"
        box = st.expander(label, key=key, on_change="rerun")
        if box.open:
            with box:
                ref = DataRef(dataset=dataset.id, version=version.id)
                gallery.show_samples(dataset, samples, ref, key)


def _show_rest_button(dataset: DatasetRecord, key: str) -> None:
    """One click makes a dataset of the images without a class, which a run can predict."""
    imports = [
        record
        for record in dataset.current_imports().imports
        if record.original and any(one.unlabelled for one in record.skipped)
    ]
    if not imports or not st.button(
        "Bring them in without classes", icon=":material/add_photo_alternate:", key=f"{key}-rest"
    ):
        return
    with show_errors(), st.spinner("Importing"):
        made = None
        for record in imports:
            with open_original(record.original) as source:
                made = import_rest(source, dataset, record.number) or made
        go("data", dataset=dataset.id, **{REST: made.dataset.id if made else NO_REST})


def _show_first(dataset: DatasetRecord, version: VersionRecord, samples: pd.DataFrame) -> None:
    """The first few pictures, small, before all of them are asked for."""
    images = DatasetImages(dataset.id, version.imports)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        for name, path in zip(samples["id"].head(FIRST), samples["path"], strict=False):
            gallery.show_picture(dataset, images, name, gallery.SMALL, alt=path)


def _describe_remedy(dataset: DatasetRecord, remedy: Step) -> str:
    """The label of the button: what the remedy does to how many samples."""
    named = remedy.params.get("samples") or remedy.params.get("labels") or ()
    noun = "image" if dataset.kind == "image" else "row"
    if remedy.kind == DROP_SAMPLES:
        return f"Drop {plural(len(named), noun)}"
    if remedy.kind == RELABEL:
        return f"Relabel {plural(len(named), noun)} as suggested"
    return f"Apply: {step_kind(remedy).title.lower()}"


def _show_remedy(version: VersionRecord, remedy: Step, key: str, label: str) -> None:
    """One click makes a version with the step, unless the recipe has it already."""
    kind = step_kind(remedy)
    if recipe.has_step(version, remedy):
        st.caption(f":material/check: In the recipe: {kind.title.lower()}.")
        return
    settings = step_settings.describe_settings(kind, remedy.params)
    help_text = f"{kind.help} {settings[:1].upper()}{settings[1:]}. It can be switched off under “Clean”."
    if st.button(label, icon=":material/cleaning_services:", key=f"{key}-apply", help=help_text):
        version_making.add_steps(version, (remedy,), kind.title.lower())


def _find_evidence(dataset: DatasetRecord, version: VersionRecord, finding: Finding) -> pd.DataFrame:
    """The finding's samples in its order, ready for the gallery; empty for files that were never imported."""
    samples = version_samples(dataset.id, version.id)
    order = {name: place for place, name in enumerate(finding.samples)}
    evidence = samples[samples["path"].isin(order.keys())]
    evidence = evidence.sort_values("path", key=lambda paths: paths.map(order), kind="stable")
    if dataset.labelled:
        captions = evidence["label"].map(literal)
        return evidence[["id", "path", "label"]].assign(caption=captions)
    return evidence[["id", "path"]].assign(caption="")


def _show_refused(dataset: DatasetRecord) -> None:
    refused = [(s.path, s.reason, record.source) for record in dataset.imports for s in record.skipped]
    if not refused:
        return
    st.markdown("#### Left out on import")
    st.caption("These are not in the dataset. Correct what is wrong and add it under “Manage”.")
    show_table(pd.DataFrame(refused, columns=["What", "Why", "Import"]))
