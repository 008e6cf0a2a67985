"""What is wrong with a dataset: a card a finding with its evidence, and the files an import refused."""

import pandas as pd
import streamlit as st

from core.data.cleaning.recipe import step_kind
from core.data.findings.registry import finders
from core.data.findings.saved import Check, all_findings, can_check, load_check
from core.data.images.store import DatasetImages
from core.schemas import DataRef, DatasetRecord, Finding, Step, VersionRecord
from core.ui import data_check, data_clean, data_review, gallery, picture_choice, step_settings, version_making
from core.ui.data_overview import samples_of
from core.ui.gallery import literal
from core.ui.words import plural

GLANCE = 6  # pictures; they fit beside each other on a phone
SEVERITY = {
    "error": ("red", ":material/error:", "error"),
    "warning": ("orange", ":material/warning:", "warning"),
    "info": ("blue", ":material/info:", "good to know"),
}


def in_words(version: VersionRecord) -> str:
    """How many findings there are, in the colour of the most severe one."""
    found = all_findings(version, load_check(version))
    if not found:
        return "no findings"
    colour, icon, _ = SEVERITY[found[0].severity]
    return f":{colour}-badge[{icon} {plural(len(found), 'finding')}]"


def findings(dataset: DatasetRecord, version: VersionRecord) -> None:
    """All findings, the most severe first, then what was refused; or the review of one of them."""
    check = load_check(version)
    found = [*all_findings(version, check), *picture_choice.to_review(version, samples_of(dataset.id, version.id))]
    number = data_review.under_review(version)
    if number is not None and number < len(found):
        data_review.review(dataset, version, found[number], check)
        return
    if can_check(dataset):
        data_check.deeper(dataset, version, check)
    if not found:
        kinds = [finder.__name__ for finder in finders(dataset.kind)]
        looked = ", ".join(dict.fromkeys([*kinds, *(check.looked_for if check else ())])).replace("_", " ")
        st.success(f"Nothing was found. Looked for: {looked}.", icon=":material/check_circle:")
    data_review.pending(dataset, version)
    for number, finding in enumerate(found):
        _card(dataset, version, finding, number, check)
    _refused(dataset)


def _card(dataset: DatasetRecord, version: VersionRecord, finding: Finding, number: int, check: Check | None) -> None:
    key = f"finding-{version.id}-{number}"
    colour, icon, word = SEVERITY[finding.severity]
    with st.container(border=True):
        st.markdown(f":{colour}-badge[{icon} {word}] {literal(finding.message)}")
        samples = _evidence(dataset, version, finding)
        if dataset.kind == "image" and len(samples):
            _glance(dataset, samples)
        with st.container(horizontal=True, vertical_alignment="center"):
            if len(samples) and (dataset.kind == "image" or finding.kind == "label_error"):
                st.button(
                    "Review one by one",
                    icon=":material/rate_review:",
                    key=f"{key}-review",
                    on_click=data_review.begin,
                    args=(version, number),
                )
            if finding.remedy and dataset.labelled:
                _remedy(version, finding.remedy, key, _said(dataset, finding.remedy))
        if samples.empty:
            return
        noun = "image" if dataset.kind == "image" else "row"
        label = f"Show {plural(len(samples), f'the {noun}', f'{noun}s')}" if len(samples) > 1 else f"Show the {noun}"
        box = st.expander(label, key=key, on_change="rerun")
        if box.open:
            with box:
                ref = DataRef(dataset=dataset.id, version=version.id)
                gallery.samples(dataset, samples, ref, key)


def _glance(dataset: DatasetRecord, samples: pd.DataFrame) -> None:
    """The first few pictures, small, before all of them are asked for."""
    images = DatasetImages(dataset.id)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        for name, path in zip(samples["id"].head(GLANCE), samples["path"], strict=False):
            gallery.picture(dataset, images, name, gallery.SMALL, alt=path)


def _said(dataset: DatasetRecord, remedy: Step) -> str:
    """The button's words: what the remedy does to how many images."""
    named = remedy.params.get("samples") or remedy.params.get("labels") or ()
    noun = "image" if dataset.kind == "image" else "row"
    if remedy.kind == "drop_samples":
        return f"Drop {plural(len(named), noun)}"
    if remedy.kind == "relabel":
        return f"Relabel {plural(len(named), noun)} as suggested"
    return f"Apply: {step_kind(remedy).title.lower()}"


def _remedy(version: VersionRecord, remedy: Step, key: str, label: str) -> None:
    """One click makes a version with the step, unless the recipe has it already."""
    kind = step_kind(remedy)
    if data_clean.has(version, remedy):
        st.caption(f":material/check: In the recipe: {kind.title.lower()}.")
        return
    words = step_settings.in_words(kind, remedy.params)
    told = f"{kind.help} {words[:1].upper()}{words[1:]}. It can go off again under “Clean”."
    if st.button(label, icon=":material/cleaning_services:", key=f"{key}-apply", help=told):
        version_making.add(version, (remedy,), kind.title.lower())


def _evidence(dataset: DatasetRecord, version: VersionRecord, finding: Finding) -> pd.DataFrame:
    """The finding's samples in its order, ready for the gallery; empty for files that were never imported."""
    samples = samples_of(dataset.id, version.id)
    order = {name: place for place, name in enumerate(finding.samples)}
    found = samples[samples["path"].isin(order.keys())]
    found = found.sort_values("path", key=lambda paths: paths.map(order), kind="stable")
    if dataset.labelled:
        captions = found["label"].map(literal)
        return found[["id", "path", "label"]].assign(caption=captions)
    return found[["id", "path"]].assign(caption="")


def _refused(dataset: DatasetRecord) -> None:
    refused = [(s.path, s.reason, record.source) for record in dataset.imports for s in record.skipped]
    if not refused:
        return
    st.markdown("#### Refused on import")
    st.caption("This was not imported. Correct it, and add it under “Manage”.")
    st.dataframe(pd.DataFrame(refused, columns=["What", "Why", "Import"]), hide_index=True)
