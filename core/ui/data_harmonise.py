"""What makes this data set speak like another: its names, types, units and spellings; the other stays as it is."""

import streamlit as st

from core.data.harmonising import Match, harmonise
from core.schemas import DataRef, DatasetRecord, VersionRecord
from core.store.datasets import get_version
from core.ui import version_making
from core.ui.gallery import literal
from core.ui.words import plural

SHOWN = 12


def harmonising(dataset: DatasetRecord, version: VersionRecord, other: DatasetRecord) -> None:
    """See what answers to what in names, types, units and spellings, and take the proposals."""
    found = _found(dataset.id, version.id, other.id, other.version)
    _overlap(dataset, found, other.name)
    _proposals(version, found, other.id)


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
