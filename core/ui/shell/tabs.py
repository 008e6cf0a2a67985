"""Tabs of a page: each is one record, and only the open one runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, ParamSpec

import streamlit as st

from core.ui.shell.page import show_errors

P = ParamSpec("P")
OPEN = "tab"  # in the session and in the address


@dataclass(frozen=True)
class Tab(Generic[P]):
    """One tab: its `key` names it in an address (`?tab=KEY`) whatever its label is.

    `render` draws it and `applies` says whether the page has it; both are given what the page shows.
    """

    label: str
    key: str
    render: Callable[P, None]
    applies: Callable[P, bool] = lambda *_, **__: True


def show_tabs(tabs: Sequence[Tab[P]], *shown: P.args, **named: P.kwargs) -> None:
    """Draw the tabs that apply. Only the open one runs; its label is kept in the address."""
    offered = [tab for tab in tabs if tab.applies(*shown, **named)]
    labels = {tab.key: tab.label for tab in offered}
    asked = st.query_params.get(OPEN, "")
    if asked in labels:
        st.session_state[OPEN] = labels[st.query_params.pop(OPEN)]
    for tab, place in zip(offered, st.tabs(list(labels.values()), key=OPEN, bind="query-params"), strict=True):
        if place.open:
            with place, show_errors():
                tab.render(*shown, **named)
