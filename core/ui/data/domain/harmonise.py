"""Names, types, units and spellings that differ from another dataset's, and the steps that remove the differences."""

import streamlit as st

from core.data.harmonising import Match, harmonise
from core.schemas import DataRef, DatasetRecord, VersionRecord
from core.store.datasets import get_version
from core.ui.data import version_making
from core.ui.shell.text import list_some, literal, plural

SHOWN = 12


def show_differences(dataset: DatasetRecord, version: VersionRecord, other: DatasetRecord) -> None:
    """What both datasets have, and the proposals that harmonise this one."""
    match = _match(dataset.id, version.id, other.id, other.version)
    _show_overlap(dataset, match, other.name)
    _show_proposals(version, match, other.id)


@st.cache_data(max_entries=8, show_spinner="Comparing names and values")
def _match(dataset: str, version: str, other: str, other_version: str) -> Match:
    return harmonise(
        get_version(DataRef(dataset=dataset, version=version)),
        get_version(DataRef(dataset=other, version=other_version)),
    )


def _show_overlap(dataset: DatasetRecord, match: Match, other: str) -> None:
    """What both have, and what only one of them has."""
    noun = ("class", "classes") if dataset.kind == "image" else ("column", "columns")
    for column, title, names in zip(
        st.columns(3),
        ("In both", "Only here", f"Only in {literal(other)}"),
        (match.shared, match.only_here, match.only_there),
        strict=True,
    ):
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"**{title}** · {plural(len(names), *noun)}")
            st.caption(list_some(names, SHOWN) or "none")


def _show_proposals(version: VersionRecord, match: Match, other: str) -> None:
    if not match.proposals:
        st.success("Nothing to harmonise: names, types, units and spellings agree.", icon=":material/check_circle:")
        return
    with st.form(f"harmonise-{version.id}-{other}"):
        st.markdown("**What differs only in how it is written**", help="Each one becomes a step of the recipe.")
        steps = []
        for number, proposal in enumerate(match.proposals):
            mark = "" if proposal.sure else " :orange-badge[please check]"
            if st.checkbox(
                literal(proposal.message) + mark, value=proposal.sure, key=f"take-{version.id}-{other}-{number}"
            ):
                steps.append(proposal.step)
        if st.form_submit_button("Make this version", type="primary", icon=":material/join:"):
            if not steps:
                st.info("Nothing is ticked, so there is nothing to change.", icon=":material/info:")
                return
            version_making.add_steps(version, steps, f"{plural(len(steps), 'difference')} removed")
