"""What every page begins with, how pages send a visitor on, and how they show errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import streamlit as st

from core.errors import GraftError
from core.ui.shell.text import literal

ENTERED = "_entered"
WANTED = "_wanted"


def guard(page: str) -> None:
    """Send a visitor who came in by a deep link through the entry point first.

    A fresh server answers a first visit to `/train` by running `pages/train.py` alone, without the settings,
    theme and navigation of `streamlit_app.py`. The wanted page and its query are kept for `resume`.
    """
    if not st.session_state.get(ENTERED):
        st.session_state[WANTED] = (page, st.query_params.to_dict())
        st.switch_page("streamlit_app.py")


def resume() -> None:
    """Called by the entry point once navigation exists: send the visitor on to the page first asked for."""
    st.session_state[ENTERED] = True
    wanted = st.session_state.pop(WANTED, None)
    if wanted:
        go(wanted[0], **wanted[1])


def go(page: str, /, **query: str) -> NoReturn:
    """Switch to `pages/{page}.py` with this query in the address."""
    st.switch_page(f"pages/{page}.py", query_params=query)


@contextmanager
def show_errors() -> Iterator[None]:
    """Show a `GraftError` of the block as its sentence and hint; the rest of the page goes on."""
    try:
        yield
    except GraftError as error:
        show_error(error)


def show_error(error: GraftError) -> None:
    """The message may quote a name or a file from outside; the hint is Graft's own, with commands in it."""
    message = literal(error.message)
    st.error(f"{message}  \n{error.hint}" if error.hint else message, icon=":material/error:")


def show_empty_page(message: str, page: str, label: str, icon: str) -> NoReturn:
    """Say what this page will show and offer the one way to get there; the page ends here."""
    with invitation(message):
        if st.button(label, type="primary", icon=icon):
            go(page)
    st.stop()


@contextmanager
def invitation(message: str) -> Iterator[None]:
    """A box that says what will be here; the block draws the button that gets it."""
    with st.container(border=True, horizontal_alignment="center", gap="medium"):
        st.markdown(message, width="content")
        yield
