"""What is wrong with a dataset: a card a finding with its evidence, and the files an import refused."""

import pandas as pd
import streamlit as st

from core.data.cleaning import step_kind
from core.data.findings import finders
from core.schemas import DataRef, DatasetRecord, Finding, Step, VersionRecord
from core.ui import data_clean, gallery, step_settings
from core.ui.data_overview import samples_of
from core.ui.gallery import literal
from core.ui.page import telling_errors
from core.ui.words import plural

SEVERITY = {
    "error": ("red", ":material/error:", "error"),
    "warning": ("orange", ":material/warning:", "warning"),
    "info": ("blue", ":material/info:", "good to know"),
}


def in_words(version: VersionRecord) -> str:
    """How many findings there are, in the colour of the most severe one."""
    if not version.findings:
        return "no findings"
    colour, icon, _ = SEVERITY[version.findings[0].severity]
    return f":{colour}-badge[{icon} {plural(len(version.findings), 'finding')}]"


def findings(dataset: DatasetRecord, version: VersionRecord) -> None:
    """All findings, the most severe first, then what was refused."""
    if not version.findings:
        looked = ", ".join(finder.__name__.replace("_", " ") for finder in finders(dataset.kind))
        st.success(f"Nothing was found. Looked for: {looked}.", icon=":material/check_circle:")
    for number, finding in enumerate(version.findings):
        _card(dataset, version, finding, f"finding-{version.id}-{number}")
    _refused(dataset)


def _card(dataset: DatasetRecord, version: VersionRecord, finding: Finding, key: str) -> None:
    colour, icon, word = SEVERITY[finding.severity]
    with st.container(border=True):
        st.markdown(f":{colour}-badge[{icon} {word}] {literal(finding.message)}")
        if finding.remedy and dataset.labelled:
            _remedy(version, finding.remedy, key)
        samples = _evidence(dataset, version, finding)
        if samples.empty:
            return
        noun = "image" if dataset.kind == "image" else "row"
        label = f"Show {plural(len(samples), f'the {noun}', f'{noun}s')}" if len(samples) > 1 else f"Show the {noun}"
        box = st.expander(label, key=key, on_change="rerun")
        if box.open:
            with box:
                ref = DataRef(dataset=dataset.id, version=version.id)
                gallery.samples(dataset, samples, ref, key)


def _remedy(version: VersionRecord, remedy: Step, key: str) -> None:
    """One click makes a version with the step, unless the recipe has it already."""
    kind = step_kind(remedy)
    if data_clean.has(version, remedy):
        st.caption(f":material/check: In the recipe: {kind.title.lower()}.")
        return
    words = step_settings.in_words(kind, remedy.params)
    told = f"{kind.help} {words[:1].upper()}{words[1:]}. It can go off again under “Clean”."
    if st.button(f"Apply: {kind.title.lower()}", icon=":material/cleaning_services:", key=f"{key}-apply", help=told):
        with telling_errors():
            made = data_clean.apply_remedy(version, remedy)
            st.toast(f"Version {made.name}: {kind.title.lower()}", icon=":material/check:")
            st.rerun()


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
