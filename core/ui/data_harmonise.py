"""The Domain tab: a second data set beside this one, and what makes this one speak like it."""

import streamlit as st

from core.data.harmonising import Match, harmonise
from core.schemas import DataRef, DatasetRecord, VersionRecord
from core.store.datasets import get_version, list_datasets
from core.ui import version_making
from core.ui.gallery import literal
from core.ui.page import go
from core.ui.words import plural

SHOWN = 12


def domain(dataset: DatasetRecord, version: VersionRecord) -> None:
    """Choose the other data set, see what answers to what, take the proposals."""
    others = {other.id: other for other in list_datasets() if other.id != dataset.id and other.kind == dataset.kind}
    if not others:
        with st.container(border=True, horizontal_alignment="center", gap="medium"):
            what = "images" if dataset.kind == "image" else "table"
            st.markdown(
                f"Before one data set can teach another, both must use the same names and units. Bring in a second"
                f" {'set of images' if what == 'images' else what}; here you will see how this one differs from it.",
                width="content",
            )
            if st.button("Bring data in", type="primary", icon=":material/add:"):
                go("home")
        return
    chosen = st.selectbox(
        "Make this data set speak like",
        list(others),
        key=f"domain-{dataset.id}",
        format_func=lambda other: others[other].name,
        help="Names of classes and columns, types, units and spellings are compared. The other one stays as it is.",
    )
    found = _found(dataset.id, version.id, chosen, others[chosen].version)
    _overlap(dataset, found, others[chosen].name)
    _proposals(version, found, chosen)


@st.cache_data(max_entries=8, show_spinner="Comparing names and values")
def _found(dataset: str, version: str, other: str, other_version: str) -> Match:
    return harmonise(
        get_version(DataRef(dataset=dataset, version=version)),
        get_version(DataRef(dataset=other, version=other_version)),
    )


def _overlap(dataset: DatasetRecord, found: Match, other: str) -> None:
    """What both have, what only one has."""
    noun = ("class", "classes") if dataset.kind == "image" else ("column", "columns")
    for column, title, names in zip(
        st.columns(3),
        ("In both", "Only here", f"Only in {literal(other)}"),
        (found.shared, found.only_here, found.only_there),
        strict=True,
    ):
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"**{title}** · {plural(len(names), *noun)}")
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            st.caption((", ".join(literal(name) for name in names[:SHOWN]) or "none") + more)


def _proposals(version: VersionRecord, found: Match, other: str) -> None:
    if not found.proposals:
        st.success("Nothing to harmonise: names, types, units and spellings agree.", icon=":material/check_circle:")
        return
    with st.form(f"harmonise-{version.id}-{other}"):
        st.markdown("**What differs only in how it is written**", help="Each one becomes a step of the recipe.")
        taken = []
        for number, proposal in enumerate(found.proposals):
            told = "" if proposal.sure else " :orange-badge[please check]"
            if st.checkbox(
                literal(proposal.message) + told, value=proposal.sure, key=f"take-{version.id}-{other}-{number}"
            ):
                taken.append(proposal.step)
        if st.form_submit_button("Make this version", type="primary", icon=":material/join:"):
            if not taken:
                st.info("Nothing is ticked, so there is nothing to change.", icon=":material/info:")
                return
            version_making.add(version, taken, f"{plural(len(taken), 'difference')} gone")
